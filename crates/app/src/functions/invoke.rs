//! Invoking: a cached route, who may call, and a worker that has seen every change that came before.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use http::{Request, Response};
use strongroom_model::Capability;
use strongroom_model::manifest::CallAuth;
use strongroom_runtime::{Body, InvocationContext, InvokeError, Need, WorkloadKind};

use super::Manifest;
use super::entry::Entry;
use crate::authz::Reach;
use crate::caller::Caller;
use crate::error::Error;
use crate::open::App;

/// One call.
pub struct Invocation<'a> {
    /// `project/namespace/name`.
    pub route: &'a str,
    /// Who calls; none is anonymous.
    pub caller: Option<Caller>,
    /// Id of the execution, which is also the request's id.
    pub execution_id: String,
    /// The address as the code shall see it.
    pub url: String,
    /// The caller's address.
    pub client: Option<IpAddr>,
    /// The request: headers already stripped of what is not the function's, the path as the code shall see it.
    pub request: Request<Body>,
}

/// Why there was no answer from the function.
#[derive(Debug, thiserror::Error)]
pub enum InvokeRefusal {
    /// The function wants a credential.
    #[error("this function needs a token")]
    Anonymous,
    /// Anything else.
    #[error(transparent)]
    Error(#[from] Error),
    /// The worker broke off before it answered.
    #[error("the function's worker ended before it answered")]
    Broken,
}

/// Calls a function. No database, no decryption and no lock that waits stand on this path when nothing has changed.
pub async fn invoke(app: &Arc<App>, mut call: Invocation<'_>) -> Result<Response<Body>, InvokeRefusal> {
    let Some(entry) = app.route(WorkloadKind::Function, call.route).await? else {
        return Err(Error::not_found(format!("function {}", call.route)).into());
    };
    if let Some(caller) = &mut call.caller {
        caller.enter(&entry.project.name);
    }
    let authorised = authorise(app, &entry, call.caller.as_ref()).await;
    if matches!(authorised, Err(InvokeRefusal::Anonymous)) {
        app.count_anonymous_denial(&call.client.map_or_else(|| "socket".to_owned(), |client| client.to_string()));
    }
    authorised?;
    app.counts.invocations.fetch_add(1, Ordering::Relaxed);
    if app.clock.now().as_millisecond() >= entry.valid_until.load(Ordering::SeqCst) {
        app.expire(&entry.project).await?;
    }
    let need = Need { epoch: entry.epoch.load(Ordering::SeqCst) };
    let context = InvocationContext { execution_id: call.execution_id, url: call.url, client: call.client };
    let runtime = app.runtime().await?;
    runtime.invoke(&entry.spec, need, context, call.request).await.map_err(refusal)
}

async fn authorise(app: &App, entry: &Entry, caller: Option<&Caller>) -> Result<(), InvokeRefusal> {
    let Manifest::Function(manifest) = &entry.manifest else {
        return Err(Error::not_found(format!("function {}", entry.name)).into());
    };
    match (manifest.auth, caller) {
        (CallAuth::Public, _) => Ok(()),
        (CallAuth::Token | CallAuth::User, None) => Err(InvokeRefusal::Anonymous),
        (CallAuth::Token, Some(caller)) => {
            let reach = Reach::Namespace(&entry.namespace, None);
            app.enter(caller, &entry.project.name, Capability::FunctionsInvoke, reach).await?;
            Ok(())
        }
        (CallAuth::User, Some(_)) => {
            Err(Error::Forbidden("no issuer of end users is configured for this project".to_owned()).into())
        }
    }
}

fn refusal(error: InvokeError) -> InvokeRefusal {
    match error {
        InvokeError::Overloaded { .. } => Error::Overloaded.into(),
        InvokeError::Timeout(_) => Error::Timeout.into(),
        InvokeError::Broken => InvokeRefusal::Broken,
        InvokeError::BadRequest => Error::invalid("request", "the request cannot be passed to the function").into(),
        InvokeError::Unavailable(failure) => {
            tracing::error!(error = %failure, "a function has no worker");
            Error::Unavailable("the function has no worker with current secrets; its log says why".to_owned()).into()
        }
        InvokeError::NotReady(_) => {
            Error::Unavailable("the function's worker is not ready yet; try again".to_owned()).into()
        }
    }
}
