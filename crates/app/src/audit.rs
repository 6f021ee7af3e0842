//! The audit trail: what is written, listed and verified. Values leave only after their record is durable.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use strongroom_api::trail::{AuditItem, AuditVerdict, ChainHead};
use strongroom_model::{Capability, Id, ProjectName};
use strongroom_seal::Instance;
use strongroom_store::port::{AuditFilter, AuditHead, AuditRow, Promise};
use strongroom_store::{Rows, Tx};

use crate::authz::Reach;
use crate::caller::Caller;
use crate::error::Error;
use crate::open::App;

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
}

impl<'a> Who<'a> {
    fn is(caller: &'a Caller) -> Self {
        Self {
            actor: &caller.actor,
            source: &caller.source,
            request_id: Some(&caller.request_id),
            token: caller.token(),
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

    /// A record of everybody who was refused for want of a credential since the last one.
    pub(crate) fn anonymous_denials(at: Timestamp, attempts: u64) -> Self {
        let nobody = Who { actor: "anonymous", source: "network", request_id: None, token: None };
        Self::of(at, &nobody, None, DENIED, &serde_json::json!({ "attempts": attempts }))
    }

    fn of<T: Serialize>(
        at: Timestamp,
        who: &Who<'_>,
        project: Option<&ProjectName>,
        (action, result): (&'static str, &str),
        target: &T,
    ) -> Self {
        let project = project.map(ProjectName::as_str);
        let token = who.token.map(|id| id.to_string());
        let (actor, source, request_id) = (who.actor, who.source, who.request_id);
        let said = Said { at, actor, source, action, project, target, result, request_id, token: token.as_deref() };
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
    /// Only actions that begin with this.
    pub action: Option<String>,
    /// Only at or after.
    pub since: Option<Timestamp>,
    /// Only records that contain this text.
    pub search: Option<String>,
    /// Only below this sequence number.
    pub before: Option<u64>,
    /// At most this many.
    pub limit: usize,
}

/// A project's records, newest first.
pub async fn list(app: &App, caller: &Caller, project: &ProjectName, query: Query) -> Result<Vec<AuditItem>, Error> {
    app.enter(caller, project, Capability::AuditRead, Reach::Project).await?;
    let filter = AuditFilter {
        project: Some(project.to_string()),
        action: query.action,
        since: query.since,
        search: query.search,
        before: query.before,
        limit: query.limit,
    };
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

/// Walks every chain from its first record and reports every edit, gap and swap. The heads it returns are to be kept
/// elsewhere: with one that was `kept`, truncation is found too.
pub async fn verify(
    app: &App,
    caller: &Caller,
    project: &ProjectName,
    kept: Option<&ChainHead>,
) -> Result<AuditVerdict, Error> {
    app.enter(caller, project, Capability::AuditRead, Reach::Project).await?;
    let nodes = app.store.read(|rows: &mut dyn Rows| rows.audit_nodes().map_err(Error::from)).await?;
    let mut verdict = AuditVerdict { ok: true, records: 0, heads: Vec::new(), problems: Vec::new() };
    for node in nodes {
        walk(app, &node, kept.filter(|head| head.node == node), &mut verdict).await?;
    }
    if let Some(kept) = kept.filter(|kept| verdict.heads.iter().all(|head| head.node != kept.node)) {
        verdict.problems.push(format!("{}: the whole chain is gone", kept.node));
    }
    verdict.ok = verdict.problems.is_empty();
    Ok(verdict)
}

async fn walk(app: &App, node: &str, kept: Option<&ChainHead>, verdict: &mut AuditVerdict) -> Result<(), Error> {
    const BATCH: usize = 2_000;
    let (mut seq, mut link) = (0_u64, [0_u8; 32]);
    // read first: records are appended while the chain is walked
    let head = app.store.read(|rows: &mut dyn Rows| rows.audit_head(node).map_err(Error::from)).await?;
    loop {
        let rows =
            app.store.read(|rows: &mut dyn Rows| rows.audit_after(node, seq, BATCH).map_err(Error::from)).await?;
        for row in &rows {
            if row.seq != seq + 1 {
                verdict.problems.push(format!(
                    "{node}: records {} to {} are missing",
                    seq + 1,
                    row.seq.saturating_sub(1)
                ));
            } else if app.instance.audit_link(node, row.seq, &link, row.record.as_bytes()) != row.link {
                verdict
                    .problems
                    .push(format!("{node}: record {} is not what was written, or stands elsewhere", row.seq));
            } else if !columns_agree(row) {
                verdict.problems.push(format!("{node}: the columns of record {} were changed", row.seq));
            }
            (seq, link) = (row.seq, row.link);
            verdict.records += 1;
            if kept.is_some_and(|kept| kept.seq == seq && kept.link != hex::encode(link)) {
                verdict.problems.push(format!("{node}: record {seq} is not the head that was kept"));
            }
        }
        if rows.len() < BATCH {
            break;
        }
    }
    if head.seq > seq {
        verdict.problems.push(format!("{node}: the chain ends at {seq}, its head says {}", head.seq));
    }
    if let Some(kept) = kept.filter(|kept| kept.seq > seq) {
        verdict.problems.push(format!("{node}: the chain ends at {seq}, the head that was kept is {}", kept.seq));
    }
    verdict.heads.push(ChainHead { node: node.to_owned(), seq, link: hex::encode(link) });
    Ok(())
}

/// The columns that lists filter by must say what the record says.
fn columns_agree(row: &AuditRow) -> bool {
    let Ok(record) = serde_json::from_str::<Said<String, serde_json::Value>>(&row.record) else { return false };
    record.action == row.action
        && record.project.unwrap_or_default() == row.project
        && record.at.as_millisecond() == row.at.as_millisecond()
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
