//! Execution, system and security logs.

use jiff::{SignedDuration, Timestamp};
use rusqlite::{Row, named_params, params};
use strongroom_model::Id;

use super::row::{id, limit, millis, number, optional_millis, optional_number, optional_string, stored, string, time};
use super::session::Session;
use crate::port::{LogFilter, LogPage, LogRow, LogRows, LogTx, StoreError};

/// Clocks may have been set back: so much older than asked for is still looked at.
const SKEW: SignedDuration = SignedDuration::from_hours(1);

/// About what a line takes beside its message, with its entries in indexes.
const BESIDE_MESSAGE: u64 = 200;

const COLUMNS: &str =
    "SELECT id, at, project, category, namespace, kind, workload, execution, stream, level, message FROM logs";

/// Lines from above `after` to below `before`. `id` steers: it is the order, and the index of each query ends with it.
const STRETCH: &str = " WHERE project = :project AND id > :after AND id < :before";

/// Lines that are not of executions come from an index of their own.
const OF_THE_HOUSE: &str = " AND category <> 'execution'";

/// NULL and the empty list take the place of a filter that is not set. `instr` compares bytes, so that `%` and `_` are
/// themselves.
const CONDITIONS: &str = "
      AND (:category IS NULL OR category = :category)
      AND (:namespace IS NULL OR namespace = :namespace)
      AND (:kind IS NULL OR kind = :kind)
      AND (:workload IS NULL OR workload = :workload)
      AND (:levels IS NULL OR level IN (SELECT value FROM json_each(:levels)))
      AND (:since IS NULL OR at >= :since)
      AND (:until IS NULL OR at < :until)
      AND (:search IS NULL OR instr(message, :search) > 0)";

/// Lines of one execution come from an index of their own.
const OF_EXECUTION: &str = " AND (execution = :execution
    OR (execution > :execution || '.' AND execution < :execution || '/'))";
/// The parameter must stand somewhere.
const OF_ANY_EXECUTION: &str = " AND :execution IS NULL";

fn line(row: &Row<'_>) -> Result<LogRow, StoreError> {
    Ok(LogRow {
        id: number(row, 0, "logs.id")?,
        at: time(row, 1, "logs.at")?,
        project: id(row, 2, "logs.project")?,
        category: string(row, 3, "logs.category")?,
        namespace: string(row, 4, "logs.namespace")?,
        kind: string(row, 5, "logs.kind")?,
        workload: string(row, 6, "logs.workload")?,
        execution: optional_string(row, 7, "logs.execution")?,
        stream: string(row, 8, "logs.stream")?,
        level: string(row, 9, "logs.level")?,
        message: string(row, 10, "logs.message")?,
    })
}

/// The ids between which a query looks, both left out.
struct Stretch {
    after: u64,
    before: u64,
}

const NEWEST: u64 = i64::MAX.unsigned_abs();

impl LogRows for Session<'_> {
    fn logs(&mut self, project: &Id, filter: &LogFilter) -> Result<LogPage, StoreError> {
        let forwards = filter.after.is_some();
        let mut stretch = Stretch { after: filter.after.unwrap_or(0), before: filter.before.unwrap_or(NEWEST) };
        let more = if filter.execution.is_some() { None } else { self.edge(project, filter, &stretch)? };
        let newest = if forwards && more.is_none() { self.newest(project)? } else { None };
        match more {
            Some(edge) if forwards => stretch.before = edge + 1,
            Some(edge) => stretch.after = edge - 1,
            None => {}
        }
        let rows = self.stretch(project, filter, &stretch)?;
        let is_full = rows.len() >= filter.limit;
        let next = match (forwards, is_full) {
            (true, true) => rows.last().map(|row| row.id),
            (true, false) => more.or(newest).max(filter.after),
            (false, true) => rows.first().map(|row| row.id).filter(|id| *id > 1),
            (false, false) => more,
        };
        Ok(LogPage { rows, next })
    }

    fn log_excess(&mut self, category: &str, lines: u64, bytes: u64) -> Result<Option<u64>, StoreError> {
        self.one(
            "SELECT max(id) FROM (SELECT id, row_number() OVER newest AS line, sum(octet_length(message) + ?2) OVER newest AS bytes
                             FROM logs WHERE category = ?1
                             WINDOW newest AS (ORDER BY id DESC ROWS UNBOUNDED PRECEDING))
             WHERE line > ?3 OR bytes > ?4",
            params![category, stored(BESIDE_MESSAGE)?, stored(lines)?, stored(bytes)?],
            |row| optional_number(row, 0, "logs.id"),
        )
    }
}

impl Session<'_> {
    /// The id of the last line that is looked at, if there are more than that.
    fn edge(&mut self, project: &Id, filter: &LogFilter, stretch: &Stretch) -> Result<Option<u64>, StoreError> {
        let house = if is_of_the_house(filter) { OF_THE_HOUSE } else { "" };
        let order = if filter.after.is_some() { " ORDER BY id" } else { " ORDER BY id DESC" };
        let sql = ["SELECT id, at FROM logs", STRETCH, house, order, " LIMIT 1 OFFSET :scan"].concat();
        let edge = self.first(
            &sql,
            named_params! {
                ":project": project.as_bytes(),
                ":after": stored(stretch.after)?,
                ":before": stored(stretch.before)?,
                ":scan": limit(filter.scan.max(1)),
            },
            |row| Ok((number(row, 0, "logs.id")?, time(row, 1, "logs.at")?)),
        )?;
        let since = filter.since.and_then(|since| since.checked_sub(SKEW).ok());
        let is_too_old = |at: Timestamp| filter.after.is_none() && since.is_some_and(|since| at < since);
        Ok(edge.filter(|(_, at)| !is_too_old(*at)).map(|(id, _)| id))
    }

    fn newest(&mut self, project: &Id) -> Result<Option<u64>, StoreError> {
        let sql = "SELECT id FROM logs WHERE project = ?1 ORDER BY id DESC LIMIT 1";
        self.first(sql, [project.as_bytes()], |row| number(row, 0, "logs.id"))
    }

    fn stretch(&mut self, project: &Id, filter: &LogFilter, stretch: &Stretch) -> Result<Vec<LogRow>, StoreError> {
        let house = if is_of_the_house(filter) { OF_THE_HOUSE } else { "" };
        let order = if filter.after.is_some() { " ORDER BY id LIMIT :limit" } else { " ORDER BY id DESC LIMIT :limit" };
        let execution = if filter.execution.is_some() { OF_EXECUTION } else { OF_ANY_EXECUTION };
        let sql = [COLUMNS, STRETCH, house, CONDITIONS, execution, order].concat();
        let levels = (!filter.levels.is_empty()).then(|| serde_json::Value::from(filter.levels.clone()).to_string());
        let mut lines = self.all(
            &sql,
            named_params! {
                ":project": project.as_bytes(),
                ":category": filter.category,
                ":namespace": filter.namespace,
                ":kind": filter.kind,
                ":workload": filter.workload,
                ":execution": filter.execution,
                ":levels": levels,
                ":since": optional_millis(filter.since),
                ":until": optional_millis(filter.until),
                ":after": stored(stretch.after)?,
                ":before": stored(stretch.before)?,
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

fn is_of_the_house(filter: &LogFilter) -> bool {
    filter.category.as_deref().is_some_and(|category| category != "execution")
}

impl LogTx for Session<'_> {
    fn append_logs(&mut self, rows: &[LogRow]) -> Result<(), StoreError> {
        for row in rows {
            self.insert(
                "a line of this id",
                "INSERT INTO logs (at, project, category, namespace, kind, workload, execution, stream, level, message)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
                params![
                    millis(row.at),
                    row.project.as_bytes(),
                    row.category,
                    row.namespace,
                    row.kind,
                    row.workload,
                    row.execution,
                    row.stream,
                    row.level,
                    row.message,
                ],
            )?;
        }
        Ok(())
    }

    fn prune_logs(&mut self, category: &str, before: Timestamp, up_to: u64, most: u64) -> Result<u64, StoreError> {
        let (up_to, most) = (stored(up_to)?, stored(most)?);
        let old = self.change(
            "DELETE FROM logs WHERE id IN (SELECT id FROM logs WHERE at < ?1 AND category = ?2 LIMIT ?3)",
            params![millis(before), category, most],
        )?;
        let above = self.change(
            "DELETE FROM logs WHERE id IN (SELECT id FROM logs WHERE id <= ?1 AND category = ?2 ORDER BY id LIMIT ?3)",
            params![up_to, category, most],
        )?;
        Ok(old + above)
    }
}
