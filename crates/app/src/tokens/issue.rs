//! Tokens for workloads that proved themselves by their platform: short, never renewed, gone with what gave them.

use std::sync::Arc;

use jiff::Timestamp;
use strongroom_api::access::TokenItem;
use strongroom_model::{AddressRange, Capability, Grant, Id};
use strongroom_seal::{Instance, token};
use strongroom_store::Tx;
use strongroom_store::port::TokenRow;
use zeroize::Zeroizing;

use super::{Terms, item, standing, terms};
use crate::audit::Record;
use crate::caller::Caller;
use crate::error::Error;
use crate::keys::Project;
use crate::open::App;
use crate::rows::Authenticated as _;

/// Tokens of one trust that are accepted at one time.
const MAX_LIVE_OF_TRUST: usize = 200;
/// Tokens of a project that are accepted at one time, with a rest that people mint.
const MAX_LIVE: usize = 900;

/// What a workload gets.
pub(crate) struct Issue {
    /// By what it is trusted: what it gets ends with it.
    pub(crate) trust: Id,
    /// What the audit trail calls it.
    pub(crate) name: String,
    /// What it may do, and who gives it.
    pub(crate) terms: Terms,
    /// When it runs out.
    pub(crate) expires_at: Timestamp,
    /// Who made it.
    pub(crate) made_by: String,
}

/// A token that was made.
pub struct Minted {
    /// Shown once, stored nowhere.
    pub token: Zeroizing<String>,
    /// Its record.
    pub item: TokenItem,
}

impl Terms {
    /// What `caller` gives.
    pub(crate) fn of(grant: Grant, from: Vec<AddressRange>, caller: &Caller) -> Self {
        Self { grant, from, parent: caller.token(), person: caller.user(), trust: None }
    }

    /// Refuses where whoever gives this could not give it any more.
    fn check_giver(&self, tx: &mut dyn Tx, instance: &Instance, project: &Id, now: Timestamp) -> Result<(), Error> {
        if let Some(parent) = self.parent {
            standing(tx, instance, (project, &parent), now)?;
        }
        let Some(person) = self.person else { return Ok(()) };
        let member = crate::accounts::member(tx, instance, &self.grant.project, &person)?;
        let gives = |held: &Grant| held.allows(Capability::Admin) && held.covers(&self.grant);
        if member.as_ref().and_then(Caller::grant).is_some_and(gives) {
            return Ok(());
        }
        Err(Error::Forbidden("who trusted this platform may not give as much any more".to_owned()))
    }
}

impl App {
    /// Makes a token for a workload, if `check` still agrees in the transaction that decides.
    pub(crate) async fn issue(
        &self,
        project: &Project,
        issue: Issue,
        check: impl FnOnce(&mut dyn Tx) -> Result<(), Error> + Send + 'static,
        record: impl FnOnce(Id) -> Record + Send + 'static,
    ) -> Result<Minted, Error> {
        let now = self.clock.now();
        let text = token::generate(&*self.rng);
        let terms = Terms { trust: Some(issue.trust), ..issue.terms };
        let row = TokenRow {
            id: self.new_id(),
            project: project.id,
            name: issue.name,
            digest: self.instance.token_digest(text.expose()).to_vec(),
            grant: serde_json::to_string(&terms).expect("a grant has text keys only"),
            expires_at: Some(crate::clock::to_millisecond(issue.expires_at)),
            created_at: now,
            created_by: issue.made_by,
            last_used_at: None,
            revoked_at: None,
            mac: Vec::new(),
        }
        .signed(&self.instance);
        let item = item(&row, &self.instance, now);
        let instance = Arc::clone(&self.instance);
        self.store
            .write(move |tx: &mut dyn Tx| -> Result<(), Error> {
                check(tx)?;
                terms.check_giver(tx, &instance, &row.project, now)?;
                make_room(tx, &row, issue.trust)?;
                tx.insert_token(&row)?;
                record(row.id).append(tx, &instance)
            })
            .await?;
        Ok(Minted { token: Zeroizing::new(text.expose().to_owned()), item })
    }
}

/// Erases what a trust gave and what has run out, and refuses more than there may be at one time.
fn make_room(tx: &mut dyn Tx, new: &TokenRow, trust: Id) -> Result<(), Error> {
    let (mut of_trust, mut of_project) = (0, 0);
    for row in tx.tokens(&new.project)? {
        let is_of_trust = terms(&row).is_some_and(|terms| terms.trust == Some(trust));
        let has_run_out = row.expires_at.is_some_and(|at| at <= new.created_at);
        if is_of_trust && has_run_out {
            tx.delete_token(&new.project, &row.id)?;
        } else if !has_run_out && row.revoked_at.is_none() {
            of_trust += usize::from(is_of_trust);
            of_project += 1;
        }
    }
    if of_trust >= MAX_LIVE_OF_TRUST || of_project >= MAX_LIVE {
        return Err(Error::TooMany(60));
    }
    Ok(())
}

/// Revokes what workloads got by a trust; returns how much. Part of the transaction that takes the trust away; the caller
/// forgets known tokens after it.
pub(crate) fn revoke_of_trust(
    tx: &mut dyn Tx,
    instance: &Instance,
    (project, trust): (&Id, &Id),
    now: Timestamp,
) -> Result<u64, Error> {
    let mut revoked = 0;
    for row in tx.tokens(project)? {
        if row.revoked_at.is_some() || terms(&row).is_none_or(|terms| terms.trust != Some(*trust)) {
            continue;
        }
        let is_whole = row.verify(instance).is_ok();
        let row = TokenRow { revoked_at: Some(now), ..row };
        // a damaged row lets nobody in, and is never signed
        tx.update_token(&if is_whole { row.signed(instance) } else { row })?;
        revoked += 1;
    }
    Ok(revoked)
}
