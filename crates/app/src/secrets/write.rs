//! Writing values and metadata: one secret or many, all or none, every problem reported.

use std::sync::Arc;

use strongroom_api::secrets::{Written, WrittenSecret};
use strongroom_model::{Capability, Expiry, ProjectName, Scope, SecretName};
use strongroom_secret::SecretValue;
use strongroom_store::Tx;

use super::task::{Done, Stopped, Task};
use crate::authz::{self, Reach};
use crate::caller::Caller;
use crate::error::Error;
use crate::keys::Project;
use crate::live::Affected;
use crate::open::App;

/// What must be true of a secret before it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Presence {
    /// Nothing: it is made or changed.
    Any,
    /// It exists.
    Required,
    /// It has no value yet.
    WithoutValue,
    /// It exists, and has no value yet unless it is one of these.
    WithoutValueBut(Vec<SecretName>),
    /// It does not exist.
    Forbidden,
}

/// What changes about one secret.
#[derive(Debug)]
pub struct Change {
    /// Which.
    pub name: SecretName,
    /// A new value; none leaves it.
    pub value: Option<SecretValue>,
    /// A new description; `Some(None)` clears it.
    pub description: Option<Option<String>>,
    /// A new expiry.
    pub expires: Option<Expiry>,
}

/// One write of one or many secrets of one scope.
#[derive(Debug)]
pub struct Write {
    /// Where they live.
    pub scope: Scope,
    /// What changes; no name twice.
    pub changes: Vec<Change>,
    /// What must be true before.
    pub presence: Presence,
    /// Appends a version even where the value is the current one.
    pub force: bool,
    /// The version that each must have now; 0 stands for "no value".
    pub if_version: Option<u64>,
    /// Names granted although they steer a runtime or are published by front-end tools.
    pub allowed: Vec<SecretName>,
    /// Tells what would happen and writes nothing.
    pub dry_run: bool,
}

/// Writes them in one transaction with their audit records, then tells the running workers. Refuses with *all* the
/// problems if there is one, and nothing is written then.
pub async fn write(app: &Arc<App>, caller: &Caller, project: &ProjectName, write: Write) -> Result<Written, Error> {
    let scope = write.scope.clone();
    let (entered, done) = commit(app, caller, project, write).await?;
    Ok(tell(app, entered, scope, done).await)
}

/// The same for a write of exactly one secret; tells its metadata too.
pub async fn write_one(
    app: &Arc<App>,
    caller: &Caller,
    project: &ProjectName,
    write: Write,
) -> Result<WrittenSecret, Error> {
    let scope = write.scope.clone();
    let (entered, mut done) = commit(app, caller, project, write).await?;
    // only the repeat of a write whose secret has gone since has none
    let head = done.last.take().ok_or_else(|| Error::not_found(format!("the secret in scope {scope}")))?;
    let item = app.after_write(caller, &entered, &head, done.raised.as_ref()).await?;
    Ok(WrittenSecret { item, written: tell(app, entered, scope, done).await })
}

async fn commit(
    app: &App,
    caller: &Caller,
    project: &ProjectName,
    write: Write,
) -> Result<(Arc<Project>, Done), Error> {
    let entered = app.enter(caller, project, Capability::SecretsWrite, Reach::Change(&write.scope)).await?;
    app.require_names(caller, project, write.changes.iter().map(|change| &change.name)).await?;
    let may_compare = authz::may(caller, &entered, Capability::ValuesRead, Reach::Read(&write.scope));
    let task = Task::new(app, &entered, caller, write).comparing(may_compare);
    match app.store.write(move |tx: &mut dyn Tx| task.run(tx)).await {
        // nothing was raised
        Err(Stopped::DryRun(done)) => Ok((entered, Done { raised: None, ..*done })),
        Err(Stopped::Refused(error)) => Err(error),
        Ok(done) => Ok((entered, done)),
    }
}

/// Tells the running workers, and the caller what they did.
pub(crate) async fn tell(app: &Arc<App>, project: Arc<Project>, scope: Scope, done: Done) -> Written {
    let Done { results, created, warnings, changed, raised, last: _ } = done;
    let affected = Affected { project, scope, names: changed, removed: false };
    let live = app.announce(affected, raised.as_ref()).await;
    Written { results, live, created, warnings }
}
