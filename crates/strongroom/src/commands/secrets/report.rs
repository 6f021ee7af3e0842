//! What a write did, in words or as JSON.

use strongroom_api::secrets::{Live, WriteResult, WriteStatus, Written};

use crate::context::Context;
use crate::errors::{Exit, Failure};
use crate::output;
use crate::words::count;

/// Which change is reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    /// Values were set.
    Value,
    /// Secrets went away or came back.
    Presence,
}

/// Prints the report of a write: one line a secret, then who has it now. Exit 1 if a workload could not take it.
pub(crate) fn written(context: &Context, written: &Written, change: Change) -> Result<Exit, Failure> {
    notes(context, &written.created, &written.warnings);
    if context.output.is_for_people() {
        for result in &written.results {
            context.output.done(&line(result))?;
        }
        let is_changed = |result: &WriteResult| {
            !matches!(result.status, WriteStatus::Unchanged | WriteStatus::Missing | WriteStatus::Declared)
        };
        if written.results.iter().any(is_changed) {
            context.output.done(&live_line(&written.live, change, written.results.len()))?;
        }
    } else {
        context.output.structured(written)?;
    }
    Ok(restarts(&written.live))
}

/// What came into being on the way, and what is worth knowing, on stderr.
pub(crate) fn notes(context: &Context, created: &[String], warnings: &[String]) {
    for created in created {
        context.output.talk(&format!("created {created}"));
    }
    for warning in warnings {
        context.output.talk(&format!("warning: {warning}"));
    }
}

/// Exit 1, after saying which workloads still have the old value.
pub(crate) fn restarts(live: &Live) -> Exit {
    if live.restart_failed.is_empty() {
        return Exit::DONE;
    }
    let names = live.restart_failed.join(", ");
    output::say(&format!(
        "error: the new workers of these functions did not start: {names}\n\nhint: strongroom logs list --category system --search {}",
        live.restart_failed.first().map_or("", String::as_str)
    ));
    Exit::FAILED
}

/// The documented line for one secret.
pub(crate) fn line(result: &WriteResult) -> String {
    let name = &result.name;
    match (result.status, result.version) {
        (WriteStatus::Set, _) => format!("✔ Secret set: {name}"),
        (WriteStatus::Updated, Some(version)) => format!("✔ Secret updated: {name} (v{version})"),
        (WriteStatus::Updated, None) => format!("✔ Secret updated: {name}"),
        (WriteStatus::Unchanged, _) => format!("• Unchanged: {name}"),
        (WriteStatus::Declared, _) => format!("✔ Secret created: {name}"),
        (WriteStatus::Deleted, _) => match &result.now_resolves_to {
            Some(scope) => format!("✔ Secret deleted: {name} (now resolves to {scope})"),
            None => format!("✔ Secret deleted: {name}"),
        },
        (WriteStatus::Purged, _) => match &result.now_resolves_to {
            Some(scope) => format!("✔ Secret purged: {name} (now resolves to {scope})"),
            None => format!("✔ Secret purged: {name}"),
        },
        (WriteStatus::Missing, _) => format!("✗ Secret not found: {name}"),
        (WriteStatus::Restored, Some(version)) => format!("✔ Secret restored: {name} (v{version})"),
        (WriteStatus::Restored, None) => format!("✔ Secret restored: {name}"),
    }
}

/// `New value is live immediately — no redeploy needed (3 functions use it; 2 restarted: call-openai, nightly-sync).`
pub(crate) fn live_line(live: &Live, change: Change, secrets: usize) -> String {
    let (subject, verb) = match (change, secrets) {
        (Change::Value, 0 | 1) => ("New value is", "it"),
        (Change::Value, _) => ("New values are", "them"),
        (Change::Presence, 0 | 1) => ("The change is", "it"),
        (Change::Presence, _) => ("The changes are", "them"),
    };
    let users = match live.functions {
        0 => format!("no deployed function uses {verb}"),
        1 => format!("1 function uses {verb}"),
        number => format!("{} use {verb}", count(number, "function")),
    };
    let restarted = match live.restarted.len() {
        0 => String::new(),
        number => format!("; {number} restarted: {}", live.restarted.join(", ")),
    };
    format!("{subject} live immediately — no redeploy needed ({users}{restarted}).")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_live_line_says_who_has_it_now() {
        let restarted = vec!["call-openai".to_owned(), "nightly-sync".to_owned()];
        let live = Live { functions: 3, restarted, restart_failed: Vec::new() };
        assert_eq!(
            live_line(&live, Change::Value, 1),
            "New value is live immediately — no redeploy needed (3 functions use it; 2 restarted: call-openai, nightly-sync)."
        );
        assert_eq!(
            live_line(&Live::default(), Change::Value, 2),
            "New values are live immediately — no redeploy needed (no deployed function uses them)."
        );
    }
}
