//! Following the changes of what a run gets.

use std::time::Duration;

use jiff::Timestamp;
use strongroom_api::resolve::Resolved;
use strongroom_client::{ClientError, Tagged};
use tokio::time::sleep;

use super::plan::Plan;
use super::source::{Source, Trouble};
use crate::changes::Changes;
use crate::context::Context;
use crate::errors::Failure;
use crate::session::Session;

/// An expiry is looked at this much later than it is due, by our clock.
const AFTER_EXPIRY: Duration = Duration::from_millis(100);
/// Longest sleep at a time: the machine's clock may be set meanwhile.
const LONGEST_SLEEP: Duration = Duration::from_mins(10);

/// What a look has shown.
pub(super) enum News {
    /// The same values as before.
    Nothing,
    /// Another answer. Its values may still be the same.
    Values(Resolved),
    /// None, for a reason that is to be told.
    Trouble(String),
    /// There are answers again.
    Back,
}

/// One run's listener and source.
pub(super) struct Following<'a> {
    context: &'a Context,
    plan: &'a Plan,
    source: Source<'a>,
    changes: Changes,
    valid_until: Option<Timestamp>,
    /// The trouble that was told last, so that it is told once.
    told: Option<String>,
}

impl<'a> Following<'a> {
    pub(super) fn new(context: &'a Context, plan: &'a Plan, source: Source<'a>, first: &Resolved) -> Self {
        let changes = Changes::new(Some(&plan.namespace));
        Self { context, plan, source, changes, valid_until: first.valid_until, told: None }
    }

    /// Returns when there may be something new. May be dropped half-way without losing anything.
    pub(super) async fn next(&mut self) {
        let expiry = expiry(self.valid_until, (self.context.now)());
        tokio::select! {
            () = self.changes.next() => {}
            () = expiry => {}
        }
    }

    /// Asks whether the answer is another one now.
    pub(super) async fn ask(&mut self, session: &Session) -> Result<Option<Tagged>, ClientError> {
        // listening comes first, so that nothing happens unheard between the two
        self.changes.renew(session).await?;
        let tag = self.source.tag.as_deref();
        session.project().resolve_if_changed(self.plan.workload(), &self.plan.names, tag).await
    }

    /// No connection could be had.
    pub(super) fn unreachable(&mut self, failure: &Failure) -> News {
        self.changes.lose();
        self.trouble(format!("{}; the command goes on with the values it has", failure.message()))
    }

    /// The look was interrupted; it is taken again soon.
    pub(super) fn interrupted(&mut self) {
        self.changes.lose();
    }

    /// What the answer means. The session ends here.
    pub(super) fn conclude(
        &mut self,
        session: Session,
        answer: Result<Option<Tagged>, ClientError>,
    ) -> Result<News, Failure> {
        self.changes.looked(self.context, session)?;
        let now = (self.context.now)();
        self.valid_until = self.valid_until.filter(|until| *until > now);
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => {
                self.changes.lose();
                return Ok(match self.source.trouble(error) {
                    Trouble::Away(failure) => self.trouble(format!(
                        "{}; the command goes on with the values it has, and changes are followed once it is back",
                        failure.message()
                    )),
                    Trouble::Refused(failure) => self.trouble(format!(
                        "the server refuses the values: {}; the command goes on with those it has",
                        failure.message()
                    )),
                });
            }
        };
        let was_troubled = self.told.take().is_some();
        match answer {
            Some(tagged) => {
                self.source.tag = tagged.tag;
                self.valid_until = tagged.resolved.valid_until;
                self.source.keep(&tagged.resolved);
                Ok(News::Values(tagged.resolved))
            }
            None if was_troubled => Ok(News::Back),
            None => Ok(News::Nothing),
        }
    }

    fn trouble(&mut self, text: String) -> News {
        if self.told.as_ref() == Some(&text) {
            return News::Nothing;
        }
        self.told = Some(text.clone());
        News::Trouble(text)
    }
}

async fn expiry(valid_until: Option<Timestamp>, now: Timestamp) {
    let Some(until) = valid_until else { return std::future::pending().await };
    let left = Duration::try_from(until.duration_since(now)).unwrap_or_default();
    sleep((left + AFTER_EXPIRY).min(LONGEST_SLEEP)).await;
}
