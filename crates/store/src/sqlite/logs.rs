//! Execution and system logs.

use jiff::Timestamp;
use rusqlite::{Row, named_params, params};
use strongroom_model::Id;

use super::row::{id, limit, millis, number, optional_millis, optional_string, stored, string, time};
use super::session::Session;
use crate::port::{LogFilter, LogRow, LogRows, LogTx, StoreError};

const COLUMNS: &str = "SELECT id, at, project, category, namespace, workload, execution, level, message FROM logs";

/// NULL and the empty list take the place of a filter that is not set. `instr` compares bytes, so that `%` and `_` are
/// themselves.
const CONDITIONS: &str = "
    WHERE project = :project
      AND (:category IS NULL OR category = :category)
      AND (:namespace IS NULL OR namespace = :namespace)
      AND (:workload IS NULL OR workload = :workload)
      AND (:levels IS NULL OR level IN (SELECT value FROM json_each(:levels)))
      AND (:since IS NULL OR at >= :since)
      AND (:until IS NULL OR at < :until)
      AND id > :after
      AND (:search IS NULL OR instr(message, :search) > 0)";

/// Lines of one execution come from an index of their own.
const OF_EXECUTION: &str = " AND execution = :execution";
/// The parameter must stand somewhere.
const OF_ANY_EXECUTION: &str = " AND :execution IS NULL";

fn line(row: &Row<'_>) -> Result<LogRow, StoreError> {
    Ok(LogRow {
        id: number(row, 0, "logs.id")?,
        at: time(row, 1, "logs.at")?,
        project: id(row, 2, "logs.project")?,
        category: string(row, 3, "logs.category")?,
        namespace: string(row, 4, "logs.namespace")?,
        workload: string(row, 5, "logs.workload")?,
        execution: optional_string(row, 6, "logs.execution")?,
        level: string(row, 7, "logs.level")?,
        message: string(row, 8, "logs.message")?,
    })
}

impl LogRows for Session<'_> {
    fn logs(&mut self, project: &Id, filter: &LogFilter) -> Result<Vec<LogRow>, StoreError> {
        // a follower that falls behind must not miss lines: it gets the oldest after its place, others the newest
        let order = if filter.after.is_some() { " ORDER BY id LIMIT :limit" } else { " ORDER BY id DESC LIMIT :limit" };
        let execution = if filter.execution.is_some() { OF_EXECUTION } else { OF_ANY_EXECUTION };
        let sql = [COLUMNS, CONDITIONS, execution, order].concat();
        let levels = (!filter.levels.is_empty()).then(|| serde_json::Value::from(filter.levels.clone()).to_string());
        let mut lines = self.all(
            &sql,
            named_params! {
                ":project": project.as_bytes(),
                ":category": filter.category,
                ":namespace": filter.namespace,
                ":workload": filter.workload,
                ":execution": filter.execution,
                ":levels": levels,
                ":since": optional_millis(filter.since),
                ":until": optional_millis(filter.until),
                ":after": stored(filter.after.unwrap_or(0))?,
                ":search": filter.search,
                ":limit": limit(filter.limit),
            },
            line,
        )?;
        if filter.after.is_none() {
            lines.reverse();
        }
        Ok(lines)
    }
}

impl LogTx for Session<'_> {
    fn append_logs(&mut self, rows: &[LogRow]) -> Result<(), StoreError> {
        for row in rows {
            self.insert(
                "a line of this id",
                "INSERT INTO logs (at, project, category, namespace, workload, execution, level, message)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                params![
                    millis(row.at),
                    row.project.as_bytes(),
                    row.category,
                    row.namespace,
                    row.workload,
                    row.execution,
                    row.level,
                    row.message,
                ],
            )?;
        }
        Ok(())
    }

    fn prune_logs(&mut self, before: Timestamp, keep: u64) -> Result<u64, StoreError> {
        let old = self.change("DELETE FROM logs WHERE at < ?1", [millis(before)])?;
        let above = self.change(
            "DELETE FROM logs WHERE id <= (SELECT id FROM logs ORDER BY id DESC LIMIT 1 OFFSET ?1)",
            [i64::try_from(keep).unwrap_or(i64::MAX)],
        )?;
        Ok(old + above)
    }
}
