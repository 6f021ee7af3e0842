//! `strongroom open`.

use crate::context::Context;
use crate::errors::{Exit, Failure};
use crate::output;

/// Prints an address that signs one browser in as the local owner, once.
pub(crate) fn run(context: &Context) -> Result<Exit, Failure> {
    let session = context.connect()?;
    if session.is_in_process() {
        return Err(Failure::failed("no server runs here that could show pages").hint("strongroom server"));
    }
    let opening = session.wait(session.client().open_pages())?;
    if !context.output.is_for_people() {
        return context.output.structured(&opening).map(|()| Exit::DONE);
    }
    output::line(opening.url.0.expose())?;
    context.output.talk("open it in a browser within two minutes, and press the button there; it works once");
    Ok(Exit::DONE)
}
