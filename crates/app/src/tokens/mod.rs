//! Tokens: what their rows say, and which there are. Minting, revoking and telling who a bearer is stand beside this.

mod bearer;
mod issue;
mod mint;
mod revoke;

use std::sync::Arc;

use jiff::Timestamp;
use strongroom_api::access::TokenItem;
use strongroom_model::{AddressRange, Capability, Grant, Id, ProjectName};
use strongroom_seal::Instance;
use strongroom_store::port::{TokenRow, TokenRows};
use strongroom_store::{Rows, StoreError};

use crate::authz::Reach;
use crate::caller::{Access, Caller};
use crate::error::Error;
use crate::open::App;
use crate::rows::Authenticated as _;

pub(crate) use bearer::Credentials;
pub use bearer::{AuthenticateError, authenticate, still_stands};
pub use issue::Minted;
pub(crate) use issue::{Issue, revoke_of_trust};
pub(crate) use mint::bounded;
pub use mint::{NewToken, create};
pub use revoke::revoke;
pub(crate) use revoke::revoke_of_person;

/// What a token's row says: its grant, from where it is accepted, and the token that minted it, with which it ends.
#[derive(Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Terms {
    #[serde(flatten)]
    pub(crate) grant: Grant,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) from: Vec<AddressRange>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    parent: Option<Id>,
    /// The person who minted it: it ends with his power to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    person: Option<Id>,
    /// What the project trusts the holder's platform by: it ends with that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    trust: Option<Id>,
}

fn terms(row: &TokenRow) -> Option<Terms> {
    serde_json::from_str(&row.grant).ok()
}

/// The row of a token that is accepted now.
fn standing(
    rows: &mut (impl TokenRows + ?Sized),
    instance: &Instance,
    (project, id): (&Id, &Id),
    now: Timestamp,
) -> Result<TokenRow, Error> {
    let row = rows.token(project, id)?;
    let row = row.filter(|row| row.revoked_at.is_none() && row.expires_at.is_none_or(|at| at > now));
    let row = row.ok_or_else(|| Error::Forbidden("the token is not accepted any more".to_owned()))?;
    row.verify(instance).map_err(Error::damaged(format!("token {id}")))?;
    Ok(row)
}

/// The caller that a token stands for; none if it is not accepted now.
pub(crate) fn holder(
    rows: &mut (impl TokenRows + ?Sized),
    instance: &Instance,
    (project, id): (&Id, &Id),
    now: Timestamp,
) -> Result<Option<Caller>, Error> {
    let row = match standing(rows, instance, (project, id), now) {
        Err(Error::Forbidden(_)) => return Ok(None),
        other => other?,
    };
    let grant = Arc::new(terms(&row).ok_or(StoreError::Damaged("token grant"))?.grant);
    let access = Access::Token { id: row.id, home: row.project, grant };
    Ok(Some(Caller { actor: row.name, access, ..Caller::owner("process", "token") }))
}

/// A project's tokens, newest first.
pub async fn list(app: &App, caller: &Caller, project: &ProjectName) -> Result<Vec<TokenItem>, Error> {
    let owner = app.enter(caller, project, Capability::Admin, Reach::Project).await?;
    let rows = app.store.read(|rows: &mut dyn Rows| rows.tokens(&owner.id).map_err(Error::from)).await?;
    let now = app.clock.now();
    Ok(rows.iter().map(|row| item(row, &app.instance, now)).collect())
}

/// One token's record, for the answer to a repeated request.
pub async fn show(app: &App, caller: &Caller, project: &ProjectName, id: Id) -> Result<TokenItem, Error> {
    let owner = app.enter(caller, project, Capability::Admin, Reach::Anywhere).await?;
    let row = app.store.read(|rows: &mut dyn Rows| rows.token(&owner.id, &id).map_err(Error::from)).await?;
    let row = row.ok_or_else(|| Error::not_found(format!("token {id}")))?;
    Ok(item(&row, &app.instance, app.clock.now()))
}

fn item(row: &TokenRow, instance: &Instance, now: Timestamp) -> TokenItem {
    let terms = terms(row).filter(|_| row.verify(instance).is_ok());
    let grant = terms.as_ref().map(|terms| &terms.grant);
    let state = match (grant, row.revoked_at, row.expires_at) {
        (_, Some(_), _) => "revoked",
        (None, ..) => "damaged",
        (Some(_), None, Some(at)) if at <= now => "expired",
        _ => "active",
    };
    let words = |grant: &Grant| grant.capabilities.iter().map(ToString::to_string).collect();
    TokenItem {
        id: row.id.to_string(),
        name: row.name.clone(),
        project: grant.map(|grant| grant.project.to_string()).unwrap_or_default(),
        capabilities: grant.map(words).unwrap_or_default(),
        namespaces: grant.iter().flat_map(|grant| &grant.namespaces).map(ToString::to_string).collect(),
        app: grant.and_then(|grant| grant.app.as_ref()).map(ToString::to_string),
        names: grant.iter().flat_map(|grant| &grant.names).map(ToString::to_string).collect(),
        from: terms.iter().flat_map(|terms| &terms.from).map(ToString::to_string).collect(),
        agent: grant.is_some_and(|grant| grant.agent),
        state: state.to_owned(),
        expires_at: row.expires_at,
        created_at: row.created_at,
        created_by: row.created_by.clone(),
        last_used_at: row.last_used_at,
    }
}
