//! Signals and the terminal: what reaches the supervisor goes on to the command, and what stops one stops both.

use rustix::process::{Signal, kill_current_process_group};

use super::supervise::{Happening, Supervisor};
use crate::processes::{Change, Ending};

impl Supervisor<'_> {
    /// Hands signals on and follows stops, until the command ends, or, while none runs, until the run is asked to end.
    pub(super) async fn attend(&mut self) -> Happening {
        loop {
            let Some(running) = &mut self.running else {
                let signal = self.signals.next().await;
                if asks_to_end(signal) {
                    return Happening::Asked(signal);
                }
                continue;
            };
            tokio::select! {
                biased;
                change = running.process.change() => match change {
                    Change::Ended(ending) => return Happening::Ended(ending),
                    Change::Stopped => self.suspend(),
                },
                signal = self.signals.next() => self.hand_on(signal),
            }
        }
    }

    fn hand_on(&mut self, signal: Signal) {
        let Some(running) = &mut self.running else { return };
        match signal {
            Signal::CONT => self.resume(),
            Signal::WINCH if running.stage.has_own_terminal() => running.stage.resize(),
            // in a session of its own it is in no shell's care, and the milder signal would be lost (POSIX, orphaned
            // process groups)
            Signal::TSTP if running.stage.has_own_terminal() => running.process.signal_group(Signal::STOP),
            Signal::TSTP => running.process.signal_group(Signal::TSTP),
            other => {
                running.was_asked |= asks_to_end(other);
                running.process.signal(other);
            }
        }
    }

    /// The command was stopped: so is this process with its group, and the shell shows its prompt.
    fn suspend(&mut self) {
        let (Some(running), Some(terminal)) = (&mut self.running, &self.terminal) else { return };
        running.stage.suspend();
        if terminal.shows(running.process.pid()) {
            terminal.take();
        }
        kill_current_process_group(Signal::STOP).ok();
    }

    /// This process goes on: in front, the command gets the terminal back.
    fn resume(&mut self) {
        let Some(running) = &mut self.running else { return };
        if let Some(terminal) = &self.terminal {
            running.stage.resume(terminal);
            if terminal.is_ours() && !running.stage.has_own_terminal() {
                terminal.give(running.process.pid());
            }
        }
        running.process.signal_group(Signal::CONT);
    }
}

pub(super) fn asks_to_end(signal: Signal) -> bool {
    [Signal::HUP, Signal::INT, Signal::QUIT, Signal::TERM].contains(&signal)
}

pub(super) fn ending_by(signal: Signal) -> Ending {
    Ending::Signal(u8::try_from(signal.as_raw()).unwrap_or(u8::MAX))
}
