//! Whether the trail is what was written, by itself and against heads that were kept elsewhere.

use std::collections::BTreeMap;

use strongroom_api::trail::{AuditAnchor, AuditVerdict, ChainHead, ChainStart};
use strongroom_model::{Capability, ProjectName};
use strongroom_seal::Instance;
use strongroom_store::port::{AuditCut, AuditRow};
use strongroom_store::{Rows, StoreError};

use super::Said;
use crate::authz::Reach;
use crate::caller::Caller;
use crate::error::Error;
use crate::open::App;
use crate::rows::Authenticated as _;

/// So many records are read at once.
const BATCH: usize = 2_000;
/// So many problems are told; a trail with more is not mended by a list.
const TOLD: usize = 100;

/// Walks every chain from its first record, or from where it was cut on purpose, and reports every edit, gap and swap.
/// With `anchors`, heads that were kept elsewhere in the order in which they were written, it also finds a chain that was cut short
/// or is another one since.
pub async fn verify(
    app: &App,
    caller: &Caller,
    project: &ProjectName,
    anchors: &[AuditAnchor],
) -> Result<AuditVerdict, Error> {
    app.enter(caller, project, Capability::AuditRead, Reach::Project).await?;
    check(app, anchors).await
}

/// See [`verify`].
pub(super) async fn check(app: &App, anchors: &[AuditAnchor]) -> Result<AuditVerdict, Error> {
    let (nodes, strays) = app
        .store
        .read(|rows: &mut dyn Rows| -> Result<_, StoreError> { Ok((rows.audit_nodes()?, rows.audit_strays()?)) })
        .await?;
    let mut verdict = AuditVerdict::default();
    for node in &nodes {
        walk(app, node, anchors, &mut verdict).await?;
    }
    if nodes.is_empty() {
        verdict.problems.push("there are no records, and every store begins with some".to_owned());
    }
    if strays > 0 {
        verdict.problems.push(format!("{strays} records belong to no node that has written any"));
    }
    let own = app.instance.id().to_string();
    if anchors.iter().any(|anchor| anchor.instance.as_ref().is_some_and(|instance| *instance != own)) {
        verdict.problems.push(format!("an anchor is of another instance; this one is {own}"));
    }
    let mut lost: Vec<_> = anchors.iter().map(|anchor| &anchor.node).filter(|node| !nodes.contains(node)).collect();
    lost.dedup();
    for node in lost.into_iter().take(TOLD) {
        verdict.problems.push(format!("{node}: the whole chain is gone"));
    }
    if verdict.problems.len() > TOLD {
        let more = verdict.problems.len() - TOLD;
        verdict.problems.truncate(TOLD);
        verdict.problems.push(format!("and {more} more"));
    }
    verdict.ok = verdict.problems.is_empty();
    Ok(verdict)
}

/// What is known of a chain while it is walked.
struct Walk<'a> {
    node: &'a str,
    seq: u64,
    link: [u8; 32],
    /// The anchored heads, by number, with the links that they name and their places among the anchors.
    wanted: BTreeMap<u64, Vec<(usize, &'a AuditAnchor)>>,
    /// The highest anchored number that fits.
    fits: Option<(usize, &'a AuditAnchor)>,
    /// The lowest anchored number that does not.
    fails: Option<(usize, &'a AuditAnchor)>,
}

async fn walk(app: &App, node: &str, anchors: &[AuditAnchor], verdict: &mut AuditVerdict) -> Result<(), Error> {
    // read first: records are appended while the chain is walked
    let (head, cut, first) = app
        .store
        .read(|rows: &mut dyn Rows| -> Result<_, StoreError> {
            Ok((rows.audit_head(node)?, rows.audit_cut(node)?, rows.audit_after(node, 0, 1)?))
        })
        .await?;
    let mut walk = Walk { node, seq: 0, link: [0; 32], wanted: BTreeMap::new(), fits: None, fails: None };
    let own = anchors.iter().enumerate().filter(|(_, anchor)| anchor.node == node);
    own.for_each(|(place, anchor)| walk.wanted.entry(anchor.seq).or_default().push((place, anchor)));
    let problems = &mut verdict.problems;
    match cut {
        Some(cut) if cut.verify(&app.instance).is_err() => {
            problems.push(format!("{node}: the checkpoint at {} is not what was written", cut.seq));
        }
        Some(cut) => {
            if first.first().is_some_and(|row| row.seq <= cut.seq) {
                problems.push(format!("{node}: records up to {} were erased and have come back", cut.seq));
            }
            verdict.starts.push(walk.start(&cut));
        }
        None => {}
    }
    if first.is_empty() {
        problems.push(format!("{node}: there are no records, though it has written some"));
    }
    loop {
        let (seq, rows) = (walk.seq, &app.store);
        let rows = rows.read(|rows: &mut dyn Rows| rows.audit_after(node, seq, BATCH).map_err(Error::from)).await?;
        for row in &rows {
            verdict.records += 1;
            problems.extend(walk.step(&app.instance, row).filter(|_| problems.len() <= TOLD * 10));
        }
        if rows.len() < BATCH {
            break;
        }
    }
    if head.seq > walk.seq {
        problems.push(format!("{node}: the chain ends at {}, its head says {}", walk.seq, head.seq));
    }
    let (seq, link) = (walk.seq, hex::encode(walk.link));
    verdict.anchors += walk.finish(problems);
    verdict.heads.push(ChainHead { node: node.to_owned(), seq, link });
    Ok(())
}

impl Walk<'_> {
    /// Begins behind a cut.
    fn start(&mut self, cut: &AuditCut) -> ChainStart {
        (self.seq, self.link) = (cut.seq, cut.link);
        // what was anchored before the cut cannot be looked at any more
        self.wanted = self.wanted.split_off(&cut.seq);
        self.compare();
        ChainStart { node: self.node.to_owned(), seq: cut.seq, at: cut.at }
    }

    /// Goes to the next record; says what is wrong with it.
    fn step(&mut self, instance: &Instance, row: &AuditRow) -> Option<String> {
        let node = self.node;
        let problem = if row.seq != self.seq + 1 {
            let last = row.seq.saturating_sub(1);
            Some(format!("{node}: records {} to {last} are missing", self.seq + 1))
        } else if instance.verify_audit_link(node, row.seq, &self.link, row.record.as_bytes(), &row.link).is_err() {
            Some(format!("{node}: record {} is not what was written, or stands elsewhere", row.seq))
        } else if !columns_agree(row) {
            Some(format!("{node}: the columns of record {} were changed", row.seq))
        } else {
            None
        };
        (self.seq, self.link) = (row.seq, row.link);
        self.compare();
        problem
    }

    fn compare(&mut self) {
        let Some(anchors) = self.wanted.get(&self.seq) else { return };
        let link = hex::encode(self.link);
        for (place, anchor) in anchors {
            if anchor.link.eq_ignore_ascii_case(&link) {
                self.fits = Some((*place, anchor));
            } else {
                self.fails.get_or_insert((*place, anchor));
            }
        }
    }

    /// Says where the chain leaves its anchors; returns how many of them were compared.
    fn finish(self, problems: &mut Vec<String>) -> u64 {
        let Self { node, seq, fits, fails, wanted, .. } = self;
        let back = wanted.values().flatten().map(|(place, anchor)| (*place, *anchor)).collect::<BTreeMap<_, _>>();
        let mut pairs = back.values().zip(back.values().skip(1));
        if let Some((before, after)) = pairs.find(|(before, after)| after.seq < before.seq) {
            problems.push(format!(
                "{node}: the anchors go back from {} to {}{}: an older store was put in place then",
                before.seq,
                after.seq,
                when(after)
            ));
        }
        let since = match fits {
            Some((_, anchor)) => format!("the last anchor that fits is {}{}", anchor.seq, when(anchor)),
            None => "no anchor fits".to_owned(),
        };
        if let Some((_, anchor)) = fails {
            problems.push(format!(
                "{node}: record {} is not the one that was anchored{}; {since}: the chain was replaced after that",
                anchor.seq,
                when(anchor)
            ));
        }
        if let Some((_, anchor)) = wanted.range(seq + 1..).next_back().and_then(|(_, anchors)| anchors.last()) {
            problems.push(format!(
                "{node}: the chain ends at {seq}, the head that was kept is {}{}; {since}",
                anchor.seq,
                when(anchor)
            ));
        }
        u64::try_from(back.len()).unwrap_or(u64::MAX)
    }
}

fn when(anchor: &AuditAnchor) -> String {
    anchor.at.map(|at| format!(" at {at}")).unwrap_or_default()
}

/// The columns that lists filter by must say what the record says.
fn columns_agree(row: &AuditRow) -> bool {
    let Ok(record) = serde_json::from_str::<Said<String, serde_json::Value>>(&row.record) else { return false };
    record.action == row.action
        && record.project.unwrap_or_default() == row.project
        && record.at.as_millisecond() == row.at.as_millisecond()
}
