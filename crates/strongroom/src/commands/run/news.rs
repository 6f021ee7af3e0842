//! What is done about news of values: a restart with new ones, and rest while one that is needed is missing.

use std::rc::Rc;

use rustix::process::kill_process;
use strongroom_api::resolve::Resolved;
use strongroom_secret::SecretValue;

use super::follow::News;
use super::reins::asks_to_end;
use super::supervise::{SETTLED_AFTER, Supervisor};
use crate::errors::{Exit, Failure};
use crate::session::Session;

impl Supervisor<'_> {
    /// Asks whether there is something new, and acts on it. The exit code, if the run was asked to end meanwhile.
    pub(super) fn look_again(&mut self) -> Result<Option<Exit>, Failure> {
        let Some(mut following) = self.following.take() else { return Ok(None) };
        let news = match Session::open_on(self.context, Rc::clone(&self.runtime)) {
            Err(failure) => following.unreachable(&failure),
            Ok(session) => {
                let runtime = Rc::clone(&self.runtime);
                let answer = runtime.block_on(async {
                    tokio::select! {
                        biased;
                        happening = self.attend() => Err(happening),
                        answer = following.ask(&session) => Ok(answer),
                    }
                });
                match answer {
                    Ok(answer) => following.conclude(session, answer)?,
                    Err(happening) => {
                        self.noticed = Some(happening);
                        following.interrupted();
                        News::Nothing
                    }
                }
            }
        };
        self.following = Some(following);
        match news {
            News::Nothing => Ok(None),
            News::Back => {
                self.tell("changes are followed again");
                Ok(None)
            }
            News::Trouble(text) => {
                self.tell(&format!("warning: {text}"));
                Ok(None)
            }
            News::Values(resolved) => self.adopt(resolved),
        }
    }

    /// Restarts the command with these values if they differ; lets it rest if something that it needs is missing.
    fn adopt(&mut self, resolved: Resolved) -> Result<Option<Exit>, Failure> {
        let runtime = Rc::clone(&self.runtime);
        if let Some(failure) = self.plan.lacks(&resolved) {
            return self.rest(&failure);
        }
        let secrets = self.plan.secrets(resolved);
        let changed = changed(self.mounted.as_ref().unwrap_or(&self.environment.secrets), &secrets);
        if changed.is_empty() && !self.is_resting {
            return Ok(None);
        }
        let is_rested = std::mem::take(&mut self.is_resting);
        if !self.context.output.quiet {
            self.tell(&if is_rested {
                "the command has all its values again; it is started".to_owned()
            } else {
                format!("changed: {}; restarting the command", changed.join(", "))
            });
        }
        if let Some(exit) = runtime.block_on(self.end_current()) {
            return Ok(Some(exit));
        }
        self.take_over(secrets)?;
        self.start(true)?;
        Ok(None)
    }

    /// A deleted or expired value must not go on working: the command ends, and starts again once all names have one.
    fn rest(&mut self, failure: &Failure) -> Result<Option<Exit>, Failure> {
        if !self.is_resting {
            self.tell("WARNING: names that the command needs have no value any more; it is ended");
        }
        failure.lines().for_each(|line| self.tell(&format!("  - {line}")));
        let runtime = Rc::clone(&self.runtime);
        if let Some(exit) = runtime.block_on(self.end_current()) {
            return Ok(Some(exit));
        }
        self.take_over(Vec::new())?;
        self.paused_until = None;
        if !std::mem::replace(&mut self.is_resting, true) {
            self.tell("it is started again when they are set");
        }
        Ok(None)
    }

    /// Asks the command to end, for a new start. The exit code, if the run itself was asked to end meanwhile.
    async fn end_current(&mut self) -> Option<Exit> {
        let mut running = self.running.take()?;
        if running.since.elapsed() >= SETTLED_AFTER {
            self.failures = 0;
        }
        let pid = running.process.pid();
        let mut asked = running.was_asked;
        let ending = {
            let stopping = running.process.stop(self.stop);
            tokio::pin!(stopping);
            loop {
                tokio::select! {
                    biased;
                    ending = &mut stopping => break ending,
                    signal = self.signals.next() => {
                        asked |= asks_to_end(signal);
                        if asks_to_end(signal) {
                            kill_process(pid, signal).ok();
                        }
                    }
                }
            }
        };
        self.leave_stage(running).await;
        asked.then(|| Exit(ending.exit_code()))
    }
}

/// The names whose values differ, by the names that the command sees.
fn changed(before: &[(String, SecretValue)], after: &[(String, SecretValue)]) -> Vec<String> {
    let lacks = |all: &[(String, SecretValue)], (name, value): &(String, SecretValue)| {
        !all.iter().any(|(known, held)| known == name && held.expose() == value.expose())
    };
    let gone = before.iter().filter(|entry| lacks(after, entry));
    let come = after.iter().filter(|entry| lacks(before, entry));
    let mut names: Vec<_> = gone.chain(come).map(|(name, _)| name.clone()).collect();
    names.sort();
    names.dedup();
    names
}
