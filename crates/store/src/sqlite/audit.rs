//! The audit chains. Each node's chain is one range of the table: see the schema.

use jiff::Timestamp;
use rusqlite::{Row, params};

use super::row::{array, bytes, integer, limit, millis, number as unsigned, optional_millis, string, time};
use super::session::Session;
use crate::port::{AuditCut, AuditFilter, AuditHead, AuditRow, AuditRows, AuditTx, StoreError};

/// Selects by a filter, in one order or the other.
macro_rules! filtered {
    ($order:literal) => {
        concat!(
            "SELECT place, at, project, action, record, link FROM audit
             WHERE place > ?1 AND place < ?2
               AND (?3 IS NULL OR project = ?3)
               AND (?4 IS NULL OR substr(action, 1, length(?4)) = ?4)
               AND (?5 IS NULL OR at >= ?5)
               AND (?6 IS NULL OR at < ?6)
               AND (?7 IS NULL OR instr(record, ?7) > 0)
             ORDER BY place ",
            $order,
            " LIMIT ?8"
        )
    };
}

/// Places per node.
const SPAN: i64 = 1 << 48;

/// The end of one node's chain and where its records stand.
#[derive(Debug, Clone)]
pub(super) struct Head {
    node: String,
    number: i64,
    last: AuditHead,
}

/// The ends of the chains that a transaction has asked for or written to. The writer keeps them from one transaction to
/// the next as long as nobody else writes.
pub(super) type Heads = Vec<Head>;

fn record(row: &Row<'_>, node: &str) -> Result<AuditRow, StoreError> {
    let place = integer(row, 0, "audit.place")?;
    Ok(AuditRow {
        node: node.to_owned(),
        seq: u64::try_from(place % SPAN).map_err(|_| StoreError::Damaged("audit.place"))?,
        at: time(row, 1, "audit.at")?,
        project: string(row, 2, "audit.project")?,
        action: string(row, 3, "audit.action")?,
        record: string(row, 4, "audit.record")?,
        link: array(row, 5, "audit.link")?,
    })
}

/// The place before the first record of a node.
fn base(number: i64) -> Result<i64, StoreError> {
    number.checked_mul(SPAN).ok_or(StoreError::Damaged("audit_nodes.number"))
}

/// The place of record `seq`, or of the last one possible if there are not so many.
fn place(number: i64, seq: u64) -> Result<i64, StoreError> {
    let within = i64::try_from(seq).unwrap_or(i64::MAX).min(SPAN - 1);
    base(number)?.checked_add(within).ok_or(StoreError::Damaged("audit_nodes.number"))
}

impl Session<'_> {
    fn node_number(&self, node: &str) -> Result<Option<i64>, StoreError> {
        self.first("SELECT number FROM audit_nodes WHERE node = ?1", [node], |row| {
            integer(row, 0, "audit_nodes.number")
        })
    }

    fn last_record(&self, number: i64) -> Result<AuditHead, StoreError> {
        let last = self.first(
            "SELECT place, link FROM audit WHERE place > ?1 AND place < ?2 ORDER BY place DESC LIMIT 1",
            [base(number)?, place(number, u64::MAX)?],
            |row| {
                let seq = u64::try_from(integer(row, 0, "audit.place")? % SPAN);
                Ok(AuditHead {
                    seq: seq.map_err(|_| StoreError::Damaged("audit.place"))?,
                    link: array(row, 1, "audit.link")?,
                })
            },
        )?;
        Ok(last.unwrap_or(AuditHead { seq: 0, link: [0; 32] }))
    }

    /// A page of one node's records between two places, in the order that `sql` ends with.
    fn page(
        &self,
        sql: &str,
        (after, before): (i64, i64),
        node: &str,
        filter: &AuditFilter,
    ) -> Result<Vec<AuditRow>, StoreError> {
        self.all(
            sql,
            params![
                after,
                before,
                filter.project,
                filter.action,
                optional_millis(filter.since),
                optional_millis(filter.until),
                filter.search,
                limit(filter.limit),
            ],
            |row| record(row, node),
        )
    }
}

impl AuditRows for Session<'_> {
    fn audit_head(&mut self, node: &str) -> Result<AuditHead, StoreError> {
        if let Some(known) = self.heads.iter().find(|known| known.node == node) {
            return Ok(known.last.clone());
        }
        let Some(number) = self.node_number(node)? else {
            return Ok(AuditHead { seq: 0, link: [0; 32] });
        };
        let head = self.last_record(number)?;
        self.heads.push(Head { node: node.to_owned(), number, last: head.clone() });
        Ok(head)
    }

    fn audit(&mut self, filter: &AuditFilter) -> Result<Vec<AuditRow>, StoreError> {
        let mut found = Vec::new();
        let nodes = self.all("SELECT number, node FROM audit_nodes ORDER BY node", [], |row| {
            Ok((integer(row, 0, "audit_nodes.number")?, string(row, 1, "audit_nodes.node")?))
        })?;
        for (number, node) in &nodes {
            let range = (base(*number)?, place(*number, filter.before.unwrap_or(u64::MAX))?);
            found.append(&mut self.page(filtered!("DESC"), range, node, filter)?);
        }
        if nodes.len() > 1 {
            // stable, so that equal numbers stay in the order of their nodes
            found.sort_by_key(|row| std::cmp::Reverse(row.seq));
            // `before` is a number: records that share one must share a page, or the next page would skip them
            let last = filter.limit.checked_sub(1).and_then(|index| found.get(index)).map(|row| row.seq);
            if let Some(last) = last {
                found.retain(|row| row.seq >= last);
            }
        }
        Ok(found)
    }

    fn audit_after(&mut self, node: &str, seq: u64, rows: usize) -> Result<Vec<AuditRow>, StoreError> {
        let Some(number) = self.node_number(node)? else { return Ok(Vec::new()) };
        self.all(
            "SELECT place, at, project, action, record, link FROM audit WHERE place > ?1 AND place < ?2
             ORDER BY place LIMIT ?3",
            [place(number, seq)?, place(number, u64::MAX)?, limit(rows)],
            |row| record(row, node),
        )
    }

    fn audit_oldest(&mut self, node: &str, seq: u64, filter: &AuditFilter) -> Result<Vec<AuditRow>, StoreError> {
        let Some(number) = self.node_number(node)? else { return Ok(Vec::new()) };
        self.page(filtered!("ASC"), (place(number, seq)?, place(number, u64::MAX)?), node, filter)
    }

    fn audit_aged(&mut self, node: &str, before: Timestamp) -> Result<Option<AuditRow>, StoreError> {
        let Some(number) = self.node_number(node)? else { return Ok(None) };
        let head = self.last_record(number)?.seq;
        let kept = self.first(
            "SELECT place FROM audit WHERE place > ?1 AND place < ?2 AND at >= ?3 ORDER BY place LIMIT 1",
            [base(number)?, place(number, head)?, millis(before)],
            |row| integer(row, 0, "audit.place"),
        )?;
        let end = kept.unwrap_or(place(number, head)?);
        self.first(
            "SELECT place, at, project, action, record, link FROM audit WHERE place > ?1 AND place < ?2
             ORDER BY place DESC LIMIT 1",
            [base(number)?, end],
            |row| record(row, node),
        )
    }

    fn audit_cut(&mut self, node: &str) -> Result<Option<AuditCut>, StoreError> {
        let Some(number) = self.node_number(node)? else { return Ok(None) };
        self.first("SELECT seq, link, at, mac FROM audit_cuts WHERE number = ?1", [number], |row| {
            Ok(AuditCut {
                node: node.to_owned(),
                seq: unsigned(row, 0, "audit_cuts.seq")?,
                link: array(row, 1, "audit_cuts.link")?,
                at: time(row, 2, "audit_cuts.at")?,
                mac: bytes(row, 3, "audit_cuts.mac")?,
            })
        })
    }

    fn audit_strays(&mut self) -> Result<u64, StoreError> {
        self.one(
            "SELECT count(*) FROM audit
             WHERE place % ?1 = 0 OR place / ?1 NOT IN (SELECT number FROM audit_nodes)",
            [SPAN],
            |row| unsigned(row, 0, "audit.place"),
        )
    }

    fn audit_nodes(&mut self) -> Result<Vec<String>, StoreError> {
        self.all("SELECT node FROM audit_nodes ORDER BY node", [], |row| string(row, 0, "audit_nodes.node"))
    }
}

impl AuditTx for Session<'_> {
    fn append_audit(&mut self, row: &AuditRow) -> Result<(), StoreError> {
        if self.audit_head(&row.node)?.seq.checked_add(1) != Some(row.seq) {
            return Err(StoreError::Damaged("an audit record does not follow its node's head"));
        }
        if row.seq == 1 {
            self.change("INSERT INTO audit_nodes (node) VALUES (?1) ON CONFLICT DO NOTHING", [&row.node])?;
            let number = self.node_number(&row.node)?.ok_or(StoreError::Damaged("audit_nodes.node"))?;
            self.heads.retain(|known| known.node != row.node);
            self.heads.push(Head { node: row.node.clone(), number, last: AuditHead { seq: 0, link: [0; 32] } });
        }
        let known = self.heads.iter().position(|known| known.node == row.node);
        let known = known.ok_or(StoreError::Damaged("audit_nodes.node"))?;
        let number = self.heads.get(known).map(|known| known.number).ok_or(StoreError::Damaged("audit_nodes.node"))?;
        self.insert(
            "an audit record of this number",
            "INSERT INTO audit (place, at, project, action, record, link) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![place(number, row.seq)?, millis(row.at), row.project, row.action, row.record, row.link],
        )?;
        if let Some(known) = self.heads.get_mut(known) {
            known.last = AuditHead { seq: row.seq, link: row.link };
        }
        Ok(())
    }

    fn cut_audit(&mut self, cut: &AuditCut) -> Result<u64, StoreError> {
        if self.audit_head(&cut.node)?.seq <= cut.seq {
            return Err(StoreError::Damaged("a cut would leave nothing of an audit chain"));
        }
        let number = self.node_number(&cut.node)?.ok_or(StoreError::Damaged("audit_nodes.node"))?;
        let seq = i64::try_from(cut.seq).map_err(|_| StoreError::Damaged("audit_cuts.seq"))?;
        self.change(
            "INSERT INTO audit_cuts (number, seq, link, at, mac) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (number) DO UPDATE SET seq = ?2, link = ?3, at = ?4, mac = ?5",
            params![number, seq, cut.link, millis(cut.at), cut.mac],
        )?;
        self.change("DELETE FROM audit WHERE place > ?1 AND place <= ?2", [base(number)?, place(number, cut.seq)?])
    }
}
