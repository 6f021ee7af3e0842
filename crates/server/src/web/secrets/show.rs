//! `/projects/{project}/secrets/{name}`: what is known of one secret, who uses it, and its versions.

use askama::Template;
use axum::response::Response;
use strongroom_api::secrets::{Reader, SecretDetail, State, VersionItem};
use strongroom_app::secrets;
use strongroom_model::Capability;

use super::Badge;
use super::subject::Subject;
use crate::extract::{Lists, Needs};
use crate::failure::Failure;
use crate::web::frame::Frame;
use crate::web::nav::Section;
use crate::web::show as show_page;
use crate::web::visit::Visit;
use crate::web::when::When;

#[derive(Template)]
#[template(path = "secrets/show.html")]
struct ShowPage {
    frame: Frame,
    secret: Facts,
    readers: Vec<ReaderRow>,
    versions: Vec<VersionRow>,
    may_write: bool,
    may_delete: bool,
    /// The addresses of the secret's other pages.
    value_href: String,
    edit_href: String,
    delete_href: String,
}

/// One secret as its pages show it.
pub(super) struct Facts {
    pub(super) name: String,
    pub(super) place: String,
    pub(super) description: Option<String>,
    pub(super) badge: Badge,
    pub(super) version: u64,
    pub(super) expires: Option<When>,
    pub(super) created: When,
    pub(super) updated: When,
    pub(super) updated_by: String,
}

impl Facts {
    pub(super) fn new(subject: &Subject, detail: &SecretDetail, now: jiff::Timestamp) -> Self {
        Self {
            name: detail.name.clone(),
            place: subject.place(),
            description: detail.description.clone(),
            badge: Badge::of(detail.state),
            version: detail.version.unwrap_or_default(),
            expires: When::maybe(detail.expires_at, now),
            created: When::new(detail.created_at, now),
            updated: When::new(detail.updated_at, now),
            updated_by: detail.updated_by.clone(),
        }
    }

    fn is_expired(&self) -> bool {
        self.badge.word == Badge::of(State::Expired).word
    }
}

/// A workload that uses the secret.
pub(super) struct ReaderRow {
    pub(super) kind: String,
    pub(super) name: String,
    pub(super) namespace: String,
    pub(super) via: &'static str,
    pub(super) last_read: Option<When>,
}

impl ReaderRow {
    pub(super) fn new(reader: &Reader, now: jiff::Timestamp) -> Self {
        let via = match reader.via.as_str() {
            "list" => "named in its manifest",
            "code" => "found in its code",
            "env" => "read from its environment",
            _ => "read through the helper",
        };
        Self {
            kind: reader.kind.clone(),
            name: reader.name.clone(),
            namespace: reader.namespace.clone(),
            via,
            last_read: When::maybe(reader.last_read_at, now),
        }
    }
}

struct VersionRow {
    version: u64,
    from: Option<u64>,
    created: When,
    by: String,
    is_current: bool,
    rollback_href: String,
}

/// Everything about one secret but its value.
pub(crate) async fn show(visit: Visit<Lists>, subject: Subject) -> Result<Response, Failure> {
    let scene = &visit.scene;
    let detail = detail(&visit, &subject).await?;
    let history = secrets::history(&scene.app, &scene.caller, &scene.project, &subject.scope, &subject.name).await?;
    let now = scene.app.now();
    let row = |item: VersionItem| {
        let href = visit.address(&subject.path("/rollback"));
        let mark = if href.contains('?') { '&' } else { '?' };
        VersionRow {
            version: item.version,
            from: item.from_version,
            created: When::new(item.created_at, now),
            by: item.created_by,
            is_current: item.current,
            rollback_href: format!("{href}{mark}version={}", item.version),
        }
    };
    Ok(show_page(&ShowPage {
        frame: visit.frame(subject.name.as_str(), Section::Secrets).crumb("Secrets", visit.address("/secrets")),
        secret: Facts::new(&subject, &detail, now),
        readers: detail.used_by.iter().map(|reader| ReaderRow::new(reader, now)).collect(),
        versions: history.items.into_iter().map(row).collect(),
        may_write: scene.caller.holds(Capability::SecretsWrite),
        may_delete: scene.caller.holds(Capability::SecretsDelete),
        value_href: visit.address(&subject.path("/value")),
        edit_href: visit.address(&subject.path("/edit")),
        delete_href: visit.address(&subject.path("/delete")),
    }))
}

/// The metadata of the secret that the address means.
pub(super) async fn detail<N: Needs>(visit: &Visit<N>, subject: &Subject) -> Result<SecretDetail, Failure> {
    let scene = &visit.scene;
    let detail = secrets::detail(&scene.app, &scene.caller, &scene.project, &subject.scope, &subject.name);
    Ok(detail.await?)
}

/// The frame of a page below the secret's own.
pub(super) fn frame<N>(visit: &Visit<N>, subject: &Subject, title: &str) -> Frame {
    let frame = visit.frame(title, Section::Secrets).crumb("Secrets", visit.address("/secrets"));
    frame.crumb(subject.name.as_str(), visit.address(&subject.path("")))
}
