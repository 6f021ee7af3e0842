//! Waiting until declared secrets have values: by the stream of changes, not by asking again and again.

use std::rc::Rc;

use strongroom_api::secrets::State;
use strongroom_client::{ClientError, SecretFilter, Selector};

use crate::changes::Changes;
use crate::context::Context;
use crate::errors::Failure;
use crate::scope::Target;
use crate::session::{self, Session};

/// How the waiting ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Waited {
    /// Every name has a value.
    Filled,
    /// The person pressed Ctrl-C.
    Interrupted,
}

/// Waits until these names of the target have values, or, if a link is given, until it was used.
pub(super) fn until_filled(
    context: &Context,
    target: &Target,
    names: &[String],
    link: Option<&str>,
) -> Result<Waited, Failure> {
    let runtime = Rc::new(session::runtime()?);
    let (scope, namespace, app) = target.parts();
    let within = Selector { scope: scope.as_deref(), namespace: namespace.as_deref(), app: app.as_deref() };
    let mut changes = Changes::new(namespace.as_deref());
    let mut left: Vec<String> = Vec::new();
    loop {
        let heard = runtime.block_on(interruptible(changes.next()))?;
        if heard.is_none() {
            return Ok(Waited::Interrupted);
        }
        let session = Session::open_on(context, Rc::clone(&runtime))?;
        let answer = runtime.block_on(interruptible(ask(&mut changes, &session, (within, names, link))))?;
        changes.looked(context, session)?;
        let still = match answer {
            None => return Ok(Waited::Interrupted),
            Some(Ok(still)) => still,
            Some(Err(error)) if error.problem().is_some() => return Err(Failure::from(error)),
            Some(Err(error)) => {
                context.output.talk(&format!("warning: {error}; waiting for it"));
                changes.lose();
                continue;
            }
        };
        if still.is_empty() {
            return Ok(Waited::Filled);
        }
        if still != left {
            context.output.talk(&format!("waiting for {} (Ctrl-C stops waiting)", still.join(", ")));
            left = still;
        }
    }
}

/// The names that are still waited for.
async fn ask(
    changes: &mut Changes,
    session: &Session,
    (within, names, link): (Selector<'_>, &[String], Option<&str>),
) -> Result<Vec<String>, ClientError> {
    // listening comes first, so that nothing happens unheard between the two
    changes.renew(session).await?;
    if let Some(link) = link {
        let links = session.project().links().await?;
        let is_open = links.iter().any(|item| item.id == link && item.filled_at.is_none());
        return Ok(if is_open { names.to_vec() } else { Vec::new() });
    }
    let items = session.project().secrets(SecretFilter { within, ..SecretFilter::default() }).await?;
    let has_value = |name: &String| items.iter().any(|item| item.name == *name && item.state != State::NoValue);
    Ok(names.iter().filter(|name| !has_value(name)).cloned().collect())
}

/// The result, or nothing once the person has pressed Ctrl-C.
async fn interruptible<T>(work: impl Future<Output = T>) -> Result<Option<T>, Failure> {
    tokio::select! {
        result = work => Ok(Some(result)),
        pressed = tokio::signal::ctrl_c() => match pressed {
            Ok(()) => Ok(None),
            Err(error) => Err(Failure::failed("Ctrl-C could not be listened for").because(&error)),
        },
    }
}
