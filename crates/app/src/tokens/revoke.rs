//! Revoking tokens, with all that descends from them.

use std::sync::Arc;

use jiff::Timestamp;
use strongroom_api::access::TokenItem;
use strongroom_model::{Capability, Grant, Id, ProjectName};
use strongroom_seal::Instance;
use strongroom_store::Tx;
use strongroom_store::port::TokenRow;

use super::{item, terms};
use crate::audit::Record;
use crate::authz::Reach;
use crate::caller::Caller;
use crate::error::Error;
use crate::open::App;
use crate::rows::Authenticated as _;

/// Revokes a token at once, and with it every token that it has minted, and so on.
pub async fn revoke(app: &App, caller: &Caller, project: &ProjectName, id: Id) -> Result<TokenItem, Error> {
    let owner = app.enter(caller, project, Capability::Admin, Reach::Project).await?;
    let now = app.clock.now();
    let instance = Arc::clone(&app.instance);
    let (project_id, caller, name) = (owner.id, caller.clone(), project.clone());
    let row = app
        .store
        .write(move |tx: &mut dyn Tx| -> Result<TokenRow, Error> {
            let all = tx.tokens(&project_id)?;
            let mut revoked = Vec::new();
            for mut row in family(all, id) {
                let is_whole = row.verify(&instance).is_ok();
                row.revoked_at = row.revoked_at.or(Some(now));
                // a damaged row lets nobody in, must not keep its family from being revoked, and is never signed
                let row = if is_whole { row.signed(&instance) } else { row };
                tx.update_token(&row)?;
                let target = serde_json::json!({ "token": row.id, "name": row.name });
                Record::done(now, &caller, Some(&name), "token.revoke", &target).append(tx, &instance)?;
                revoked.push(row);
            }
            revoked.into_iter().next().ok_or_else(|| Error::not_found(format!("token {id}")))
        })
        .await?;
    app.credentials.forget_all();
    Ok(item(&row, &app.instance, now))
}

/// A token and everything that descends from it, itself first.
fn family(mut others: Vec<TokenRow>, id: Id) -> Vec<TokenRow> {
    let mut family: Vec<TokenRow> = others.extract_if(.., |row| row.id == id).collect();
    let mut next = 0;
    while let Some(parent) = family.get(next).map(|row| row.id) {
        let minted_by = |row: &TokenRow| terms(row).and_then(|terms| terms.parent);
        family.extend(others.extract_if(.., |row| minted_by(row) == Some(parent)));
        next += 1;
    }
    family
}

/// Revokes what a person has minted in a project and may not mint any more, with all that descends from it; returns how
/// many. Part of the transaction that takes the right away; the caller forgets known tokens after it.
pub(crate) fn revoke_of_person(
    tx: &mut dyn Tx,
    instance: &Instance,
    (project, user): (&Id, &Id),
    still: Option<&Grant>,
    now: Timestamp,
) -> Result<u64, Error> {
    let all = tx.tokens(project)?;
    let lost = all.iter().filter(|row| {
        let Some(terms) = terms(row).filter(|terms| terms.person == Some(*user)) else { return false };
        !still.is_some_and(|still| still.allows(Capability::Admin) && still.covers(&terms.grant))
    });
    let mut revoked = 0;
    for id in lost.map(|row| row.id) {
        for row in family(all.clone(), id).into_iter().filter(|row| row.revoked_at.is_none()) {
            let is_whole = row.verify(instance).is_ok();
            let row = TokenRow { revoked_at: Some(now), ..row };
            tx.update_token(&if is_whole { row.signed(instance) } else { row })?;
            revoked += 1;
        }
    }
    Ok(revoked)
}
