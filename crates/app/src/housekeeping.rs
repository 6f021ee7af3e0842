//! What a server does beside answering: write down uses and denials, erase what has served its time, and end cleanly.

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use strongroom_store::{Rows, Tx};

use crate::audit::Record;
use crate::error::Error;
use crate::once::KEPT_HOURS;
use crate::open::App;

/// How long runs of jobs, links, invitations and tokens are kept once they are over. The audit trail says for as long as
/// it is kept who made a token and who revoked it; the row serves the list of tokens alone.
const OVER_DAYS: i64 = 30;
/// How many runs one statement erases.
const RUNS_AT_ONCE: usize = 10_000;
/// How many of the newest log lines of a category are kept, whatever their age,
const LOG_LINES: u64 = 1_000_000;
/// and how many bytes of them.
const LOG_BYTES: u64 = 512 << 20;
/// After so many new bytes they are looked at again, else every hour.
const LOG_BYTES_UNSEEN: u64 = 64 << 20;
/// So many log lines are erased at once, so that nobody waits long for the writer.
const ERASED_AT_ONCE: u64 = 5_000;

/// How long log lines of each category are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogRetention {
    /// What functions and jobs write.
    pub execution: Duration,
    /// What became of workers and of the server.
    pub system: Duration,
    /// Who was refused.
    pub security: Duration,
}

impl Default for LogRetention {
    fn default() -> Self {
        let days = |days: u64| Duration::from_hours(days * 24);
        Self { execution: days(14), system: days(90), security: days(365) }
    }
}

impl App {
    /// Runs until the app is dropped: every minute writes uses and denials down, every hour erases what is too old.
    pub async fn keep_house(self: Arc<Self>) {
        let weak = Arc::downgrade(&self);
        drop(self);
        let mut minutes = tokio::time::interval(Duration::from_mins(1));
        minutes.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        for minute in 0_u64.. {
            minutes.tick().await;
            let Some(app) = weak.upgrade() else { return };
            if let Err(error) = app.write_uses().await {
                tracing::error!(%error, "token uses and denials could not be written down");
            }
            app.write_journal().await;
            if app.journal.has_written(LOG_BYTES_UNSEEN)
                && let Err(error) = app.erase_old_logs().await
            {
                tracing::error!(%error, "log lines could not be erased");
            }
            if minute % 60 == 0
                && let Err(error) = app.erase_old().await
            {
                tracing::error!(%error, "old rows could not be erased");
            }
        }
    }

    async fn write_uses(&self) -> Result<(), Error> {
        let uses = self.credentials.take_uses();
        if !uses.is_empty() {
            self.store
                .write(move |tx: &mut dyn Tx| {
                    uses.iter().try_for_each(|(id, at)| tx.touch_token(id, *at)).map_err(Error::from)
                })
                .await?;
        }
        let sessions = self.accounts.sessions.take_uses();
        if !sessions.is_empty() {
            self.store
                .write(move |tx: &mut dyn Tx| {
                    sessions.iter().try_for_each(|(id, at)| tx.touch_session(id, *at)).map_err(Error::from)
                })
                .await?;
        }
        self.accounts.tidy(self.clock.now());
        if let Some(refused) = self.anonymous_denials.take() {
            let text = format!("refused: {} requests without an accepted credential", refused.attempts);
            self.house_line("security", "warn", None, text).await;
            self.audit(Record::anonymous_denials(self.clock.now(), &refused)).await?;
        }
        Ok(())
    }

    /// Erases every row that has served its time.
    pub async fn erase_old(&self) -> Result<(), Error> {
        let now = self.clock.now();
        let window = SignedDuration::try_from(self.restore_window).unwrap_or(SignedDuration::MAX);
        let deleted_before = now.checked_sub(window).unwrap_or(jiff::Timestamp::MIN);
        let ended_before = now.checked_sub(SignedDuration::from_hours(OVER_DAYS * 24)).unwrap_or(jiff::Timestamp::MIN);
        let repeated_before = now.checked_sub(SignedDuration::from_hours(KEPT_HOURS)).unwrap_or(jiff::Timestamp::MIN);
        self.store
            .write(move |tx: &mut dyn Tx| {
                tx.purge_deleted(deleted_before)?;
                tx.prune_idempotent(repeated_before)?;
                tx.prune_links(ended_before)?;
                tx.prune_tokens(ended_before)?;
                tx.prune_slots(ended_before)?;
                tx.prune_sessions(now)?;
                tx.prune_invitations(ended_before)?;
                while tx.prune_runs(ended_before, RUNS_AT_ONCE)? > 0 {}
                Ok::<_, Error>(())
            })
            .await?;
        self.erase_old_audit().await?;
        self.erase_old_logs().await
    }

    /// Erases log lines that are too old or too many, a few at a time.
    pub async fn erase_old_logs(&self) -> Result<(), Error> {
        let LogRetention { execution, system, security } = self.log_retention;
        for (category, kept) in [("execution", execution), ("system", system), ("security", security)] {
            let kept = SignedDuration::try_from(kept).unwrap_or(SignedDuration::MAX);
            let before = self.clock.now().checked_sub(kept).unwrap_or(jiff::Timestamp::MIN);
            let excess = |rows: &mut dyn Rows| rows.log_excess(category, LOG_LINES, LOG_BYTES).map_err(Error::from);
            let up_to = self.store.read(excess).await?.unwrap_or(0);
            let erase =
                move |tx: &mut dyn Tx| Ok::<_, Error>(tx.prune_logs(category, before, up_to, ERASED_AT_ONCE)?);
            while self.store.write(erase).await? > 0 {}
        }
        Ok(())
    }

    /// Counts an attempt without an accepted credential; the audit trail gets their number by source once a minute.
    pub fn count_anonymous_denial(&self, source: &str) {
        self.anonymous_denials.count(source);
    }

    /// Ends workers and writes down what waits.
    pub async fn close(&self) {
        if let Some(runtime) = self.runtime.get() {
            runtime.shutdown().await;
        }
        self.journal.settle().await;
        self.write_journal().await;
        if let Err(error) = self.write_uses().await {
            tracing::error!(%error, "token uses and denials could not be written down");
        }
        self.write_anchors().await;
    }
}

impl App {
    /// Whether the store answers.
    pub async fn is_ready(&self) -> bool {
        self.store.read(|rows: &mut dyn strongroom_store::Rows| rows.instance()).await.is_ok_and(|row| row.is_some())
    }
}
