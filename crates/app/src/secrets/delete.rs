//! Deleting, restoring, erasing.

use std::collections::HashSet;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use strongroom_api::secrets::{SecretItem, WriteResult, WriteStatus, Written, WrittenSecret};
use strongroom_model::{Capability, ProjectName, Scope, SecretName};
use strongroom_store::port::SecretRow;
use strongroom_store::{Rows, StoreError, Tx};

use super::{Place, to_result};
use crate::authz::Reach;
use crate::caller::Caller;
use crate::error::Error;
use crate::keys::Project;
use crate::live::{Affected, Raised};
use crate::once::Once;
use crate::open::App;
use crate::rows::Authenticated as _;

/// What to delete.
#[derive(Debug)]
pub struct Delete {
    /// Where it lives.
    pub scope: Scope,
    /// Which.
    pub name: SecretName,
    /// Deletes also what a workload requires.
    pub force: bool,
    /// Erases it, with all versions, instead of keeping it for a restore. Erases a deleted one too.
    pub purge: bool,
}

/// Deletes one secret and takes it from the running workers at once.
pub async fn delete(app: &Arc<App>, caller: &Caller, project: &ProjectName, delete: Delete) -> Result<Written, Error> {
    let needed = if delete.purge { Capability::Admin } else { Capability::SecretsDelete };
    let entered = app.enter(caller, project, needed, Reach::Change(&delete.scope)).await?;
    app.require_names(caller, project, [&delete.name]).await?;
    if !delete.force {
        app.refuse_if_required(&entered, &delete.scope, &delete.name).await?;
    }
    let (scope, name) = (delete.scope.clone(), delete.name.clone());
    let (owner, instance) = (Arc::clone(&entered), Arc::clone(&app.instance));
    let (who, now) = (caller.clone(), app.clock.now());
    let (result, raised) = app
        .store
        .write(move |tx: &mut dyn Tx| {
            let place = Place { project: &owner, instance: &instance, caller: &who, now };
            let result = remove(tx, &place, &delete)?;
            let names = std::slice::from_ref(&delete.name);
            Ok::<_, Error>((result, Raised::by(tx, &owner.id, &delete.scope, names)?))
        })
        .await?;
    let affected = Affected { project: entered, scope, names: vec![name], removed: true };
    let live = app.announce(affected, raised.as_ref()).await;
    Ok(Written { results: vec![result], live, ..Written::default() })
}

fn remove(tx: &mut dyn Tx, place: &Place<'_>, delete: &Delete) -> Result<WriteResult, Error> {
    let (project, scope, name): (&Project, _, _) = (place.project, &delete.scope, &delete.name);
    let Some(head) = tx.secret(&project.id, scope, name)? else {
        if delete.purge
            && let Some(head) = tx.deleted_secret(&project.id, scope, name)?
        {
            tx.purge_secret(&head.id)?;
            place.record(tx, "secret.purge", &head)?;
            return Ok(to_result(&head, WriteStatus::Purged));
        }
        return Err(super::task::missing(tx, place.caller, project, (scope, name))?);
    };
    let status = if delete.purge {
        tx.purge_secret(&head.id)?;
        while let Some(older) = tx.deleted_secret(&project.id, scope, name)? {
            tx.purge_secret(&older.id)?;
        }
        place.record(tx, "secret.purge", &head)?;
        WriteStatus::Purged
    } else {
        head.verify(place.instance).map_err(Error::damaged(format!("{name} ({scope})")))?;
        let mut gone = head.clone();
        gone.deleted_at = Some(place.now);
        tx.update_secret(&gone.signed(place.instance))?;
        place.record(tx, "secret.delete", &head)?;
        WriteStatus::Deleted
    };
    let mut result = to_result(&head, status);
    result.now_resolves_to = now_answers(tx, project, scope, name)?;
    Ok(result)
}

/// The scope that answers for the name where the deleted secret did.
fn now_answers(
    tx: &mut dyn Tx,
    project: &Project,
    scope: &Scope,
    name: &SecretName,
) -> Result<Option<String>, StoreError> {
    let Some(namespace) = scope.namespace() else { return Ok(None) };
    let rows = tx.candidates(&project.id, namespace, scope.app(), name)?;
    let most_specific = rows.iter().map(|row| row.head.scope.kind()).max();
    Ok(most_specific.map(|kind| kind.to_string()))
}

/// A secret that can still be restored.
#[derive(Debug)]
pub struct Deleted {
    /// What it was.
    pub item: SecretItem,
    /// When it was deleted.
    pub deleted_at: Timestamp,
    /// When its window closes; it is erased after that.
    pub until: Timestamp,
}

/// The deleted secrets whose window is open and that the caller reaches, the latest first; of several in one place under
/// one name the latest alone, which is the one that a restore brings back.
pub async fn deleted(app: &App, caller: &Caller, project: &ProjectName) -> Result<Vec<Deleted>, Error> {
    let entered = app.enter(caller, project, Capability::SecretsList, Reach::Anywhere).await?;
    let now = app.clock.now();
    let window = SignedDuration::try_from(app.restore_window).unwrap_or(SignedDuration::MAX);
    let since = now.checked_sub(window).unwrap_or(Timestamp::MIN);
    let read = |rows: &mut dyn Rows| rows.deleted_secrets(&entered.id, since, MAX_DELETED).map_err(Error::from);
    let mut seen = HashSet::new();
    let heads = app.store.read(read).await?.into_iter();
    let heads = heads.filter(|head| caller.reaches(&head.scope, &head.name));
    let heads = heads.filter(|head| seen.insert((head.scope.clone(), head.name.clone())));
    let deleted = |head: SecretRow| {
        let deleted_at = head.deleted_at?;
        let until = deleted_at.checked_add(window).unwrap_or(Timestamp::MAX);
        Some(Deleted { item: super::to_line(&head.view(), 0, now).into(), deleted_at, until })
    };
    Ok(heads.filter_map(deleted).collect())
}

/// Deleted secrets in one list.
const MAX_DELETED: usize = 1_000;

/// Brings a deleted secret back while its window is open. A new secret of that name in between is a conflict.
pub async fn restore(
    app: &Arc<App>,
    caller: &Caller,
    project: &ProjectName,
    scope: Scope,
    name: SecretName,
) -> Result<WrittenSecret, Error> {
    let entered = app.enter(caller, project, Capability::SecretsWrite, Reach::Change(&scope)).await?;
    app.require_names(caller, project, [&name]).await?;
    let (owner, instance) = (Arc::clone(&entered), Arc::clone(&app.instance));
    let (who, now, place_scope, wanted) = (caller.clone(), app.clock.now(), scope.clone(), name.clone());
    let window = SignedDuration::try_from(app.restore_window).unwrap_or(SignedDuration::MAX);
    let once = Once::of(&app.instance, caller, &entered.id, "restore", &format!("{scope:?} {name}"));
    let (head, raised) = app
        .store
        .write(move |tx: &mut dyn Tx| -> Result<(SecretRow, Option<Raised>), Error> {
            let place = Place { project: &owner, instance: &instance, caller: &who, now };
            if let Some(once) = once {
                if once.answered::<()>(tx)?.is_some()
                    && let Some(head) = tx.secret(&owner.id, &place_scope, &wanted)?
                {
                    return Ok((head, None));
                }
                once.remember(tx, &(), now)?;
            }
            if tx.secret(&owner.id, &place_scope, &wanted)?.is_some() {
                return Err(Error::conflict(
                    format!("{wanted} exists again; delete or rename it before restoring the old one"),
                    None,
                ));
            }
            if let Some(twin) = tx.case_twin(&owner.id, &place_scope, &wanted)? {
                return Err(Error::conflict(format!("{wanted} differs only by case from {twin}, which exists"), None));
            }
            let open = |head: &SecretRow| head.deleted_at.is_some_and(|at| now.duration_since(at) <= window);
            let found = tx.deleted_secret(&owner.id, &place_scope, &wanted)?.filter(open);
            let mut head = found.ok_or_else(|| {
                Error::not_found(format!("a deleted {wanted} in scope {place_scope} that can be restored"))
            })?;
            head.verify(&instance).map_err(Error::damaged(format!("{wanted} ({place_scope})")))?;
            place.ensure(tx, &place_scope)?;
            head.deleted_at = None;
            head.updated_at = now;
            head.updated_by.clone_from(&who.actor);
            let head = head.signed(&instance);
            tx.update_secret(&head)?;
            place.record(tx, "secret.restore", &head)?;
            let raised = Raised::by(tx, &owner.id, &place_scope, &[wanted])?;
            Ok((head, raised))
        })
        .await?;
    let item = app.after_write(caller, &entered, &head, raised.as_ref()).await?;
    let affected = Affected { project: entered, scope, names: vec![name], removed: false };
    let live = app.announce(affected, raised.as_ref()).await;
    let results = vec![to_result(&head, WriteStatus::Restored)];
    Ok(WrittenSecret { item, written: Written { results, live, ..Written::default() } })
}
