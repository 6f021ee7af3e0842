//! What workers report, on the terminal. Its lines are masked already.

use strongroom_runtime::{Event, Level, Outcome, WorkerEvent};
use tokio::sync::mpsc;

use super::print::{From, Printer, Tone};

/// Shows events until the runtime is gone.
pub(super) async fn show(printer: Printer, mut events: mpsc::Receiver<Event>) {
    while let Some(event) = events.recv().await {
        match event {
            Event::Log { workload, level, message, .. } => {
                let tone = match level {
                    Level::Debug | Level::Info => Tone::Info,
                    Level::Warn => Tone::Warn,
                    Level::Error => Tone::Error,
                };
                printer.say(From::Workload(&workload.name), tone, &message);
            }
            Event::Finished { workload, outcome: Outcome::StreamIdle, .. } => {
                let text = "a response fell silent for too long and was cut off";
                printer.say(From::About(&workload.name), Tone::Warn, text);
            }
            Event::Worker { workload, what, .. } => {
                if let Some((tone, text)) = told(&what) {
                    printer.say(From::About(&workload.name), tone, &text);
                }
            }
            Event::Read { .. } | Event::Finished { .. } => {}
        }
    }
}

/// What a person wants to know of a worker's life.
fn told(what: &WorkerEvent) -> Option<(Tone, String)> {
    match what {
        // a worker that does not start is told of by whoever waits for it: a call, or a change
        WorkerEvent::Started
        | WorkerEvent::Replaced
        | WorkerEvent::ReplacementFailed(_)
        | WorkerEvent::IdleStopped
        | WorkerEvent::Stopped => None,
        WorkerEvent::OverMemory => {
            Some((Tone::Error, "its worker used more memory than it may and was stopped".to_owned()))
        }
        WorkerEvent::Stuck => Some((Tone::Error, "its worker no longer answered and was stopped".to_owned())),
        WorkerEvent::Exited { code, signal } => {
            let how = match (code, signal) {
                (Some(code), _) => format!("with code {code}"),
                (None, Some(signal)) => format!("by signal {signal}"),
                (None, None) => "without a code".to_owned(),
            };
            Some((Tone::Error, format!("its worker ended {how}")))
        }
    }
}
