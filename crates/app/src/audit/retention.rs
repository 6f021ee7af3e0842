//! Records that have served their time: erased behind a signed checkpoint that carries the chain over the cut.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use strongroom_api::trail::{AuditAged, AuditRetention};
use strongroom_model::{Capability, ProjectName};
use strongroom_store::port::{AuditCut, AuditRow};
use strongroom_store::{Rows, Tx};

use super::Record;
use crate::authz::Reach;
use crate::caller::Caller;
use crate::error::Error;
use crate::open::App;
use crate::rows::Authenticated as _;

/// So many records are erased at once, so that nobody waits long for the writer.
const ERASED_AT_ONCE: u64 = 5_000;

/// What would go now: by the instance's setting, or by an age that is asked about.
pub async fn preview(
    app: &App,
    caller: &Caller,
    project: &ProjectName,
    asked: Option<Timestamp>,
) -> Result<AuditRetention, Error> {
    app.enter(caller, project, Capability::AuditRead, Reach::Project).await?;
    let kept_days = app.audit_kept.map(|kept| kept.as_secs() / (24 * 60 * 60));
    let Some(before) = asked.or_else(|| app.audit_horizon()) else {
        return Ok(AuditRetention { kept_days, before: None, nodes: Vec::new() });
    };
    let nodes = app
        .store
        .read(|rows: &mut dyn Rows| -> Result<_, Error> {
            let mut nodes = Vec::new();
            for node in rows.audit_nodes()? {
                let first = rows.audit_after(&node, 0, 1)?.pop();
                let (Some(first), Some(last)) = (first, rows.audit_aged(&node, before)?) else { continue };
                let records = last.seq.saturating_sub(first.seq) + 1;
                nodes.push(AuditAged {
                    node,
                    first: first.seq,
                    last: last.seq,
                    records,
                    since: first.at,
                    until: last.at,
                });
            }
            Ok(nodes)
        })
        .await?;
    Ok(AuditRetention { kept_days, before: Some(before), nodes })
}

impl App {
    /// Before when records have served their time; none where all are kept.
    fn audit_horizon(&self) -> Option<Timestamp> {
        let kept: Duration = self.audit_kept?;
        let kept = SignedDuration::try_from(kept).ok()?;
        self.clock.now().checked_sub(kept).ok()
    }

    /// Erases records that are older than the instance keeps them, a few at a time. The checkpoint and a record of it are
    /// written in the same transaction.
    pub async fn erase_old_audit(&self) -> Result<(), Error> {
        let Some(before) = self.audit_horizon() else { return Ok(()) };
        let aged = self
            .store
            .read(|rows: &mut dyn Rows| -> Result<Vec<AuditRow>, Error> {
                let nodes = rows.audit_nodes()?;
                let mut aged = Vec::new();
                for node in nodes {
                    aged.extend(rows.audit_aged(&node, before)?);
                }
                Ok(aged)
            })
            .await?;
        for last in aged {
            self.cut_audit(last).await?;
        }
        Ok(())
    }

    /// Erases a chain up to `last`.
    async fn cut_audit(&self, last: AuditRow) -> Result<(), Error> {
        let (instance, at) = (std::sync::Arc::clone(&self.instance), self.clock.now());
        let target = serde_json::json!({ "node": last.node, "through": last.seq, "link": hex::encode(last.link), "until": last.at });
        let record = Record::by_the_house(at, "audit.cut", &target);
        self.store
            .write({
                let instance = std::sync::Arc::clone(&instance);
                move |tx: &mut dyn Tx| record.append(tx, &instance)
            })
            .await?;
        let last = std::sync::Arc::new(last);
        loop {
            let (instance, last) = (std::sync::Arc::clone(&instance), std::sync::Arc::clone(&last));
            let goes_on = self.store.write(move |tx: &mut dyn Tx| -> Result<bool, Error> {
                let Some(first) = tx.audit_after(&last.node, 0, 1)?.pop() else { return Ok(false) };
                if first.seq > last.seq {
                    return Ok(false);
                }
                let seq = last.seq.min(first.seq + ERASED_AT_ONCE - 1);
                let Some(end) = tx.audit_after(&last.node, seq - 1, 1)?.pop().filter(|end| end.seq == seq) else {
                    return Err(Error::Store(strongroom_store::StoreError::Damaged("audit records are missing")));
                };
                let cut = AuditCut { node: end.node, seq, link: end.link, at, mac: Vec::new() };
                tx.cut_audit(&cut.signed(&instance))?;
                Ok(seq < last.seq)
            });
            if !goes_on.await? {
                return Ok(());
            }
        }
    }
}
