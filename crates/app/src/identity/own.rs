//! End users and their own secrets: who one is, and list, set and delete.

use std::sync::Arc;

use strongroom_api::issuers::OwnSecret;
use strongroom_api::secrets::SecretItem;
use strongroom_model::{EndUser, Expiry, ProjectName, Scope, ScopeKind, SecretName};
use strongroom_secret::SecretValue;

use super::issuers::Unproven;
use crate::caller::{Access, Caller};
use crate::error::Error;
use crate::keys::Project;
use crate::open::App;
use crate::secrets::{self, Change, Delete, ListQuery, Presence, Write};

/// Most secrets of one end user.
pub const MAX_OWN_SECRETS: usize = 100;
/// So many are looked at: operators may have set more for a user than he may himself.
const MAX_LISTED: usize = 1_000;
/// Longest value that an end user sets.
pub const MAX_OWN_VALUE_BYTES: usize = 16 * 1024;

/// The end user whom a token of an issuer that the project trusts proves.
pub async fn authenticate(
    app: &App,
    project: &ProjectName,
    token: &str,
    source: &str,
    request_id: &str,
) -> Result<Caller, Unproven> {
    let entered = app.projects.load(&*app.store, &app.instance, project).await?;
    let (user, _) = app.end_user(&entered, token).await?;
    Ok(caller(&entered, user, source, request_id))
}

/// An end user as authorisation and audit see him.
pub(crate) fn caller(project: &Project, user: EndUser, source: &str, request_id: &str) -> Caller {
    Caller {
        actor: format!("end-user:{user}"),
        source: source.to_owned(),
        request_id: request_id.to_owned(),
        access: Access::EndUser { project: project.name.clone(), home: project.id, user },
        session: None,
        idempotency: None,
    }
}

/// The names of the caller's own secrets.
pub async fn list(app: &App, caller: &Caller) -> Result<Vec<OwnSecret>, Error> {
    let (project, user) = own(caller)?;
    let query =
        ListQuery { scope: Some(ScopeKind::User), user: Some(user.clone()), limit: MAX_LISTED, ..ListQuery::default() };
    let (items, _) = secrets::list(app, caller, project, query).await?;
    let all = app.reads_unclaimed(&*app.projects.load(&*app.store, &app.instance, project).await?).await?;
    let mut shown: Vec<OwnSecret> = Vec::new();
    for item in items.into_iter().filter(|item| all || item.issuer.is_some()) {
        // set with an issuer and without: one name
        if shown.last().is_none_or(|last| last.name != item.name) {
            shown.push(own_secret(item));
        }
    }
    Ok(shown)
}

/// Sets one of the caller's own secrets.
pub async fn set(
    app: &Arc<App>,
    caller: &Caller,
    name: SecretName,
    value: SecretValue,
    expires: Option<Expiry>,
) -> Result<OwnSecret, Error> {
    write(app, caller, name, value, expires).await.map(own_secret)
}

/// The same, with everything that is known of it.
pub(super) async fn write(
    app: &Arc<App>,
    caller: &Caller,
    name: SecretName,
    value: SecretValue,
    expires: Option<Expiry>,
) -> Result<SecretItem, Error> {
    let (project, user) = own(caller)?;
    if value.expose().len() > MAX_OWN_VALUE_BYTES {
        return Err(Error::invalid("value", format!("the value is longer than {MAX_OWN_VALUE_BYTES} bytes")));
    }
    let present = list(app, caller).await?;
    if present.len() >= MAX_OWN_SECRETS && present.iter().all(|item| item.name != name.as_str()) {
        return Err(Error::conflict(format!("an end user has at most {MAX_OWN_SECRETS} secrets"), None));
    }
    let change = Change { name, value: Some(value), description: None, expires };
    let write = Write {
        scope: Scope::User(user.clone()),
        changes: vec![change],
        presence: Presence::Any,
        force: false,
        if_version: None,
        allowed: Vec::new(),
        dry_run: false,
    };
    secrets::write_one(app, caller, project, write).await.map(|written| written.item)
}

/// Deletes one of the caller's own secrets, also where it was set before the issuer was trusted.
pub async fn remove(app: &Arc<App>, caller: &Caller, name: SecretName) -> Result<(), Error> {
    let (project, user) = own(caller)?;
    let entered = app.projects.load(&*app.store, &app.instance, project).await?;
    let delete = |user: EndUser| Delete { scope: Scope::User(user), name: name.clone(), force: true, purge: false };
    let deleted = secrets::delete(app, caller, project, delete(user.clone())).await;
    if !app.reads_unclaimed(&entered).await? {
        return deleted.map(|_| ());
    }
    let unclaimed = secrets::delete(app, caller, project, delete(user.without_issuer())).await;
    match (deleted, unclaimed) {
        (Err(Error::NotFound { .. }), other) | (other, Err(Error::NotFound { .. })) => other.map(|_| ()),
        (claimed, unclaimed) => claimed.and(unclaimed).map(|_| ()),
    }
}

fn own(caller: &Caller) -> Result<(&ProjectName, &EndUser), Error> {
    match &caller.access {
        Access::EndUser { project, user, .. } => Ok((project, user)),
        _ => Err(Error::Forbidden("only an end user has secrets of his own".to_owned())),
    }
}

fn own_secret(item: SecretItem) -> OwnSecret {
    OwnSecret { name: item.name, updated_at: item.updated_at, expires_at: item.expires_at, state: item.state }
}
