//! Rolling back: a copy of an earlier value becomes the newest version.

use std::sync::Arc;

use strongroom_api::secrets::{WriteStatus, Written, WrittenSecret};
use strongroom_model::{Capability, ProjectName, Scope, SecretName};
use strongroom_store::Tx;
use strongroom_store::port::{SecretRow, VersionKind, VersionRow};

use super::{Place, to_result};
use crate::authz::Reach;
use crate::caller::Caller;
use crate::error::Error;
use crate::keys::Project;
use crate::live::{Affected, Raised};
use crate::once::Once;
use crate::open::App;
use crate::rows::Authenticated as _;

/// Appends a copy of version `version` as the newest one and records where it came from. Description and expiry stay.
pub async fn rollback(
    app: &Arc<App>,
    caller: &Caller,
    project: &ProjectName,
    (scope, name): (Scope, SecretName),
    version: u64,
) -> Result<WrittenSecret, Error> {
    let entered = app.enter(caller, project, Capability::SecretsWrite, Reach::Change(&scope)).await?;
    app.require_names(caller, project, [&name]).await?;
    let (owner, instance, rng) = (Arc::clone(&entered), Arc::clone(&app.instance), Arc::clone(&app.rng));
    let (who, now, place_scope, wanted) = (caller.clone(), app.clock.now(), scope.clone(), name.clone());
    let request = format!("{scope:?} {name} {version}");
    let once = Once::of(&app.instance, caller, &entered.id, "rollback", &request);
    let (head, raised) = app
        .store
        .write(move |tx: &mut dyn Tx| -> Result<(SecretRow, Option<Raised>), Error> {
            let place = Place { project: &owner, instance: &instance, caller: &who, now };
            let Some(head) = tx.secret(&owner.id, &place_scope, &wanted)? else {
                return Err(super::task::missing(tx, &who, &owner, (&place_scope, &wanted))?);
            };
            head.verify(&instance).map_err(Error::damaged(format!("{wanted} ({place_scope})")))?;
            if let Some(once) = once {
                if once.answered::<u64>(tx)?.is_some() {
                    return Ok((head, None));
                }
                once.remember(tx, &(head.version + 1), now)?;
            }
            let next = append_copy(tx, &place, head, version, &*rng)?;
            let target = super::Target { from_version: Some(version), ..super::target(&next) };
            place.record_target(tx, "secret.rollback", &target)?;
            Ok((next, Raised::by(tx, &owner.id, &place_scope, &[wanted])?))
        })
        .await?;
    let item = app.after_write(caller, &entered, &head, raised.as_ref()).await?;
    let affected = Affected { project: entered, scope, names: vec![name], removed: false };
    let live = app.announce(affected, raised.as_ref()).await;
    let warnings = super::expired_warning(&head, now).into_iter().collect();
    let results = vec![to_result(&head, WriteStatus::Updated)];
    Ok(WrittenSecret { item, written: Written { results, live, warnings, ..Written::default() } })
}

fn append_copy(
    tx: &mut dyn Tx,
    place: &Place<'_>,
    head: SecretRow,
    version: u64,
    rng: &dyn strongroom_seal::Random,
) -> Result<SecretRow, Error> {
    let project: &Project = place.project;
    let Some(source) = tx.version(&head.id, version)? else {
        return Err(Error::NotFound {
            what: format!("version {version} of {}", head.name),
            hint: Some(format!("strongroom secrets history {}{}", head.name, super::scope_flags(&head.scope))),
        });
    };
    let value = project.open_version(&head, version, &source.envelope)?;
    let mut next = head;
    next.version += 1;
    next.updated_at = place.now;
    next.value_set_at = Some(place.now);
    next.updated_by.clone_from(&place.caller.actor);
    let next = next.signed(place.instance);
    tx.update_secret(&next)?;
    tx.insert_version(&VersionRow {
        secret: next.id,
        version: next.version,
        kind: VersionKind::Rollback,
        from_version: Some(version),
        envelope: super::task::seal(project, &next, &value, rng)?,
        created_at: place.now,
        created_by: place.caller.actor.clone(),
    })?;
    Ok(next)
}
