//! Opening and using a link, by somebody of whom nothing is known but that he has it.

use std::sync::Arc;

use jiff::Timestamp;
use strongroom_api::links::Asked;
use strongroom_api::secrets::Declaration;
use strongroom_model::{Capability, Grant, Scope, SecretName};
use strongroom_seal::{Instance, token};
use strongroom_secret::SecretValue;
use strongroom_store::port::LinkRow;
use strongroom_store::{Rows, Tx};

use super::{Terms, digest, is_backed};
use crate::caller::{Access, Caller};
use crate::error::{Error, Fault};
use crate::keys::Project;
use crate::open::App;
use crate::rows::Authenticated as _;
use crate::secrets::task::{Done, Stopped, Task};
use crate::secrets::write::tell;
use crate::secrets::{Change, Place, Presence, Write};

/// Who has the link.
#[derive(Debug, Clone)]
pub struct Visitor {
    /// From where: an address, `socket`, or `process`.
    pub source: String,
    /// The request.
    pub request_id: String,
}

/// A link that may be used now.
struct Open {
    row: LinkRow,
    terms: Terms,
    scope: Scope,
    project: Arc<Project>,
}

/// One answer for every code that opens nothing: unknown, used, revoked, expired, and without anybody behind it.
fn gone() -> Error {
    Error::NotFound {
        what: "an open link of this address".to_owned(),
        hint: Some("it may have been used, or have run out; ask whoever sent it for a new one".to_owned()),
    }
}

/// What the link asks for. Looking does not use it up; previews of chat programs look.
pub async fn look(app: &Arc<App>, visitor: &Visitor, code: &str) -> Result<Asked, Error> {
    let Open { row, terms, scope, project } = open(app, visitor, code).await?;
    let secrets = app
        .store
        .read(|rows: &mut dyn Rows| -> Result<Vec<_>, Error> {
            let describe = |name: &SecretName| {
                let head = rows.secret(&project.id, &scope, name)?;
                let description = head.and_then(|head| head.description);
                Ok(Declaration { name: name.to_string(), description })
            };
            terms.names.iter().map(describe).collect()
        })
        .await?;
    Ok(Asked {
        project: project.name.to_string(),
        namespace: terms.namespace.map(|name| name.to_string()),
        app: terms.app.map(|id| id.to_string()),
        asked_by: row.created_by,
        expires_at: row.expires_at,
        secrets,
    })
}

/// Stores the values and uses the link up, in one transaction. Which of them were stored is not told here, since it would
/// tell which had a value; whoever made the link finds it in the audit trail, the log, and the list of links.
pub async fn fill(
    app: &Arc<App>,
    visitor: &Visitor,
    code: &str,
    values: Vec<(SecretName, SecretValue)>,
) -> Result<(), Error> {
    let opened = open(app, visitor, code).await?;
    let values: Vec<_> = values.into_iter().filter(|(_, value)| !value.is_empty()).collect();
    let strange = values.iter().filter(|(name, _)| !opened.terms.names.contains(name));
    let faults: Vec<_> =
        strange.map(|(name, _)| Fault::new(name.as_str(), format!("this link does not ask for {name}"))).collect();
    if !faults.is_empty() {
        return Err(Error::Invalid(faults));
    }
    if values.is_empty() {
        return Err(Error::invalid(
            "secrets",
            "fill in at least one value; nothing was sent, and the link still works",
        ));
    }
    let (scope, project, row) = (opened.scope.clone(), Arc::clone(&opened.project), opened.row.clone());
    let (done, written, left) = commit(app, visitor, opened, values).await?;
    let words = |what: &str, names: &[SecretName]| match names {
        [] => String::new(),
        names => format!("; {what}: {}", names.iter().map(SecretName::as_str).collect::<Vec<_>>().join(", ")),
    };
    let (set, left) = (words("set", &written), words("left as they were", &left));
    let text = format!("the link {} of {} was filled in from {}{set}{left}", row.id, row.created_by, visitor.source);
    app.house_line_of("security", "info", project.id, text);
    tell(app, project, scope, done).await;
    Ok(())
}

async fn commit(
    app: &Arc<App>,
    visitor: &Visitor,
    opened: Open,
    values: Vec<(SecretName, SecretValue)>,
) -> Result<(Done, Vec<SecretName>, Vec<SecretName>), Error> {
    let Open { row, terms, scope, project } = opened;
    let guest = guest(&project, visitor, (&row, &terms));
    let change = |(name, value)| Change { name, value: Some(value), description: None, expires: None };
    let write = Write {
        scope,
        changes: values.into_iter().map(change).collect(),
        presence: if terms.replace { Presence::Required } else { Presence::WithoutValue },
        force: false,
        if_version: None,
        allowed: Vec::new(),
        dry_run: false,
    };
    let mut task = Task::new(app, &project, &guest, write);
    let (instance, now) = (Arc::clone(&app.instance), app.clock.now());
    app.store
        .write(move |tx: &mut dyn Tx| -> Result<_, Error> {
            // asked again here: of two who use the link at once, or of use and revocation, one comes first
            let row = tx.link_by_digest(&row.digest)?.ok_or_else(gone)?;
            if !stands(tx, &instance, (&project, &row, &terms), now)? {
                return Err(gone());
            }
            let left = task.leave_out(tx)?;
            let written = task.names();
            let filled = LinkRow { filled_at: Some(now), filled_from: Some(guest.source.clone()), ..row };
            let filled = filled.signed(&instance);
            tx.update_link(&filled)?;
            let place = Place { project: &project, instance: &instance, caller: &guest, now };
            let target =
                serde_json::json!({ "link": filled.id, "by": filled.created_by, "set": written, "left": left });
            place.record_target(tx, "link.fill", &target)?;
            let done = if written.is_empty() { Done::default() } else { task.run(tx).map_err(refused)? };
            Ok((done, written, left))
        })
        .await
}

fn refused(stopped: Stopped) -> Error {
    match stopped {
        Stopped::Refused(error) => error,
        Stopped::DryRun(_) => Error::Unavailable("nothing was written".to_owned()),
    }
}

/// Whoever has the link may set what it names, and nothing else.
fn guest(project: &Project, visitor: &Visitor, (row, terms): (&LinkRow, &Terms)) -> Caller {
    let grant = Grant {
        project: project.name.clone(),
        namespaces: terms.namespace.iter().cloned().collect(),
        app: terms.app.clone(),
        names: terms.names.clone(),
        capabilities: vec![Capability::SecretsWrite],
        agent: false,
    };
    Caller {
        actor: format!("link:{}", row.id),
        access: Access::Token { id: row.id, home: project.id, grant: Arc::new(grant) },
        ..Caller::owner(visitor.source.clone(), visitor.request_id.clone())
    }
}

/// Whether the link may be used now.
fn stands(
    rows: &mut (impl Rows + ?Sized),
    instance: &Instance,
    (project, row, terms): (&Project, &LinkRow, &Terms),
    now: Timestamp,
) -> Result<bool, Error> {
    row.verify(instance).map_err(Error::damaged(format!("link {}", row.id)))?;
    if row.filled_at.is_some() || row.revoked_at.is_some() || row.expires_at <= now {
        return Ok(false);
    }
    is_backed(rows, instance, project, terms, now)
}

/// The link of a code, if it may be used now.
async fn open(app: &Arc<App>, visitor: &Visitor, code: &str) -> Result<Open, Error> {
    let refuse = || {
        app.count_anonymous_denial(&visitor.source);
        gone()
    };
    // the store is not asked about a text whose checksum does not fit
    token::parse_link(code).map_err(|_| refuse())?;
    let digest = digest(&app.instance, code);
    let found = app
        .store
        .read(|rows: &mut dyn Rows| -> Result<_, Error> {
            let Some(row) = rows.link_by_digest(&digest)? else { return Ok(None) };
            let project = rows.projects()?.into_iter().find(|project| project.id == row.project);
            Ok(project.map(|project| (row, project.name)))
        })
        .await?;
    let (row, name) = found.ok_or_else(refuse)?;
    row.verify(&app.instance).map_err(Error::damaged(format!("link {}", row.id)))?;
    let terms = Terms::read(&row)?;
    let project = app.projects.load(&*app.store, &app.instance, &name).await?;
    let now = app.clock.now();
    let stands =
        app.store.read(|rows: &mut dyn Rows| stands(rows, &app.instance, (&project, &row, &terms), now)).await?;
    if !stands {
        let text = format!(
            "refused: the link {} of {}, which has ended, was used from {}",
            row.id, row.created_by, visitor.source
        );
        app.house_line_of("security", "warn", project.id, text);
        return Err(refuse());
    }
    let scope = terms.scope()?;
    Ok(Open { row, terms, scope, project })
}
