//! `strongroom secrets stats`.

use crate::context::Context;
use crate::errors::{Exit, Failure};
use crate::output;

pub(crate) fn run(context: &Context) -> Result<Exit, Failure> {
    let session = context.connect()?;
    let stats = session.wait(session.project().secret_stats())?;
    if !context.output.is_for_people() {
        return context.output.structured(&stats).map(|()| Exit::DONE);
    }
    let lines = [
        ("Total", stats.total),
        ("Expiring soon", stats.expiring_soon),
        ("Expired", stats.expired),
        ("Without value", stats.without_value),
    ];
    lines.into_iter().try_for_each(|(label, number)| output::line(&format!("{label:<14} {number}")))?;
    Ok(Exit::DONE)
}
