//! `strongroom doctor`: looks, and changes nothing.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use serde::Serialize;

use crate::config;
use crate::context::Context;
use crate::errors::{Exit, Failure};
use crate::home::Home;
use crate::local;
use crate::opening::{node_places, places};
use crate::output;
use crate::session::Session;

/// One thing that was looked at.
#[derive(Debug, Serialize)]
struct Finding {
    what: &'static str,
    state: State,
    detail: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum State {
    Good,
    Warning,
    Bad,
}

pub(crate) fn run(context: &Context) -> Result<Exit, Failure> {
    let mut findings = Vec::new();
    match config::address(context)? {
        Some((address, _)) => {
            let session = context.connect()?;
            let about = session.wait(session.client().server())?;
            let detail = format!("{address} runs {} with the root key {}", about.version, about.fingerprint);
            findings.push(Finding { what: "server", state: State::Good, detail });
            findings.extend(anchors(&session));
        }
        None => look_at_home(context, &mut findings)?,
    }
    report(context, &findings)
}

fn look_at_home(context: &Context, findings: &mut Vec<Finding>) -> Result<(), Failure> {
    let home = Home::locate(context)?;
    findings.push(directory(&home));
    if home.has_store() {
        findings.push(root_key(context, &home));
        findings.push(server(&home));
        findings.push(store(context));
        findings.extend(context.connect().ok().into_iter().flat_map(|session| anchors(&session)));
    }
    let deno = strongroom_runtime::locate::find(&places(context, Some(home.path())));
    findings.push(match deno {
        Ok(deno) => {
            let detail = format!("Deno {} at {}", deno.version, deno.program.display());
            Finding { what: "functions", state: State::Good, detail }
        }
        Err(error) => Finding { what: "functions", state: State::Warning, detail: error.to_string() },
    });
    if let Ok(node) = strongroom_runtime::locate::node::find(&node_places(context, Some(home.path()))) {
        let detail = format!("Node {} at {}, for \"runtime\": \"node\"", node.version, node.program.display());
        findings.push(Finding { what: "functions", state: State::Good, detail });
    }
    findings.push(sandbox());
    Ok(())
}

fn sandbox() -> Finding {
    let what = "sandbox";
    let missing = strongroom_runtime::sandbox::probe();
    if missing.is_empty() {
        return Finding { what, state: State::Good, detail: "workers get everything that it is made of".to_owned() };
    }
    let parts: Vec<_> = missing.iter().map(|missing| format!("{} ({})", missing.part, missing.reason)).collect();
    Finding { what, state: State::Warning, detail: format!("this system lacks {}", parts.join(", ")) }
}

fn directory(home: &Home) -> Finding {
    let path = home.path();
    let what = "data directory";
    let Ok(metadata) = std::fs::metadata(path) else {
        let detail = format!("{} does not exist yet; the first command makes it", path.display());
        return Finding { what, state: State::Good, detail };
    };
    let mode = metadata.permissions().mode() & 0o777;
    match (mode, home.has_store()) {
        (0o700, true) => Finding { what, state: State::Good, detail: path.display().to_string() },
        (0o700, false) => Finding { what, state: State::Good, detail: format!("{} (no store yet)", path.display()) },
        (mode, _) => {
            let detail = format!("{} has mode {mode:o}, it should be 700; the next command mends that", path.display());
            Finding { what, state: State::Warning, detail }
        }
    }
}

fn root_key(context: &Context, home: &Home) -> Finding {
    let what = "root key";
    let names = ["STRONGROOM_ROOT_KEY", "STRONGROOM_ROOT_KEY_FILE", "STRONGROOM_ROOT_KEY_COMMAND"];
    if let Some(name) = names.into_iter().find(|name| context.environment.path(name).is_some()) {
        if name == "STRONGROOM_ROOT_KEY_FILE"
            && let Some(path) = context.environment.path(name)
        {
            return key_file(&path, home);
        }
        return Finding { what, state: State::Good, detail: format!("from {name}") };
    }
    key_file(&home.root_key(), home)
}

fn key_file(path: &Path, home: &Home) -> Finding {
    let what = "root key";
    let shown = path.display();
    let (Ok(key), Ok(data)) = (std::fs::metadata(path), std::fs::metadata(home.database())) else {
        return Finding {
            what,
            state: State::Bad,
            detail: format!("{shown} cannot be read; nothing can be opened without it"),
        };
    };
    if key.permissions().mode() & 0o077 != 0 {
        return Finding {
            what,
            state: State::Bad,
            detail: format!("{shown} can be read by other users: chmod 600 {shown}"),
        };
    }
    if key.dev() == data.dev() {
        let detail = format!(
            "{shown} lies on the same disk as the data: whoever takes the disk has both, and who loses it loses both; keep a copy elsewhere, or give the key with STRONGROOM_ROOT_KEY_FILE or STRONGROOM_ROOT_KEY_COMMAND"
        );
        return Finding { what, state: State::Warning, detail };
    }
    Finding { what, state: State::Good, detail: shown.to_string() }
}

fn server(home: &Home) -> Finding {
    let detail = match local::running(home) {
        Some(_) => format!("answers on {}", home.socket().display()),
        None => "none runs here; commands open the store themselves".to_owned(),
    };
    Finding { what: "server", state: State::Good, detail }
}

fn store(context: &Context) -> Finding {
    let what = "store";
    let opened = context.connect().and_then(|session| {
        let about = session.wait(session.client().server())?;
        Ok(about.fingerprint)
    });
    match opened {
        Ok(fingerprint) => {
            Finding { what, state: State::Good, detail: format!("opens with the root key {fingerprint}") }
        }
        Err(failure) => {
            let text = failure.text();
            let text = text.trim_start_matches("error: ").replace("\n\nhint: ", "; ").replace("\ncaused by: ", ": ");
            Finding { what, state: State::Bad, detail: text.replace('\n', " ").trim().to_owned() }
        }
    }
}

/// Where the server keeps the head of its audit trail besides; nothing where it keeps none, or where the caller may not know.
fn anchors(session: &Session) -> Vec<Finding> {
    let what = "audit anchors";
    let Ok(anchors) = session.wait(session.project().audit_anchors()) else { return Vec::new() };
    let alarm = anchors.alarm.map(|detail| Finding { what, state: State::Bad, detail });
    let targets = anchors.targets.into_iter().map(|target| {
        let place = format!("{} {}", target.kind, target.place);
        match target.failure {
            Some(failure) => {
                Finding { what, state: State::Bad, detail: format!("{place} cannot be written: {failure}") }
            }
            None => Finding { what, state: State::Good, detail: format!("written to {place}") },
        }
    });
    alarm.into_iter().chain(targets).collect()
}

fn report(context: &Context, findings: &[Finding]) -> Result<Exit, Failure> {
    let is_bad = findings.iter().any(|finding| finding.state == State::Bad);
    let exit = if is_bad { Exit::FAILED } else { Exit::DONE };
    if !context.output.is_for_people() {
        return context.output.structured(&findings).map(|()| exit);
    }
    for Finding { what, state, detail } in findings {
        let mark = match state {
            State::Good => "✔",
            State::Warning => "!",
            State::Bad => "✗",
        };
        output::line(&format!("{mark} {what}: {detail}"))?;
    }
    Ok(exit)
}
