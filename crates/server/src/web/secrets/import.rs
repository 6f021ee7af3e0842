//! `/projects/{project}/import`: a file by paste, its names and warnings first, then its values.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use std::sync::Arc;
use strongroom_api::secrets::WriteStatus;
use strongroom_app::secrets::{self, Change, Presence, Write};
use strongroom_envfile::import::{self, Imported};
use strongroom_model::name::{NameError, NameRisk};
use strongroom_model::{Scope, SecretName};
use strongroom_secret::SecretValue;

use super::drafts::{Draft, Entry, Key};
use super::news;
use super::place::{self, Choice};
use crate::extract::Writes;
use crate::failure::Failure;
use crate::router::Served;
use crate::web::forms::Form;
use crate::web::frame::Frame;
use crate::web::nav::Section;
use crate::web::problem::Notice;
use crate::web::visit::Visit;
use crate::web::{show, show_with};

#[derive(Template)]
#[template(path = "secrets/import.html")]
struct ImportPage {
    frame: Frame,
    base: String,
    notice: Option<Notice>,
    places: Vec<Choice>,
    place: String,
}

#[derive(Template)]
#[template(path = "secrets/preview.html")]
struct PreviewPage {
    frame: Frame,
    base: String,
    place: String,
    draft: String,
    lines: Vec<PreviewLine>,
    warnings: Vec<String>,
    skipped: Vec<String>,
    added: usize,
    changed: usize,
    left: usize,
}

struct PreviewLine {
    name: String,
    /// The word in the style, and for people.
    word: &'static str,
    label: &'static str,
    line: Option<usize>,
}

/// The form.
pub(crate) async fn form(visit: Visit<Writes>) -> Result<Response, Failure> {
    page(&visit, StatusCode::OK, None, String::new()).await
}

async fn page(
    visit: &Visit<Writes>,
    status: StatusCode,
    notice: Option<Notice>,
    place: String,
) -> Result<Response, Failure> {
    let (frame, places) = (visit.frame("Import", Section::Import), place::choices(&visit.scene).await?);
    Ok(show_with(status, &ImportPage { frame, base: visit.address(""), notice, places, place }))
}

/// Shows what an import would do. Nothing is written.
pub(crate) async fn preview(
    State(served): State<Arc<Served>>,
    visit: Visit<Writes>,
    form: Form,
) -> Result<Response, Failure> {
    match previewed(&served, &visit, &form).await {
        Ok(shown) => Ok(shown),
        Err(failure) => {
            let (status, notice) = failure.into();
            page(&visit, status, Some(notice), form.line("place")).await
        }
    }
}

async fn previewed(served: &Served, visit: &Visit<Writes>, form: &Form) -> Result<Response, Failure> {
    let scene = &visit.scene;
    let scope = place::scope(&form.line("place"))?;
    let text =
        form.lines("file").ok_or_else(|| Failure::invalid("file", "there is nothing to import: paste a file"))?;
    let bytes = text.as_bytes();
    let imported = import::read(import::detect("", bytes), bytes).map_err(|error| Failure::invalid("file", error))?;
    let warnings = imported.warnings.iter().map(ToString::to_string).collect();
    let read = Read::of(imported)?;
    if read.entries.is_empty() {
        return Err(Failure::invalid("file", "there is nothing to import: every name in the file was skipped"));
    }
    let copies = read.entries.iter().map(|entry| (entry.name.clone(), entry.value.duplicate())).collect();
    let would = secrets::write(&scene.app, &scene.caller, &scene.project, write(scope.clone(), copies, true)).await?;
    let mut entries = Vec::new();
    let mut lines = Vec::new();
    for (entry, result) in read.entries.into_iter().zip(would.results) {
        let (word, label) = match result.status {
            WriteStatus::Set | WriteStatus::Declared | WriteStatus::Restored => ("set", "New"),
            WriteStatus::Updated => ("expiring_soon", "Change"),
            _ => ("no_value", "Stays"),
        };
        lines.push(PreviewLine { name: entry.name.to_string(), word, label, line: entry.line });
        let changes = result.status == WriteStatus::Updated;
        entries.push(Entry { name: entry.name, value: entry.value, changes });
    }
    let id = scene.app.new_id();
    let kept = served.drafts.keep(key(visit), id, Draft { scope: scope.clone(), entries });
    kept.ok_or_else(|| {
        Failure::new(strongroom_api::Code::TooMany, "too many imports wait to be written; try again in a few minutes")
    })?;
    let count = |word: &str| lines.iter().filter(|line| line.word == word).count();
    let (added, changed, left) = (count("set"), count("expiring_soon"), count("no_value"));
    Ok(show(&PreviewPage {
        frame: visit.frame("Import: preview", Section::Import).crumb("Import", visit.address("/import")),
        base: visit.address(""),
        place: place::words_of(&scope),
        draft: id.to_string(),
        lines,
        warnings,
        skipped: read.skipped,
        added,
        changed,
        left,
    }))
}

fn key(visit: &Visit<Writes>) -> Key {
    (visit.scene.caller.actor.clone(), visit.scene.project.clone())
}

fn write(scope: Scope, values: Vec<(SecretName, SecretValue)>, dry_run: bool) -> Write {
    let change = |(name, value)| Change { name, value: Some(value), description: None, expires: None };
    Write {
        scope,
        changes: values.into_iter().map(change).collect(),
        presence: Presence::Any,
        force: false,
        if_version: None,
        allowed: Vec::new(),
        dry_run,
    }
}

/// What of a file can be written, and what is left out and why.
struct Read {
    entries: Vec<ReadEntry>,
    skipped: Vec<String>,
}

struct ReadEntry {
    name: SecretName,
    value: SecretValue,
    line: Option<usize>,
}

impl Read {
    /// Names that steer a runtime, or that are Strongroom's own, are left out; names that are none are problems, all at
    /// once and by line.
    fn of(imported: Imported) -> Result<Self, Failure> {
        let mut read = Self { entries: Vec::new(), skipped: Vec::new() };
        let mut faults = Vec::new();
        for (index, entry) in imported.entries.into_iter().enumerate() {
            let at = entry.line.map_or_else(|| format!("entry {}", index + 1), |line| format!("line {line}"));
            match entry.name.parse::<SecretName>() {
                Ok(name) => match name.risk() {
                    Some(risk) => {
                        let why = match risk {
                            NameRisk::Steers => "steers the runtime instead of informing code",
                            NameRisk::Published => "is published to every browser by front-end build tools",
                        };
                        read.skipped.push(format!("{at}: {name} {why}; add it by itself if you mean it"));
                    }
                    None => read.entries.push(ReadEntry { name, value: entry.value, line: entry.line }),
                },
                Err(NameError::Own) => read.skipped.push(format!("{at}: this is one of Strongroom’s own names")),
                Err(error) => faults.push(strongroom_app::Fault::new(at.clone(), format!("{at}: {error}"))),
            }
        }
        if faults.is_empty() { Ok(read) } else { Err(strongroom_app::Error::Invalid(faults).into()) }
    }
}

/// Writes what was shown.
pub(crate) async fn submit(
    State(served): State<Arc<Served>>,
    visit: Visit<Writes>,
    form: Form,
) -> Result<Response, Failure> {
    let scene = &visit.scene;
    let draft = form.text("draft").and_then(|id| id.parse().ok());
    let draft = draft.and_then(|id| served.drafts.take(&key(&visit), id));
    let Some(draft) = draft else {
        let gone = "the preview is older than ten minutes, or a newer one took its place; paste the file again";
        let (status, notice) = Failure::new(strongroom_api::Code::Conflict, gone).into();
        return page(&visit, status, Some(notice), String::new()).await;
    };
    let only_new = form.has("only_new");
    let wanted = draft.entries.into_iter().filter(|entry| !(only_new && entry.changes));
    let values: Vec<_> = wanted.map(|entry| (entry.name, entry.value)).collect();
    if values.is_empty() {
        return Ok(crate::web::go(&visit.address("/secrets")));
    }
    let query = place::query_of(&draft.scope);
    let done = secrets::write(&scene.app, &scene.caller, &scene.project, write(draft.scope, values, false)).await?;
    let changed = done.results.iter().filter(|result| result.status != WriteStatus::Unchanged).count();
    let text = match changed {
        0 => "Nothing to write: every secret has its value already.".to_owned(),
        1 => "1 secret is written.".to_owned(),
        count => format!("{count} secrets are written."),
    };
    Ok(news(text, &done).at(&visit.address(&format!("/secrets{query}"))))
}
