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
use crate::identity::Unproven;
use crate::open::App;

/// One call.
pub struct Invocation<'a> {
    /// `project/namespace/name`.
    pub route: &'a str,
    /// Who calls by a token of Strongroom's; none is anonymous.
    pub caller: Option<Caller>,
    /// The bearer in `Authorization` that is no token of Strongroom's. Whose it is, the function's `auth` says.
    pub bearer: Option<String>,
    /// The token in `X-Strongroom-User`.
    pub user_token: Option<String>,
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
    /// The function wants an end user's token.
    #[error("this function needs the token of an end user")]
    NoUser,
    /// An end user's token stands where the function takes none.
    #[error("an end user's token stands in two places")]
    TwoUsers,
    /// The end user's token is not believed.
    #[error(transparent)]
    Unproven(#[from] Unproven),
    /// Anything else.
    #[error(transparent)]
    Error(#[from] Error),
    /// The worker broke off before it answered.
    #[error("the function's worker ended before it answered")]
    Broken,
}

/// Calls a function. No database, no decryption and no lock that waits stand on this path when nothing has changed and the
/// call is made for no end user.
pub async fn invoke(app: &Arc<App>, mut call: Invocation<'_>) -> Result<Response<Body>, InvokeRefusal> {
    let Some(entry) = app.route(WorkloadKind::Function, call.route).await? else {
        return Err(Error::not_found(format!("function {}", call.route)).into());
    };
    if let Some(caller) = &mut call.caller {
        caller.enter(&entry.project.name);
    }
    let auth = call_auth(&entry)?;
    let authorised = authorise(app, &entry, auth, call.caller.as_ref()).await;
    if matches!(authorised, Err(InvokeRefusal::Anonymous)) {
        app.count_anonymous_denial(&call.client.map_or_else(|| "socket".to_owned(), |client| client.to_string()));
    }
    authorised?;
    let user = match user_token(auth, &mut call)? {
        Some(token) => {
            let (user, _) = app.end_user(&entry.project, &token).await?;
            Some(app.visitor(&entry, user, &call.execution_id).await?)
        }
        None => None,
    };
    app.counts.invocations.fetch_add(1, Ordering::Relaxed);
    if app.clock.now().as_millisecond() >= entry.valid_until.load(Ordering::SeqCst) {
        app.expire(&entry.project).await?;
    }
    let need = Need { epoch: entry.epoch.load(Ordering::SeqCst) };
    let context = InvocationContext { execution_id: call.execution_id, url: call.url, client: call.client, user };
    let runtime = app.runtime().await?;
    runtime.invoke(&entry.spec, need, context, call.request).await.map_err(refusal)
}

fn call_auth(entry: &Entry) -> Result<CallAuth, Error> {
    match &entry.manifest {
        Manifest::Function(manifest) => Ok(manifest.auth),
        Manifest::Job(_) => Err(Error::not_found(format!("function {}", entry.name))),
    }
}

async fn authorise(app: &App, entry: &Entry, auth: CallAuth, caller: Option<&Caller>) -> Result<(), InvokeRefusal> {
    match (auth, caller) {
        // the end user's token says who may
        (CallAuth::Public | CallAuth::User, _) => Ok(()),
        (CallAuth::Token, None) => Err(InvokeRefusal::Anonymous),
        (CallAuth::Token, Some(caller)) => {
            let reach = Reach::Namespace(&entry.namespace, None);
            app.enter(caller, &entry.project.name, Capability::FunctionsInvoke, reach).await?;
            Ok(())
        }
    }
}

/// The token of the end user whom the call is made for. It stands in `Authorization` where the function is for end users, and
/// is taken out there; else in `X-Strongroom-User`, if the call is made for one. There is no third place, and never two.
fn user_token(auth: CallAuth, call: &mut Invocation<'_>) -> Result<Option<String>, InvokeRefusal> {
    if auth != CallAuth::User {
        return Ok(call.user_token.take());
    }
    if call.user_token.is_some() {
        return Err(InvokeRefusal::TwoUsers);
    }
    let token = call.bearer.take().ok_or(InvokeRefusal::NoUser)?;
    call.request.headers_mut().remove(http::header::AUTHORIZATION);
    Ok(Some(token))
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
