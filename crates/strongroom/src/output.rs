//! What the program says: data on stdout, talk on stderr.

use std::cell::RefCell;
use std::io::{self, IsTerminal as _, Write as _};
use std::rc::Rc;

use comfy_table::{Table, presets};
use serde::Serialize;
use zeroize::Zeroizing;

use crate::errors::Failure;

/// How data is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Table,
    /// For programs.
    Json,
    /// For programs and people.
    Yaml,
}

/// Stdout and stderr, with the caller's wishes.
#[derive(Debug, Clone)]
pub(crate) struct Output {
    /// How data is written.
    pub(crate) format: Format,
    /// No talk but errors.
    pub(crate) quiet: bool,
    /// Whether errors may be coloured.
    pub(crate) color: bool,
    /// Talk that waits until it is sure that stderr will not carry problem details, which programs read.
    waiting: Rc<RefCell<Vec<String>>>,
}

impl Output {
    pub(crate) fn new(format: Format) -> Self {
        Self { format, quiet: false, color: false, waiting: Rc::default() }
    }

    /// Whether data goes to a person, as words and tables.
    pub(crate) fn is_for_people(&self) -> bool {
        self.format == Format::Table
    }

    /// A line that confirms what was done: data for people, nothing with `-q` or for programs.
    pub(crate) fn done(&self, line: &str) -> Result<(), Failure> {
        if self.quiet || !self.is_for_people() { Ok(()) } else { self::line(line) }
    }

    /// The answer to a change: a line for people, the answer itself for programs.
    pub(crate) fn answer(&self, answer: &impl Serialize, line: &str) -> Result<(), Failure> {
        if self.is_for_people() { self.done(line) } else { self.structured(answer) }
    }

    /// Data for programs.
    pub(crate) fn structured(&self, data: &impl Serialize) -> Result<(), Failure> {
        let mut text = Zeroizing::new(Vec::with_capacity(16 * 1024));
        let unwritable = "wire types have text keys only";
        if self.format == Format::Yaml {
            serde_yaml_ng::to_writer(&mut *text, data).expect(unwritable);
        } else {
            serde_json::to_writer_pretty(&mut *text, data).expect(unwritable);
            text.push(b'\n');
        }
        bytes(&text)
    }

    /// A table without lines, or `nothing` on stderr if it has no rows.
    pub(crate) fn table<const N: usize>(
        &self,
        head: [&str; N],
        rows: Vec<[String; N]>,
        nothing: &str,
    ) -> Result<(), Failure> {
        if rows.is_empty() {
            self.talk(nothing);
            return Ok(());
        }
        let mut table = Table::new();
        table.load_style(presets::NOTHING);
        table.set_header(head);
        for row in rows {
            table.add_row(row);
        }
        for column in table.column_iter_mut() {
            column.set_padding((0, 2));
        }
        table.lines().try_for_each(|line| self::line(line.trim_end()))
    }

    /// Something worth knowing, on stderr.
    pub(crate) fn talk(&self, line: &str) {
        match self.quiet {
            true => {}
            false if self.is_for_people() => say(line),
            false => self.waiting.borrow_mut().push(line.to_owned()),
        }
    }

    /// Says what waited: the command has succeeded, or becomes another program.
    pub(crate) fn settle(&self) {
        self.waiting.borrow_mut().drain(..).for_each(|line| say(&line));
    }

    /// A failure, on stderr, in the wanted form.
    pub(crate) fn failure(&self, failure: &Failure) {
        let text = match self.format {
            Format::Table if self.color => failure.text().replacen("error:", "\u{1b}[31merror:\u{1b}[0m", 1),
            Format::Table => failure.text(),
            Format::Json | Format::Yaml => failure.json(),
        };
        io::stderr().lock().write_all(text.as_bytes()).ok();
    }
}

/// One line of data.
pub(crate) fn line(line: &str) -> Result<(), Failure> {
    bytes(format!("{line}\n").as_bytes())
}

/// Bytes of data as they are.
pub(crate) fn bytes(bytes: &[u8]) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    written(stdout.write_all(bytes).and_then(|()| stdout.flush()))
}

/// Something that must be known, on stderr, also with `-q`.
pub(crate) fn say(line: &str) {
    // Nothing can be told to someone who closed stderr.
    io::stderr().lock().write_all(format!("{line}\n").as_bytes()).ok();
}

/// Whether a person sits at this terminal: can be asked, and sees the question.
pub(crate) fn has_person() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Asks on stderr and reads one line. `None` at the end of input.
pub(crate) fn ask(question: &str) -> Option<String> {
    io::stderr().lock().write_all(format!("{question} ").as_bytes()).ok()?;
    let mut answer = String::new();
    let length = io::stdin().read_line(&mut answer).ok()?;
    (length > 0).then(|| answer.trim().to_owned())
}

/// A reader that has gone away is no failure; a full disk is.
fn written(result: io::Result<()>) -> Result<(), Failure> {
    match result {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::failed("the output could not be written").because(&error))
        }
        _ => Ok(()),
    }
}
