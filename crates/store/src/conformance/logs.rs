//! Logs.

use std::sync::Arc;

use super::fixture::{at, id, read, write};
use crate::port::{LogFilter, LogRow, Store};

pub(super) fn log_row(project: u64, category: &str, message: &str) -> LogRow {
    LogRow {
        id: 0,
        at: at(1),
        project: id(project),
        category: category.to_owned(),
        namespace: "staging".to_owned(),
        kind: "function".to_owned(),
        workload: "fn1".to_owned(),
        execution: None,
        stream: "stdout".to_owned(),
        level: "info".to_owned(),
        message: message.to_owned(),
    }
}

async fn append(store: &Arc<dyn Store>, rows: Vec<LogRow>) {
    write(store, move |tx| tx.append_logs(&rows)).await;
}

async fn messages(store: &Arc<dyn Store>, filter: LogFilter) -> Vec<String> {
    let or = |number: usize, otherwise| if number == 0 { otherwise } else { number };
    let filter = LogFilter { limit: or(filter.limit, 100), scan: or(filter.scan, 1_000), ..filter };
    let rows = read(store, |rows| rows.logs(&id(1), &filter)).await.rows;
    assert!(rows.windows(2).all(|pair| matches!(pair, [first, second] if first.id < second.id)));
    rows.into_iter().map(|row| row.message).collect()
}

fn line(n: i64) -> LogRow {
    LogRow { at: at(n), ..log_row(1, "execution", &format!("line {n}")) }
}

pub(super) async fn the_newest_lines_come_oldest_first(store: Arc<dyn Store>) {
    append(&store, (1..=10).map(line).collect()).await;
    append(&store, vec![log_row(2, "execution", "another project's")]).await;
    let filter = LogFilter { limit: 3, ..LogFilter::default() };
    assert_eq!(messages(&store, filter.clone()).await, ["line 8", "line 9", "line 10"]);
    let rows = read(&store, |rows| rows.logs(&id(1), &LogFilter { scan: 1_000, ..filter })).await.rows;
    let row = rows.first().unwrap();
    assert!(row.id > 0);
    assert_eq!(row, &LogRow { id: row.id, ..line(8) });
}

pub(super) async fn filters_select_and_search_is_literal(store: Arc<dyn Store>) {
    let text = |message: &str| log_row(1, "execution", message);
    append(
        &store,
        vec![
            text("100% of a_b"),
            text("100 of aXb"),
            text("Case"),
            LogRow { category: "security".to_owned(), ..text("category") },
            LogRow { namespace: "production".to_owned(), ..text("namespace") },
            LogRow { workload: "fn2".to_owned(), ..text("workload") },
            LogRow { kind: "job".to_owned(), ..text("kind") },
            LogRow { execution: Some("e1".to_owned()), ..text("execution") },
            LogRow { level: "warn".to_owned(), ..text("warn") },
            LogRow { level: "error".to_owned(), ..text("error") },
            LogRow { at: at(100), ..text("late") },
        ],
    )
    .await;
    let owned = |text: &str| Some(text.to_owned());
    let none = LogFilter::default;
    assert_eq!(messages(&store, LogFilter { search: owned("0% of"), ..none() }).await, ["100% of a_b"]);
    assert_eq!(messages(&store, LogFilter { search: owned("a_b"), ..none() }).await, ["100% of a_b"]);
    assert_eq!(messages(&store, LogFilter { search: owned("case"), ..none() }).await, [""; 0]);
    assert_eq!(messages(&store, LogFilter { search: owned("%"), ..none() }).await, ["100% of a_b"]);
    assert_eq!(messages(&store, LogFilter { category: owned("security"), ..none() }).await, ["category"]);
    assert_eq!(messages(&store, LogFilter { namespace: owned("production"), ..none() }).await, ["namespace"]);
    assert_eq!(messages(&store, LogFilter { workload: owned("fn2"), ..none() }).await, ["workload"]);
    assert_eq!(messages(&store, LogFilter { kind: owned("job"), ..none() }).await, ["kind"]);
    assert_eq!(messages(&store, LogFilter { execution: owned("e1"), ..none() }).await, ["execution"]);
    assert_eq!(messages(&store, LogFilter { execution: owned("e2"), ..none() }).await, [""; 0]);
    let levels = vec!["warn".to_owned(), "error".to_owned(), "\"],[\"".to_owned()];
    assert_eq!(messages(&store, LogFilter { levels, ..none() }).await, ["warn", "error"]);
    assert_eq!(messages(&store, LogFilter { since: Some(at(100)), ..none() }).await, ["late"]);
    assert_eq!(messages(&store, LogFilter { until: Some(at(100)), ..none() }).await.len(), 10);
    let both = LogFilter { since: Some(at(1)), until: Some(at(1)), ..none() };
    assert_eq!(messages(&store, both).await, [""; 0]);
    let attempt = |id: &str| LogRow { execution: Some(id.to_owned()), ..text(id) };
    append(&store, vec![attempt("run.1"), attempt("run.2"), attempt("run0.1"), attempt("ru")]).await;
    assert_eq!(messages(&store, LogFilter { execution: owned("run"), ..none() }).await, ["run.1", "run.2"]);
}

pub(super) async fn a_follower_misses_nothing(store: Arc<dyn Store>) {
    append(&store, (1..=5).map(line).collect()).await;
    let newest = read(&store, |rows| rows.logs(&id(1), &LogFilter { limit: 1, scan: 9, ..LogFilter::default() })).await;
    let mut after = newest.rows.last().unwrap().id;
    append(&store, (6..=15).map(line).collect()).await;
    let mut seen = Vec::new();
    loop {
        let filter = LogFilter { after: Some(after), limit: 4, scan: 9, ..LogFilter::default() };
        let page = read(&store, |rows| rows.logs(&id(1), &filter)).await.rows;
        let Some(last) = page.last() else { break };
        after = last.id;
        seen.extend(page.into_iter().map(|row| row.message));
    }
    assert_eq!(seen, (6..=15).map(|n| format!("line {n}")).collect::<Vec<_>>());
    // an id is never given twice, or a follower would miss the line that has it
    write(&store, |tx| tx.prune_logs("execution", at(1_000), 0, 100)).await;
    append(&store, vec![line(16)]).await;
    let filter = LogFilter { after: Some(after), limit: 4, ..LogFilter::default() };
    assert_eq!(messages(&store, filter).await, ["line 16"]);
}

pub(super) async fn a_search_looks_at_a_bounded_number_of_lines_and_says_where_it_is(store: Arc<dyn Store>) {
    append(&store, (1..=100).map(line).collect()).await;
    append(&store, vec![log_row(2, "execution", "line 7"), log_row(1, "system", "house")]).await;
    let mut filter = LogFilter { search: Some("line 7".to_owned()), limit: 5, scan: 30, ..LogFilter::default() };
    let (mut seen, mut pages) = (Vec::new(), 0);
    loop {
        let page = read(&store, |rows| rows.logs(&id(1), &filter)).await;
        pages += 1;
        assert!(page.rows.len() <= 5);
        seen.splice(0..0, page.rows.into_iter().map(|row| row.message));
        match page.next {
            Some(next) => assert!(filter.before.replace(next).is_none_or(|before| next < before)),
            None => break,
        }
    }
    let wanted = ["line 7", "line 70", "line 71", "line 72", "line 73", "line 74", "line 75", "line 76", "line 77"];
    assert_eq!(seen, [&wanted[..], &["line 78", "line 79"]].concat());
    assert!(pages >= 4, "{pages}");
    // forwards, the same
    let mut filter = LogFilter { after: Some(0), before: None, ..filter };
    let mut again = Vec::new();
    loop {
        let page = read(&store, |rows| rows.logs(&id(1), &filter)).await;
        again.extend(page.rows.into_iter().map(|row| row.message));
        if page.next == filter.after {
            break;
        }
        filter.after = page.next;
    }
    assert_eq!(again, seen);
    // the few lines of the house are found at once
    let filter = LogFilter { category: Some("system".to_owned()), limit: 5, scan: 2, ..LogFilter::default() };
    append(&store, (1..=100).map(line).collect()).await;
    let page = read(&store, |rows| rows.logs(&id(1), &filter)).await;
    assert_eq!((page.rows.len(), page.next), (1, None));
}

pub(super) async fn pruning_goes_by_category_age_and_number(store: Arc<dyn Store>) {
    append(&store, vec![log_row(1, "security", "kept")]).await;
    append(&store, (1..=10).map(line).collect()).await;
    let excess = |lines: u64, bytes: u64| read(&store, move |rows| rows.log_excess("execution", lines, bytes));
    assert_eq!(write(&store, |tx| tx.prune_logs("execution", at(3), 0, 1)).await, 1);
    assert_eq!(write(&store, |tx| tx.prune_logs("execution", at(3), 0, 100)).await, 1);
    assert_eq!(excess(8, u64::MAX >> 1).await, None);
    assert_eq!(excess(8, 10_000).await, None);
    // the newest line that is too much, by number and by bytes; a line of seven letters takes 207
    let all = read(&store, |rows| rows.logs(&id(1), &LogFilter { limit: 20, scan: 20, ..LogFilter::default() })).await;
    let line_8 = all.rows.iter().find(|row| row.message == "line 8").unwrap().id;
    assert_eq!(excess(2, 10_000).await, Some(line_8));
    assert_eq!(excess(100, 500).await, Some(line_8));
    let up_to = excess(3, 10_000).await.unwrap();
    assert_eq!(write(&store, move |tx| tx.prune_logs("execution", at(3), up_to, 100)).await, 5);
    assert_eq!(messages(&store, LogFilter::default()).await, ["kept", "line 8", "line 9", "line 10"]);
    assert_eq!(write(&store, move |tx| tx.prune_logs("execution", at(3), line_8 + 2, 100)).await, 3);
    assert_eq!(messages(&store, LogFilter::default()).await, ["kept"]);
    assert_eq!(read(&store, |rows| rows.log_excess("security", 1, 1_000)).await, None);
    assert_eq!(write(&store, |tx| tx.prune_logs("security", at(3), 0, 100)).await, 1);
    assert_eq!(messages(&store, LogFilter::default()).await, [""; 0]);
}
