//! Lines on the terminal: one workload's name before each, no value in any.

use std::io::{self, IsTerminal as _, Write as _};
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;
use strongroom_runtime::Masks;
use strongroom_runtime::mask::MaskSet;

use super::layers::Layers;
use crate::context::Context;

/// Colours of workloads, in turn: those that can be read on light and dark.
const COLORS: [u8; 6] = [36, 33, 35, 32, 34, 96];
/// Names are set in one column up to this width.
const MAX_WIDTH: usize = 24;

/// How a line is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Tone {
    /// What a workload writes, or what happens.
    Info,
    /// Something to look at.
    Warn,
    /// Something failed.
    Error,
}

/// Whose line it is.
#[derive(Debug, Clone, Copy)]
pub(super) enum From<'a> {
    /// `strongroom dev` itself.
    Own,
    /// A workload's output.
    Workload(&'a str),
    /// What happens to a workload.
    About(&'a str),
}

#[derive(Serialize)]
struct Line<'a> {
    from: &'a str,
    level: Tone,
    text: &'a str,
}

/// The terminal, shared by everything that runs. Clones are the same terminal.
#[derive(Clone)]
pub(super) struct Printer(Arc<Inner>);

/// How lines look.
#[derive(Clone, Copy)]
enum Style {
    Json,
    /// Coloured, where that stream is a terminal.
    Text {
        colored_out: bool,
        colored_err: bool,
    },
}

struct Inner {
    style: Style,
    /// Shows output and problems only.
    quiet: bool,
    masks: Masks,
    state: Mutex<Terminal>,
}

#[derive(Default)]
struct Terminal {
    names: Vec<String>,
    width: usize,
}

impl Printer {
    pub(super) fn new(context: &Context) -> Self {
        let wants_color = !context.globals.no_color && !context.environment.is_on("NO_COLOR");
        let dumb = context.environment.text("TERM") == Some("dumb");
        let may_color = wants_color && !dumb;
        let style = if context.output.is_for_people() {
            Style::Text {
                colored_out: may_color && io::stdout().is_terminal(),
                colored_err: may_color && io::stderr().is_terminal(),
            }
        } else {
            Style::Json
        };
        let inner = Inner { style, quiet: context.output.quiet, masks: Masks::default(), state: Mutex::default() };
        Self(Arc::new(inner))
    }

    /// The names in the column before lines.
    pub(super) fn name_workloads(&self, names: impl IntoIterator<Item = String>) {
        let mut state = self.state();
        for name in names {
            if !state.names.contains(&name) {
                state.names.push(name);
            }
        }
        let longest = state.names.iter().map(|name| name.chars().count()).max().unwrap_or(0);
        state.width = longest.max("strongroom".len()).min(MAX_WIDTH);
    }

    /// Masks these values from now on, and those that they replace for a while.
    pub(super) fn mask(&self, layers: &Layers) {
        self.0.masks.hold(layers.every().map(|(_, value)| value));
    }

    /// What is masked now.
    pub(super) fn mask_set(&self) -> Arc<MaskSet> {
        self.0.masks.set()
    }

    /// `text` without values.
    pub(super) fn masked(&self, text: &str) -> String {
        self.mask_set().mask(text)
    }

    /// Lines of a workload's output, or about it.
    pub(super) fn say(&self, from: From<'_>, tone: Tone, text: &str) {
        // masked as a whole: a value may have several lines
        self.masked_already(from, tone, &self.masked(text));
    }

    /// Lines in which no value is left.
    pub(super) fn masked_already(&self, from: From<'_>, tone: Tone, text: &str) {
        let is_output = matches!(from, From::Workload(_));
        if self.0.quiet && !is_output && tone == Tone::Info {
            return;
        }
        let lines: String = text.lines().map(|line| self.line(from, tone, line)).collect();
        // Nothing can be told to someone who has gone away.
        if is_output {
            let mut out = io::stdout().lock();
            out.write_all(lines.as_bytes()).and_then(|()| out.flush()).ok();
        } else {
            io::stderr().lock().write_all(lines.as_bytes()).ok();
        }
    }

    fn line(&self, from: From<'_>, tone: Tone, text: &str) -> String {
        let (name, is_output) = match from {
            From::Own => ("strongroom", false),
            From::Workload(name) => (name, true),
            From::About(name) => (name, false),
        };
        let is_colored = match self.0.style {
            Style::Json => {
                let line = Line { from: name, level: tone, text };
                return serde_json::to_string(&line).unwrap_or_default() + "\n";
            }
            Style::Text { colored_out, .. } if is_output => colored_out,
            Style::Text { colored_err, .. } => colored_err,
        };
        let (width, place) = {
            let state = self.state();
            (state.width, state.names.iter().position(|known| known == name).unwrap_or(0))
        };
        let mark = if is_output { "│" } else { "›" };
        if !is_colored {
            return format!("{name:<width$} {mark} {text}\n");
        }
        let hue = if matches!(from, From::Own) { 1 } else { COLORS.get(place % COLORS.len()).copied().unwrap_or(36) };
        let text = match tone {
            Tone::Info => text.to_owned(),
            Tone::Warn => format!("\u{1b}[33m{text}\u{1b}[0m"),
            Tone::Error => format!("\u{1b}[31m{text}\u{1b}[0m"),
        };
        format!("\u{1b}[{hue}m{name:<width$}\u{1b}[0m \u{1b}[2m{mark}\u{1b}[0m {text}\n")
    }

    /// A line of the report at the start, without a name before it.
    pub(super) fn plain(&self, text: &str) {
        if self.0.quiet {
            return;
        }
        if matches!(self.0.style, Style::Json) {
            return self.say(From::Own, Tone::Info, text);
        }
        let text = self.masked(text);
        io::stderr().lock().write_all(format!("{text}\n").as_bytes()).ok();
    }

    /// Whether the report may be coloured.
    pub(super) fn has_color(&self) -> bool {
        matches!(self.0.style, Style::Text { colored_err: true, .. })
    }

    /// An address that programs wait for, on stdout.
    pub(super) fn address(&self, what: &str, url: &str) {
        if matches!(self.0.style, Style::Json) {
            return self.say(From::Workload("strongroom"), Tone::Info, &format!("{what} on {url}"));
        }
        let mut out = io::stdout().lock();
        out.write_all(format!("{what} on {url}\n").as_bytes()).and_then(|()| out.flush()).ok();
    }

    fn state(&self) -> std::sync::MutexGuard<'_, Terminal> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
