//! When a workload's worker is started, told, replaced and stopped. Pure: the driver reports what happened and does
//! what is answered.
//!
//! ```text
//!            needed                     started
//!  ┌──────┐ ────────► ┌──────────┐ ────────────────► ┌─────────┐ ◄──┐ compared: same values, or pushed
//!  │ Cold │           │ Starting │                   │ Serving │ ───┘
//!  └──────┘ ◄──────── └──────────┘ ◄──────────────── └─────────┘
//!      ▲      failed                 exited            │     ▲
//!      │                                               │     │ started: the new one serves, the old one drains
//!      │ stopped                 compared: environment,│     │ failed: the old one serves on
//!      │                             recycle, deployed ▼     │
//!      │                                             ┌───────────┐
//!      └──────────────────────────────────────────── │ Replacing │  (exited: Starting)
//!          failed after a removal; stopped           └───────────┘
//! ```
//!
//! The old worker serves only invocations whose epoch it has reached; later ones wait. `heard` is the newest epoch
//! that anyone named; a worker that starts with an older one is compared before or after it takes over.

use crate::spec::ChangeCause;

/// Where a workload stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// No worker.
    Cold,
    /// The first worker, or one in place of a dead one, is starting.
    Starting,
    /// A worker serves everything up to this epoch.
    Serving { epoch: u64 },
    /// A worker serves everything up to this epoch while its successor starts.
    Replacing { epoch: u64, why: Why },
}

/// Why a worker is replaced. The later ones outweigh the earlier ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Why {
    /// For what the code may have kept; values are already pushed.
    Recycle,
    /// Other code.
    Deploy,
    /// A value that the code read at start has a newer version.
    Set,
    /// A value that the code read at start must no longer be used.
    Removed,
}

/// What a newer snapshot means for the worker that serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Impact {
    /// It resolves the same.
    Nothing,
    /// Told through its pipe, all is well.
    Push,
    /// The code read one of the changed values at start.
    Replace(ChangeCause),
}

/// What the driver must do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    /// Nothing, or wait for what is under way.
    Wait,
    /// What serves is good enough.
    Serve,
    /// Take a snapshot and compare it with what the serving worker was told.
    Compare,
    /// Start a worker.
    Start,
    /// Send the difference to the serving worker.
    Push,
    /// Let the new worker serve and drain the old one.
    Adopt,
    /// Bring the new worker up to what the old one already has, then report it as started again.
    CatchUp,
    /// Stop the serving worker; nothing serves.
    Stop,
}

/// One workload.
#[derive(Debug)]
pub(crate) struct State {
    phase: Phase,
    heard: u64,
}

impl State {
    pub(crate) fn new() -> Self {
        Self { phase: Phase::Cold, heard: 0 }
    }

    pub(crate) fn phase(&self) -> Phase {
        self.phase
    }

    /// Whether a start is under way.
    pub(crate) fn is_starting(&self) -> bool {
        matches!(self.phase, Phase::Starting | Phase::Replacing { .. })
    }

    /// Up to which epoch something serves.
    pub(crate) fn served_epoch(&self) -> Option<u64> {
        match self.phase {
            Phase::Serving { epoch } | Phase::Replacing { epoch, .. } => Some(epoch),
            Phase::Cold | Phase::Starting => None,
        }
    }

    /// Whether a change is known that what serves has not got.
    pub(crate) fn is_behind(&self) -> bool {
        self.served_epoch().is_some_and(|epoch| epoch < self.heard)
    }

    /// An invocation, or a change, asks for `epoch`.
    pub(crate) fn needed(&mut self, epoch: u64) -> Action {
        self.heard = self.heard.max(epoch);
        match self.phase {
            Phase::Cold => {
                self.phase = Phase::Starting;
                Action::Start
            }
            Phase::Serving { epoch: served } | Phase::Replacing { epoch: served, .. } if epoch <= served => {
                Action::Serve
            }
            Phase::Serving { .. } | Phase::Replacing { why: Why::Recycle | Why::Deploy, .. } => Action::Compare,
            Phase::Starting | Phase::Replacing { .. } => Action::Wait,
        }
    }

    /// The serving worker must make way for other code, or for a fresh copy of itself.
    pub(crate) fn supersede(&mut self, why: Why) -> Action {
        match self.phase {
            Phase::Serving { epoch } => {
                self.phase = Phase::Replacing { epoch, why };
                Action::Start
            }
            Phase::Cold => {
                self.phase = Phase::Starting;
                Action::Start
            }
            Phase::Starting | Phase::Replacing { .. } => Action::Wait,
        }
    }

    /// A snapshot of `epoch` was compared with what the serving worker was told.
    pub(crate) fn compared(&mut self, epoch: u64, impact: Impact) -> Action {
        self.heard = self.heard.max(epoch);
        let (served, replacing) = match self.phase {
            Phase::Serving { epoch: served } => (served, None),
            Phase::Replacing { epoch: served, why } => (served, Some(why)),
            Phase::Cold | Phase::Starting => return Action::Wait,
        };
        let now = served.max(epoch);
        match (impact, replacing) {
            (Impact::Replace(cause), replacing) => {
                let because = if cause == ChangeCause::Removed { Why::Removed } else { Why::Set };
                let why = replacing.map_or(because, |why| why.max(because));
                self.phase = Phase::Replacing { epoch: served, why };
                if replacing.is_some() { Action::Wait } else { Action::Start }
            }
            (Impact::Nothing | Impact::Push, replacing) => {
                self.phase = match replacing {
                    None => Phase::Serving { epoch: now },
                    Some(why) => Phase::Replacing { epoch: now, why },
                };
                if impact == Impact::Push { Action::Push } else { Action::Serve }
            }
        }
    }

    /// A new worker is ready and has the values of `epoch`.
    pub(crate) fn started(&mut self, epoch: u64) -> Action {
        match self.phase {
            Phase::Replacing { epoch: served, .. } if epoch < served => Action::CatchUp,
            Phase::Cold => Action::Stop,
            Phase::Starting | Phase::Serving { .. } | Phase::Replacing { .. } => {
                self.phase = Phase::Serving { epoch };
                Action::Adopt
            }
        }
    }

    /// The worker that was to start cannot be used and another one must start in its place.
    pub(crate) fn restart(&mut self) -> Action {
        if self.is_starting() { Action::Start } else { Action::Wait }
    }

    /// The start failed for good.
    pub(crate) fn start_failed(&mut self) -> Action {
        match self.phase {
            Phase::Replacing { why: Why::Removed, .. } => {
                self.phase = Phase::Cold;
                Action::Stop
            }
            Phase::Replacing { epoch, why } => {
                // only a change of values makes the old worker stand in for the new epoch
                let epoch = if why == Why::Set { epoch.max(self.heard) } else { epoch };
                self.phase = Phase::Serving { epoch };
                Action::Serve
            }
            Phase::Starting => {
                self.phase = Phase::Cold;
                Action::Wait
            }
            Phase::Cold | Phase::Serving { .. } => Action::Wait,
        }
    }

    /// The serving worker is gone. It is started again at once; the driver puts the pause before it.
    pub(crate) fn exited(&mut self) -> Action {
        match self.phase {
            Phase::Serving { .. } => {
                self.phase = Phase::Starting;
                Action::Start
            }
            Phase::Replacing { .. } => {
                self.phase = Phase::Starting;
                Action::Wait
            }
            Phase::Cold | Phase::Starting => Action::Wait,
        }
    }

    /// Nobody needs the worker: it is idle, or its workload is gone.
    pub(crate) fn stopped(&mut self) -> Action {
        self.phase = Phase::Cold;
        Action::Stop
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn serving(epoch: u64) -> State {
        State { phase: Phase::Serving { epoch }, heard: epoch }
    }

    #[test]
    fn the_first_need_starts_and_the_second_waits() {
        let mut state = State::new();
        assert_eq!(state.needed(3), Action::Start);
        assert_eq!(state.needed(3), Action::Wait);
        assert_eq!(state.started(3), Action::Adopt);
        assert_eq!(state.needed(3), Action::Serve);
    }

    #[test]
    fn a_newer_epoch_is_compared_and_pushed() {
        let mut state = serving(3);
        assert_eq!(state.needed(4), Action::Compare);
        assert_eq!(state.compared(4, Impact::Push), Action::Push);
        assert_eq!(state.needed(4), Action::Serve);
    }

    #[test]
    fn an_environment_change_replaces_and_later_needs_wait() {
        let mut state = serving(3);
        assert_eq!(state.needed(4), Action::Compare);
        assert_eq!(state.compared(4, Impact::Replace(ChangeCause::Set)), Action::Start);
        assert_eq!(state.needed(3), Action::Serve);
        assert_eq!(state.needed(4), Action::Wait);
        assert_eq!(state.started(4), Action::Adopt);
        assert_eq!(state.phase(), Phase::Serving { epoch: 4 });
    }

    #[test]
    fn a_change_during_a_replacement_is_seen_after_it() {
        let mut state = serving(3);
        state.needed(4);
        state.compared(4, Impact::Replace(ChangeCause::Set));
        assert_eq!(state.needed(5), Action::Wait);
        assert_eq!(state.started(4), Action::Adopt);
        assert!(state.is_behind());
    }

    #[test]
    fn a_recycled_worker_never_goes_back_in_time() {
        let mut state = serving(3);
        assert_eq!(state.supersede(Why::Recycle), Action::Start);
        assert_eq!(state.needed(4), Action::Compare);
        assert_eq!(state.compared(4, Impact::Push), Action::Push);
        assert_eq!(state.started(3), Action::CatchUp);
        assert_eq!(state.started(4), Action::Adopt);
    }

    #[test]
    fn an_environment_change_during_a_recycle_waits_for_its_end() {
        let mut state = serving(3);
        state.supersede(Why::Recycle);
        assert_eq!(state.needed(4), Action::Compare);
        assert_eq!(state.compared(4, Impact::Replace(ChangeCause::Set)), Action::Wait);
        assert_eq!(state.needed(4), Action::Wait);
        assert_eq!(state.started(3), Action::Adopt);
        assert!(state.is_behind());
        assert_eq!(state.compared(4, Impact::Replace(ChangeCause::Set)), Action::Start);
    }

    #[test]
    fn after_a_set_the_old_worker_stays() {
        let mut state = serving(3);
        state.needed(4);
        state.compared(4, Impact::Replace(ChangeCause::Set));
        assert_eq!(state.start_failed(), Action::Serve);
        assert_eq!(state.needed(4), Action::Serve);
    }

    #[test]
    fn after_a_removal_the_old_worker_does_not_stay() {
        let mut state = serving(3);
        state.needed(4);
        state.compared(4, Impact::Replace(ChangeCause::Removed));
        assert_eq!(state.start_failed(), Action::Stop);
        assert_eq!(state.phase(), Phase::Cold);
        assert_eq!(state.needed(4), Action::Start);
    }

    #[test]
    fn a_failed_recycle_does_not_hide_a_change() {
        let mut state = serving(3);
        state.supersede(Why::Recycle);
        state.start_failed();
        assert_eq!(state.needed(4), Action::Compare);
    }

    #[test]
    fn a_crash_starts_again_and_a_crash_while_replacing_waits() {
        let mut state = serving(3);
        assert_eq!(state.exited(), Action::Start);
        let mut replacing = serving(3);
        replacing.supersede(Why::Recycle);
        assert_eq!(replacing.exited(), Action::Wait);
        assert_eq!(replacing.started(3), Action::Adopt);
    }

    #[test]
    fn what_starts_after_its_workload_is_gone_is_stopped() {
        let mut state = State::new();
        state.needed(1);
        assert_eq!(state.stopped(), Action::Stop);
        assert_eq!(state.started(1), Action::Stop);
    }
}
