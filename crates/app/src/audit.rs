//! The audit trail: what is written and listed. Values leave only after their record is durable.

pub mod anchors;
mod denials;
mod export;
mod retention;
mod verify;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use strongroom_api::trail::AuditItem;
use strongroom_model::{Capability, Id, ProjectName};
use strongroom_seal::Instance;
use strongroom_store::port::{AuditFilter, AuditHead, AuditRow, Promise};
use strongroom_store::{Rows, Tx};

use crate::accounts::Visitor;
use crate::authz::Reach;
use crate::caller::Caller;
use crate::error::Error;
use crate::open::App;

pub(crate) use denials::Denials;
pub use export::Export;
pub use retention::preview;
pub use verify::verify;

/// The chain that this process appends to. One process holds an embedded store, so one name is enough.
pub(crate) const NODE: &str = "local";

/// One record, ready to be appended.
#[derive(Debug)]
pub(crate) struct Record {
    at: Timestamp,
    project: String,
    action: &'static str,
    /// As its link covers it.
    text: String,
}

/// What a record says, in the order in which it is written. `T` is what was acted on, `S` is borrowed text on its way in
/// and owned text on its way out.
#[derive(Debug, Serialize, Deserialize)]
struct Said<S, T> {
    at: Timestamp,
    actor: S,
    source: S,
    action: S,
    project: Option<S>,
    target: T,
    result: S,
    request_id: Option<S>,
    /// The id of the token that did it: names of tokens are not unique.
    #[serde(default = "none", skip_serializing_if = "Option::is_none")]
    token: Option<S>,
    /// The id of the account that did it: a name can be given again.
    #[serde(default = "none", skip_serializing_if = "Option::is_none")]
    user: Option<S>,
}

fn none<T>() -> Option<T> {
    None
}

/// Action and result of a refusal.
const DENIED: (&str, &str) = ("access.denied", "denied");

/// Who did it, as a record says it.
struct Who<'a> {
    actor: &'a str,
    source: &'a str,
    request_id: Option<&'a str>,
    token: Option<Id>,
    user: Option<Id>,
}

impl<'a> Who<'a> {
    fn is(caller: &'a Caller) -> Self {
        Self {
            actor: &caller.actor,
            source: &caller.source,
            request_id: Some(&caller.request_id),
            token: caller.token(),
            user: caller.user(),
        }
    }
}

impl Record {
    /// A record of something that was done.
    pub(crate) fn done<T: Serialize>(
        at: Timestamp,
        caller: &Caller,
        project: Option<&ProjectName>,
        action: &'static str,
        target: &T,
    ) -> Self {
        Self::of(at, &Who::is(caller), project, (action, "ok"), target)
    }

    /// A record of something that was refused.
    pub(crate) fn denied<T: Serialize>(
        at: Timestamp,
        caller: &Caller,
        project: Option<&ProjectName>,
        target: &T,
    ) -> Self {
        Self::of(at, &Who::is(caller), project, DENIED, target)
    }

    /// A record of what somebody did, or was refused, who is not signed in yet: as whom, and which account that is.
    pub(crate) fn of_visitor<T: Serialize>(
        at: Timestamp,
        visitor: &Visitor,
        (actor, user): (&str, Option<Id>),
        (action, succeeded): (&'static str, bool),
        target: &T,
    ) -> Self {
        let who = Who { actor, source: &visitor.source, request_id: Some(&visitor.request_id), token: None, user };
        Self::of(at, &who, None, (action, if succeeded { "ok" } else { DENIED.1 }), target)
    }

    /// A record of a workload that proved itself by its platform, and of what it got.
    pub(crate) fn of_workload<T: Serialize>(
        at: Timestamp,
        visitor: &Visitor,
        (project, actor): (&ProjectName, &str),
        action: &'static str,
        target: &T,
    ) -> Self {
        let (source, request_id) = (&visitor.source, Some(visitor.request_id.as_str()));
        let who = Who { actor, source, request_id, token: None, user: None };
        Self::of(at, &who, Some(project), (action, "ok"), target)
    }

    /// A record of everybody who was refused for want of a credential since the last one.
    pub(crate) fn anonymous_denials<T: Serialize>(at: Timestamp, target: &T) -> Self {
        let nobody = Who { actor: "anonymous", source: "network", request_id: None, token: None, user: None };
        Self::of(at, &nobody, None, DENIED, target)
    }

    /// A record of what the server did by itself, as it was told to when it was started.
    pub(crate) fn by_the_house<T: Serialize>(at: Timestamp, action: &'static str, target: &T) -> Self {
        let house = Who { actor: "server", source: "process", request_id: None, token: None, user: None };
        Self::of(at, &house, None, (action, "ok"), target)
    }

    fn of<T: Serialize>(
        at: Timestamp,
        who: &Who<'_>,
        project: Option<&ProjectName>,
        (action, result): (&'static str, &str),
        target: &T,
    ) -> Self {
        let project = project.map(ProjectName::as_str);
        let (token, user) = (who.token.map(|id| id.to_string()), who.user.map(|id| id.to_string()));
        let (actor, source, request_id) = (who.actor, who.source, who.request_id);
        let (token, user) = (token.as_deref(), user.as_deref());
        let said = Said { at, actor, source, action, project, target, result, request_id, token, user };
        let text = serde_json::to_string(&said).expect("a record has text keys only");
        Self { at, project: project.unwrap_or_default().to_owned(), action, text }
    }

    /// Appends the record to this process's chain, inside the caller's transaction.
    pub(crate) fn append(self, tx: &mut dyn Tx, instance: &Instance) -> Result<(), Error> {
        let head = tx.audit_head(NODE)?;
        Ok(tx.append_audit(&self.after(&head, instance))?)
    }

    /// The record as the one that follows `head`.
    fn after(self, head: &AuditHead, instance: &Instance) -> AuditRow {
        let Self { at, project, action, text: record } = self;
        let seq = head.seq + 1;
        let link = instance.audit_link(NODE, seq, &head.link, record.as_bytes());
        AuditRow { node: NODE.to_owned(), seq, at, project, action: action.to_owned(), record, link }
    }
}

/// Which records to list.
#[derive(Debug, Clone, Default)]
pub struct Query {
    /// Of all projects, also those that are gone, and of none: for an admin of the instance.
    pub everything: bool,
    /// Only actions that begin with this.
    pub action: Option<String>,
    /// Only at or after.
    pub since: Option<Timestamp>,
    /// Only before.
    pub until: Option<Timestamp>,
    /// Only records that contain this text.
    pub search: Option<String>,
    /// Only below this sequence number.
    pub before: Option<u64>,
    /// At most this many.
    pub limit: usize,
}

/// Whoever reads a project's records may; the whole instance's are its owner's.
async fn enter(app: &App, caller: &Caller, project: &ProjectName, query: &Query) -> Result<(), Error> {
    if query.everything {
        app.require_instance_admin(caller, "audit.everything").await?;
    }
    app.enter(caller, project, Capability::AuditRead, Reach::Project).await.map(|_| ())
}

impl Query {
    fn filter(self, project: &ProjectName) -> AuditFilter {
        AuditFilter {
            project: (!self.everything).then(|| project.to_string()),
            action: self.action,
            since: self.since,
            until: self.until,
            search: self.search,
            before: self.before,
            limit: self.limit,
        }
    }
}

/// A project's records, newest first.
pub async fn list(app: &App, caller: &Caller, project: &ProjectName, query: Query) -> Result<Vec<AuditItem>, Error> {
    enter(app, caller, project, &query).await?;
    let filter = query.filter(project);
    let rows = app.store.read(|rows: &mut dyn Rows| rows.audit(&filter).map_err(Error::from)).await?;
    rows.into_iter().map(item).collect()
}

fn item(row: AuditRow) -> Result<AuditItem, Error> {
    let record: Said<String, serde_json::Value> = serde_json::from_str(&row.record)
        .map_err(|_| Error::Store(strongroom_store::StoreError::Damaged("audit record")))?;
    Ok(AuditItem {
        node: row.node,
        seq: row.seq,
        at: record.at,
        actor: record.actor,
        source: record.source,
        action: record.action,
        project: record.project,
        target: record.target,
        result: record.result,
        request_id: record.request_id,
        token: record.token,
    })
}

impl App {
    /// Writes a record by itself and returns once it is durable.
    pub(crate) async fn audit(&self, record: Record) -> Result<(), Error> {
        self.keep(record, Promise::Synced).await
    }

    /// Writes the record of a delivery: durable before this returns, or, where the instance accepts that, handed to the
    /// operating system.
    pub(crate) async fn audit_delivery(&self, record: Record) -> Result<(), Error> {
        self.keep(record, if self.relaxed_audit { Promise::Relaxed } else { Promise::Synced }).await
    }

    async fn keep(&self, record: Record, promise: Promise) -> Result<(), Error> {
        let instance = std::sync::Arc::clone(&self.instance);
        let job = Box::new(move |head: &AuditHead| record.after(head, &instance));
        Ok(self.store.submit_record(NODE, job, promise).await?)
    }

    /// Records that somebody with a credential was refused.
    pub(crate) async fn audit_denial(
        &self,
        caller: &Caller,
        project: Option<&ProjectName>,
        needed: &str,
    ) -> Result<(), Error> {
        let target = serde_json::json!({ "needed": needed });
        let text =
            format!("refused: {} from {}, needed {needed}, request {}", caller.actor, caller.source, caller.request_id);
        self.house_line("security", "warn", project, text).await;
        self.audit(Record::denied(self.clock.now(), caller, project, &target)).await
    }
}
