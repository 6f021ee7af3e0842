//! Waiting until declared secrets have values: by the stream of changes, not by asking again and again.

use std::rc::Rc;

use strongroom_api::secrets::{SecretItem, State};
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

/// Waits until these names of the target have values.
pub(super) fn until_filled(context: &Context, target: &Target, names: &[String]) -> Result<Waited, Failure> {
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
        let answer = runtime.block_on(interruptible(ask(&mut changes, &session, within)))?;
        changes.looked(context, session)?;
        let items = match answer {
            None => return Ok(Waited::Interrupted),
            Some(Ok(items)) => items,
            Some(Err(error)) if error.problem().is_some() => return Err(Failure::from(error)),
            Some(Err(error)) => {
                context.output.talk(&format!("warning: {error}; waiting for it"));
                changes.lose();
                continue;
            }
        };
        let has_value = |name: &String| items.iter().any(|item| item.name == *name && item.state != State::NoValue);
        let still: Vec<_> = names.iter().filter(|name| !has_value(name)).cloned().collect();
        if still.is_empty() {
            return Ok(Waited::Filled);
        }
        if still != left {
            context.output.talk(&format!("waiting for {} (Ctrl-C stops waiting)", still.join(", ")));
            left = still;
        }
    }
}

async fn ask(changes: &mut Changes, session: &Session, within: Selector<'_>) -> Result<Vec<SecretItem>, ClientError> {
    // listening comes first, so that nothing happens unheard between the two
    changes.renew(session).await?;
    session.project().secrets(SecretFilter { within, ..SecretFilter::default() }).await
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
