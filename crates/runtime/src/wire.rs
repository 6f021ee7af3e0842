//! The two ends of a worker's pipes. Pure: bytes in, bytes out.
//!
//! To the worker, on stdin: one JSON object a line: `hello`, `assign`, `push`, `user`, `kept`, `ping`, `abort`. From it, on stdout: frames, each
//! the worker's nonce, one JSON object and a newline, standing anywhere in the code's own output.

use std::net::IpAddr;

use aho_corasick::AhoCorasick;
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::snapshot::{Difference, Entry, EntryState, Snapshot};
use crate::spec::{WorkerSpec, WorkloadKind};
use crate::visit::{Visitor, Wish};

/// Longest frame that is taken; a worker that sends more is out of its mind.
const MAX_FRAME_BYTES: usize = 16 * 1024 * 1024;

/// A control message; wiped when dropped, since it may hold values. Made in one allocation, so no copy stays behind.
pub(crate) type Control = Zeroizing<Vec<u8>>;

/// Names the worker's nonce and its socket.
pub(crate) fn hello(nonce: &str, socket: &str) -> Control {
    build(|out| {
        out.raw("{\"t\":\"hello\",\"nonce\":");
        out.string(nonce);
        out.raw(",\"socket\":");
        out.string(socket);
        out.raw("}\n");
    })
}

/// Asks for a `pong`.
pub(crate) fn ping(id: u64) -> Control {
    build(|out| out.raw(&format!("{{\"t\":\"ping\",\"i\":{id}}}\n")))
}

/// Asks the run `id` of a job to stop: `why` is `cancelled` or `timeout`.
pub(crate) fn abort(id: &str, why: &str) -> Control {
    build(|out| {
        out.raw("{\"t\":\"abort\",\"id\":");
        out.string(id);
        out.raw(",\"why\":");
        out.string(why);
        out.raw("}\n");
    })
}

/// Says that connection `id` comes along, as the worker asked. Without the newline.
pub(crate) fn opened(id: u64) -> String {
    format!("{{\"t\":\"opened\",\"i\":{id}}}")
}

/// Says that there is no connection, or no address, for request `id`, with the error code that Node would give.
pub(crate) fn not_opened(id: u64, code: &str) -> Vec<u8> {
    format!("{{\"t\":\"opened\",\"i\":{id},\"e\":\"{code}\"}}\n").into_bytes()
}

/// The addresses behind a name, for request `id`.
pub(crate) fn looked_up(id: u64, addresses: impl Iterator<Item = IpAddr>) -> Vec<u8> {
    let addresses: Vec<String> = addresses.map(|address| format!("\"{}\"", address.to_canonical())).collect();
    format!("{{\"t\":\"opened\",\"i\":{id},\"a\":[{}]}}\n", addresses.join(",")).into_bytes()
}

/// Hands a generic worker its function and its values.
pub(crate) fn assign(spec: &WorkerSpec, code_url: &str, snapshot: &Snapshot) -> Control {
    let kind = match spec.workload.kind {
        WorkloadKind::Function => "function",
        WorkloadKind::Job => "job",
    };
    build(|out| {
        out.raw("{\"t\":\"assign\",\"code\":");
        out.string(code_url);
        out.raw(&format!(",\"kind\":\"{kind}\",\"env\":"));
        out.list(spec.env.iter(), |out, (name, value)| {
            out.raw("[");
            out.string(name);
            out.raw(",");
            out.string(value);
            out.raw("]");
        });
        out.raw(",\"prefixes\":");
        out.list(spec.env_prefixes.iter(), |out, prefix| out.string(prefix));
        out.raw(",\"entries\":");
        out.list(snapshot.entries.iter(), Writer::entry);
        out.raw(",\"system\":");
        out.list(snapshot.system.iter(), Writer::entry);
        out.raw("}\n");
    })
}

/// Brings a worker from what it was told to `snapshot`. Steps are numbered from 1 for each worker: an invocation names
/// the step that it must see. An epoch would not do, since time passing changes values without one.
pub(crate) fn push(difference: &Difference, snapshot: &Snapshot, step: u64) -> Control {
    build(|out| {
        out.raw(&format!("{{\"t\":\"push\",\"step\":{step},\"set\":"));
        out.list(snapshot.entries.iter().filter(|entry| difference.set.contains(&entry.name)), Writer::entry);
        out.raw(",\"unset\":");
        out.list(difference.unset.iter(), |out, name| out.string(name));
        out.raw(",\"systemSet\":");
        out.list(snapshot.system.iter().filter(|entry| difference.system_set.contains(&entry.name)), Writer::entry);
        out.raw(",\"systemUnset\":");
        out.list(difference.system_unset.iter(), |out, name| out.string(name));
        out.raw("}\n");
    })
}

/// Announces the end user whom the execution is made for, with what is his.
pub(crate) fn user(execution_id: &str, visitor: &Visitor) -> Control {
    build(|out| {
        out.raw("{\"t\":\"user\",\"x\":");
        out.string(execution_id);
        out.raw(",\"issuer\":");
        out.string(&visitor.issuer);
        out.raw(",\"id\":");
        out.string(&visitor.id);
        out.raw(&format!(",\"may\":{},\"own\":", visitor.keeper.is_some()));
        out.list(visitor.secrets.iter(), Writer::entry);
        out.raw(",\"over\":");
        out.list(visitor.overrides.iter(), |out, (target, name)| {
            out.raw("[");
            out.string(target);
            out.raw(",");
            out.string(name);
            out.raw("]");
        });
        out.raw("}\n");
    })
}

/// Says that a change of an end user's secret is done.
pub(crate) fn kept(id: u64, version: u64) -> Control {
    build(|out| out.raw(&format!("{{\"t\":\"kept\",\"i\":{id},\"r\":{version}}}\n")))
}

/// Says why it is not.
pub(crate) fn not_kept(id: u64, why: &str) -> Control {
    build(|out| {
        out.raw(&format!("{{\"t\":\"kept\",\"i\":{id},\"e\":"));
        out.string(why);
        out.raw("}\n");
    })
}

// Runs `write` twice: once to count, once into a buffer of exactly that size.
fn build(write: impl Fn(&mut Writer)) -> Control {
    let mut counter = Writer::Count(0);
    write(&mut counter);
    let Writer::Count(size) = counter else { return Control::default() };
    let mut filler = Writer::Fill(Zeroizing::new(Vec::with_capacity(size)));
    write(&mut filler);
    match filler {
        Writer::Fill(bytes) => bytes,
        Writer::Count(_) => Control::default(),
    }
}

enum Writer {
    Count(usize),
    Fill(Control),
}

impl Writer {
    fn raw(&mut self, text: &str) {
        match self {
            Self::Count(size) => *size += text.len(),
            Self::Fill(bytes) => bytes.extend_from_slice(text.as_bytes()),
        }
    }

    fn string(&mut self, text: &str) {
        self.raw("\"");
        let mut rest = text;
        while let Some(at) = rest.find(|each: char| each < ' ' || each == '"' || each == '\\') {
            let (plain, tail) = rest.split_at(at);
            self.raw(plain);
            let mut chars = tail.chars();
            match chars.next() {
                Some('"') => self.raw("\\\""),
                Some('\\') => self.raw("\\\\"),
                Some(control) => self.raw(&format!("\\u{:04x}", u32::from(control))),
                None => {}
            }
            rest = chars.as_str();
        }
        self.raw(rest);
        self.raw("\"");
    }

    fn list<T>(&mut self, items: impl Iterator<Item = T>, each: impl Fn(&mut Self, T)) {
        self.raw("[");
        for (index, item) in items.enumerate() {
            if index > 0 {
                self.raw(",");
            }
            each(self, item);
        }
        self.raw("]");
    }

    fn entry(&mut self, entry: &Entry) {
        self.raw("{\"n\":");
        self.string(&entry.name);
        match &entry.state {
            EntryState::Value(value) => {
                self.raw(",\"s\":\"value\",\"v\":");
                self.string(value.expose());
            }
            EntryState::Expired => self.raw(",\"s\":\"expired\""),
            EntryState::NoValue => self.raw(",\"s\":\"none\""),
        }
        if let Some(default) = &entry.default {
            self.raw(",\"d\":");
            self.string(default);
        }
        self.raw(",\"sc\":");
        self.string(&entry.scope);
        self.raw(&format!(",\"r\":{}}}", entry.version));
    }
}

/// What a worker says.
#[derive(Debug, Deserialize, PartialEq, Eq)]
#[serde(tag = "t", rename_all = "lowercase")]
pub(crate) enum Frame {
    /// It listens on its socket.
    Booted,
    /// Its code is loaded.
    Ready { shape: String, r: Vec<String> },
    /// Its code could not be loaded.
    Failed { m: String },
    /// Reads outside a response head.
    Reads { x: Option<String>, r: Vec<String> },
    /// A console call, or an uncaught error.
    Log {
        x: Option<String>,
        l: String,
        m: String,
        #[serde(default)]
        cut: bool,
    },
    /// How far a run of a job is.
    Progress { x: String, p: u8, m: Option<String> },
    /// The code wants a secret of an end user changed.
    Keep(Wish),
    /// A Node worker wants a connection to host `h` at port `p`.
    Open { i: u64, h: String, p: u16 },
    /// A Node worker wants the addresses of `h`.
    Lookup { i: u64, h: String },
    /// Answer to a ping.
    Pong { i: u64 },
}

/// A piece of a worker's stdout.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// Output of the code itself.
    Raw(Vec<u8>),
    /// A frame.
    Frame(Frame),
    /// Something that starts like a frame and is none.
    Garbage,
}

/// Splits stdout into frames and the code's own output.
pub(crate) struct FrameReader {
    finder: AhoCorasick,
    nonce: Vec<u8>,
    buffer: Vec<u8>,
}

impl FrameReader {
    /// A reader for the worker with this nonce.
    pub(crate) fn new(nonce: &str) -> Result<Self, aho_corasick::BuildError> {
        Ok(Self { finder: AhoCorasick::new([nonce])?, nonce: nonce.as_bytes().to_vec(), buffer: Vec::new() })
    }

    /// Takes the next chunk and hands over every piece that is complete.
    pub(crate) fn feed(&mut self, chunk: &[u8], mut take: impl FnMut(Piece)) {
        self.buffer.extend_from_slice(chunk);
        while let Some(found) = self.finder.find(&self.buffer) {
            if found.start() > 0 {
                let raw = self.buffer.drain(..found.start()).collect();
                take(Piece::Raw(raw));
                continue;
            }
            let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') else {
                if self.buffer.len() > MAX_FRAME_BYTES {
                    self.buffer.clear();
                    take(Piece::Garbage);
                }
                return;
            };
            let line: Vec<u8> = self.buffer.drain(..=end).collect();
            let json = line.get(self.nonce.len()..).unwrap_or_default();
            take(serde_json::from_slice(json).map_or(Piece::Garbage, Piece::Frame));
        }
        let keep = self.held_back();
        if keep < self.buffer.len() {
            let raw = self.buffer.drain(..self.buffer.len() - keep).collect();
            take(Piece::Raw(raw));
        }
    }

    // Bytes at the end that may be the start of a nonce.
    fn held_back(&self) -> usize {
        let longest = self.buffer.len().min(self.nonce.len().saturating_sub(1));
        (1..=longest)
            .rev()
            .find(|size| self.nonce.starts_with(self.buffer.get(self.buffer.len() - size..).unwrap_or_default()))
            .unwrap_or(0)
    }
}

#[cfg(test)]
#[path = "wire_tests.rs"]
mod tests;
