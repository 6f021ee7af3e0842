//! `strongroom whoami`.

use crate::context::Context;
use crate::errors::{Exit, Failure};
use crate::output;

pub(crate) fn run(context: &Context) -> Result<Exit, Failure> {
    let session = context.connect()?;
    let whoami = session.wait(session.client().whoami())?;
    if !context.output.is_for_people() {
        return context.output.structured(&whoami).map(|()| Exit::DONE);
    }
    let all = |list: &[String]| if list.is_empty() { "all".to_owned() } else { list.join(", ") };
    let lines = [
        ("Who", format!("{} ({})", whoami.actor, whoami.kind)),
        ("At", session.client().name()),
        ("Project", whoami.project.clone().unwrap_or_else(|| "all".to_owned())),
        ("May", all(&whoami.capabilities)),
        ("Namespaces", all(&whoami.namespaces)),
    ];
    lines.iter().try_for_each(|(label, text)| output::line(&format!("{label:<12} {text}")))?;
    Ok(Exit::DONE)
}
