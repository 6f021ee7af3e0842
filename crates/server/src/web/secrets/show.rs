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
use crate::web::visit::{Visit, visitor};
use crate::web::when::When;
use crate::web::workloads::known_by;

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
            updated_by: visitor(&detail.updated_by),
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
    /// Every way in which that is known.
    pub(super) via: String,
    pub(super) last_read: Option<When>,
    /// Its own page, where it has one.
    pub(super) href: Option<String>,
}

/// The workloads that use a secret, each once, however many ways are known in which it does.
pub(super) fn readers(base: &str, readers: &[Reader], now: jiff::Timestamp) -> Vec<ReaderRow> {
    fn who(reader: &Reader) -> (&str, &str, &str) {
        (&reader.kind, &reader.namespace, &reader.name)
    }
    let is_first = |(index, reader): &(usize, &Reader)| !readers.iter().take(*index).any(|one| who(one) == who(reader));
    let row = |(_, reader): (usize, &Reader)| {
        let same = || readers.iter().filter(|one| who(one) == who(reader));
        let (kind, namespace, name) = who(reader);
        let has_page = matches!(kind, "function" | "job");
        ReaderRow {
            via: same().map(|one| known_by(&one.via)).collect::<Vec<_>>().join(", "),
            last_read: When::maybe(same().filter_map(|one| one.last_read_at).max(), now),
            href: has_page.then(|| format!("{base}/{kind}s/{namespace}/{name}")),
            kind: kind.to_owned(),
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        }
    };
    readers.iter().enumerate().filter(is_first).map(row).collect()
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
            by: visitor(&item.created_by),
            is_current: item.current,
            rollback_href: format!("{href}{mark}version={}", item.version),
        }
    };
    Ok(show_page(&ShowPage {
        frame: visit.frame(subject.name.as_str(), Section::Secrets).crumb("Secrets", visit.address("/secrets")),
        secret: Facts::new(&subject, &detail, now),
        readers: readers(&visit.address(""), &detail.used_by, now),
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
