//! Invoking: a cached route, who may call, and a worker that has seen every change that came before.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use http::{Request, Response};
use strongroom_model::Capability;
use strongroom_model::manifest::CallAuth;
use strongroom_runtime::{Body, InvocationContext, InvokeError, Need};

use super::entry::Entry;
use crate::authz::Reach;
use crate::caller::Caller;
use crate::error::Error;
use crate::live::Affected;
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
pub async fn invoke(app: &Arc<App>, call: Invocation<'_>) -> Result<Response<Body>, InvokeRefusal> {
    let Some(entry) = app.route(call.route).await? else {
        return Err(Error::not_found(format!("function {}", call.route)).into());
    };
    authorise(app, &entry, call.caller.as_ref()).await?;
    if app.clock.now().as_millisecond() >= entry.valid_until.load(Ordering::SeqCst) {
        app.expire(&entry).await?;
    }
    let need = Need { epoch: entry.epoch.load(Ordering::SeqCst) };
    let context = InvocationContext { execution_id: call.execution_id, url: call.url, client: call.client };
    let runtime = app.runtime().await?;
    runtime.invoke(&entry.spec, need, context, call.request).await.map_err(refusal)
}

async fn authorise(app: &App, entry: &Entry, caller: Option<&Caller>) -> Result<(), InvokeRefusal> {
    match (entry.manifest.auth, caller) {
        (CallAuth::Public, _) => Ok(()),
        (CallAuth::Token | CallAuth::User, None) => {
            app.anonymous_denials.fetch_add(1, Ordering::Relaxed);
            Err(InvokeRefusal::Anonymous)
        }
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

impl App {
    /// Time has passed an expiry in what this function's workers hold: a change like any other.
    async fn expire(self: &Arc<Self>, entry: &Arc<Entry>) -> Result<(), Error> {
        let now = self.clock.now().as_millisecond();
        {
            let _turn = self.expiry_turn.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            if now < entry.valid_until.load(Ordering::SeqCst) {
                return Ok(());
            }
            entry.valid_until.store(i64::MAX, Ordering::SeqCst);
        }
        let (project, namespace) = (entry.project.id, entry.namespace.clone());
        let counter = self
            .store
            .write(move |tx: &mut dyn strongroom_store::Tx| tx.raise_epoch(&project, Some(&namespace)))
            .await
            .map_err(Error::from);
        let counter = match counter {
            Ok(counter) => counter,
            Err(error) => {
                entry.valid_until.store(now, Ordering::SeqCst);
                return Err(error);
            }
        };
        let names = self.routes_names(entry);
        let scope = strongroom_model::Scope::Namespace(entry.namespace.clone());
        let affected = Affected { project: Arc::clone(&entry.project), scope, names, removed: true };
        self.announce(affected, Some(counter)).await?;
        Ok(())
    }

    /// The names on the lists of the namespace's functions: an expiry may concern any of them.
    fn routes_names(&self, entry: &Entry) -> Vec<strongroom_model::SecretName> {
        let same =
            self.routes.where_entry(|other| other.namespace == entry.namespace && other.project.id == entry.project.id);
        same.iter()
            .flat_map(|other| other.manifest.secrets.iter().flatten().map(|listed| listed.name.clone()))
            .collect()
    }
}
