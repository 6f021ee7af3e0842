//! Moving values between scopes, comparing scopes, and the gates through which people may see values.

use std::collections::BTreeMap;
use std::sync::Arc;

use strongroom_api::resolve::{Exported, Missing, MissingReason, Revealed};
use strongroom_api::secrets::{Diff, DiffItem, Difference, Written};
use strongroom_api::{Plaintext, PlaintextMap};
use strongroom_model::expiry::is_expired;
use strongroom_model::{Capability, Expiry, ProjectName, Scope, SecretName};
use strongroom_seal::same_value;
use strongroom_store::Rows;
use strongroom_store::port::{SealedRow, SecretRow};

use super::{Change, Presence, Write};
use crate::audit::Record;
use crate::authz::{self, Reach};
use crate::caller::Caller;
use crate::error::{Conflict, Error, Fault};
use crate::keys::Project;
use crate::open::App;
use crate::rows::Authenticated as _;

/// The secrets of a scope that the caller's limits let it see, verified.
async fn sealed(app: &App, caller: &Caller, project: &Project, scope: &Scope) -> Result<Vec<SealedRow>, Error> {
    let rows = app.store.read(|rows: &mut dyn Rows| {
        if let Some(namespace) = scope.namespace()
            && !rows.has_namespace(&project.id, namespace)?
        {
            return Err(Error::not_found(format!("namespace {namespace}")));
        }
        Ok(rows.sealed_in_scope(&project.id, scope)?)
    });
    let mut rows = rows.await?;
    rows.retain(|row| caller.reaches_name(&row.head.name));
    for row in &rows {
        row.head.verify(&app.instance).map_err(Error::damaged(format!("{} ({scope})", row.head.name)))?;
    }
    Ok(rows)
}

/// What a copy shall do.
pub struct Copy {
    /// From where.
    pub from: Scope,
    /// To where.
    pub to: Scope,
    /// Which names; empty means all.
    pub names: Vec<SecretName>,
    /// Replaces values that exist in the target.
    pub overwrite: bool,
    /// Tells what would happen and writes nothing.
    pub dry_run: bool,
}

/// Copies current values with description and expiry; all or none. Needs `values:read` on the source.
pub async fn copy(app: &Arc<App>, caller: &Caller, project: &ProjectName, copy: Copy) -> Result<Written, Error> {
    let entered = app.enter(caller, project, Capability::ValuesRead, Reach::Read(&copy.from)).await?;
    app.require_names(caller, project, &copy.names).await?;
    app.enter(caller, project, Capability::SecretsWrite, Reach::Change(&copy.to)).await?;
    if copy.from == copy.to {
        return Err(Error::invalid("to", "source and target are the same scope"));
    }
    let rows = sealed(app, caller, &entered, &copy.from).await?;
    let chosen = choose(rows, &copy, app.clock.now())?;
    let names: Vec<_> = chosen.iter().map(|row| row.head.name.clone()).collect();
    let target = serde_json::json!({ "from": copy.from.to_string(), "to": copy.to.to_string(), "names": names });
    app.audit(Record::done(app.clock.now(), caller, Some(project), "values.copy", &target)).await?;
    let changes: Result<Vec<_>, Error> = chosen.iter().map(|row| to_change(&entered, row)).collect();
    let write = Write {
        scope: copy.to,
        changes: changes?,
        presence: if copy.overwrite { Presence::Any } else { Presence::WithoutValue },
        force: false,
        if_version: None,
        allowed: names,
        dry_run: copy.dry_run,
    };
    super::write(app, caller, project, write).await.map_err(|error| match error {
        Error::Conflict(conflict) if !copy.overwrite => {
            Error::Conflict(Conflict { hint: Some("use --overwrite to replace values".to_owned()), ..conflict })
        }
        other => other,
    })
}

fn to_change(project: &Project, row: &SealedRow) -> Result<Change, Error> {
    let value = row.envelope.as_deref().map(|envelope| project.open(&row.head, envelope)).transpose()?;
    Ok(Change {
        name: row.head.name.clone(),
        value,
        description: Some(row.head.description.clone()),
        expires: Some(row.head.expires_at.map_or(Expiry::Never, Expiry::At)),
    })
}

fn choose(rows: Vec<SealedRow>, copy: &Copy, now: jiff::Timestamp) -> Result<Vec<SealedRow>, Error> {
    let mut faults = Vec::new();
    for name in &copy.names {
        match rows.iter().find(|row| row.head.name == *name) {
            None => faults.push(Fault::new(name.as_str(), format!("{name} is not in {}", copy.from))),
            Some(row) if is_expired(row.head.expires_at, now) => {
                faults.push(Fault::new(name.as_str(), format!("{name} has expired in {}", copy.from)));
            }
            Some(row) if row.envelope.is_none() => {
                faults.push(Fault::new(name.as_str(), format!("{name} has no value yet in {}", copy.from)));
            }
            Some(_) => {}
        }
    }
    if !faults.is_empty() {
        return Err(Error::Invalid(faults));
    }
    let usable = |row: &SealedRow| row.envelope.is_some() && !is_expired(row.head.expires_at, now);
    let wanted = |row: &SealedRow| copy.names.is_empty() || copy.names.contains(&row.head.name);
    Ok(rows.into_iter().filter(|row| usable(row) && wanted(row)).collect())
}

/// Compares two scopes by name; whether values are equal is told only to callers who may read them.
pub async fn diff(
    app: &App,
    caller: &Caller,
    project: &ProjectName,
    first: &Scope,
    second: &Scope,
) -> Result<Diff, Error> {
    let entered = app.enter(caller, project, Capability::SecretsList, Reach::Read(first)).await?;
    app.enter(caller, project, Capability::SecretsList, Reach::Read(second)).await?;
    let mut both: BTreeMap<String, [Option<SealedRow>; 2]> = BTreeMap::new();
    for (index, scope) in [first, second].into_iter().enumerate() {
        for row in sealed(app, caller, &entered, scope).await? {
            if let Some(place) = both.entry(row.head.name.to_string()).or_default().get_mut(index) {
                *place = Some(row);
            }
        }
    }
    let reads = |scope| authz::may(caller, &entered, Capability::ValuesRead, Reach::Read(scope));
    let compares = reads(first) && reads(second);
    if compares {
        let target = serde_json::json!({ "first": first.to_string(), "second": second.to_string() });
        app.audit(Record::done(app.clock.now(), caller, Some(project), "values.compare", &target)).await?;
    }
    let mut items = Vec::new();
    for (name, pair) in both {
        let difference = match &pair {
            [Some(_), None] => Difference::OnlyFirst,
            [None, Some(_)] => Difference::OnlySecond,
            [Some(first), Some(second)] if compares => compare(&entered, first, second)?,
            _ => Difference::Both,
        };
        items.push(DiffItem { name, difference });
    }
    Ok(Diff { items })
}

fn compare(project: &Project, first: &SealedRow, second: &SealedRow) -> Result<Difference, Error> {
    let equal = match (&first.envelope, &second.envelope) {
        (Some(one), Some(other)) => same_value(&project.open(&first.head, one)?, &project.open(&second.head, other)?),
        (None, None) => true,
        _ => false,
    };
    Ok(if equal { Difference::Equal } else { Difference::Different })
}

/// The values of one scope, for taking them elsewhere. Expired and valueless names are left out and reported.
pub async fn export(app: &App, caller: &Caller, project: &ProjectName, scope: &Scope) -> Result<Exported, Error> {
    let entered = app.enter(caller, project, Capability::ValuesRead, Reach::Read(scope)).await?;
    app.require_process(caller, project).await?;
    let rows = sealed(app, caller, &entered, scope).await?;
    let now = app.clock.now();
    let mut missing = Vec::new();
    let mut leaving = Vec::new();
    for row in &rows {
        match &row.envelope {
            _ if is_expired(row.head.expires_at, now) => missing.push(left_out(&row.head, MissingReason::Expired)),
            None => missing.push(left_out(&row.head, MissingReason::NoValue)),
            Some(envelope) => leaving.push((&row.head, envelope)),
        }
    }
    let names: Vec<_> = leaving.iter().map(|(head, _)| head.name.as_str()).collect();
    let target = serde_json::json!({ "scope": scope.to_string(), "names": names });
    app.audit(Record::done(now, caller, Some(project), "values.export", &target)).await?;
    let secrets: Result<Vec<_>, Error> = leaving
        .into_iter()
        .map(|(head, envelope)| Ok((head.name.to_string(), entered.open(head, envelope)?)))
        .collect();
    Ok(Exported { secrets: PlaintextMap(secrets?), missing })
}

fn left_out(head: &SecretRow, reason: MissingReason) -> Missing {
    Missing { name: head.name.to_string(), reason }
}

/// Refuses a session whose person proved who he is too long ago: whoever finds it open is not shown values.
async fn require_fresh(app: &App, caller: &Caller, project: &ProjectName) -> Result<(), Error> {
    if crate::accounts::is_fresh(app, caller) {
        return Ok(());
    }
    app.audit_denial(caller, Some(project), "reveal").await?;
    let detail = "a value is shown within 5 minutes of signing in; sign in again (strongroom login, or the sign-in page) and repeat it";
    Err(Error::Forbidden(detail.to_owned()))
}

/// One value for a person's eyes. Off unless the project allows it; a person must have signed in just now.
pub async fn reveal(
    app: &App,
    caller: &Caller,
    project: &ProjectName,
    (scope, name): (&Scope, &SecretName),
    version: Option<u64>,
) -> Result<Revealed, Error> {
    let entered = app.enter(caller, project, Capability::ValuesRead, Reach::Read(scope)).await?;
    app.require_names(caller, project, [name]).await?;
    if !entered.settings.allow_reveal {
        app.audit_denial(caller, Some(project), "reveal").await?;
        return Err(Error::Forbidden(format!(
            "this project does not allow values to be revealed; an admin may: strongroom projects settings {project} --allow-reveal true"
        )));
    }
    require_fresh(app, caller, project).await?;
    let (head, row) = app
        .store
        .read(|rows: &mut dyn Rows| -> Result<_, Error> {
            let head = super::read::find(rows, caller, &entered.id, (scope, name))?;
            let row = rows.version(&head.id, version.unwrap_or(head.version))?;
            Ok((head, row))
        })
        .await?;
    head.verify(&app.instance).map_err(Error::damaged(format!("{name} ({scope})")))?;
    let row = row.ok_or_else(|| Error::not_found(format!("a value of {name} in scope {scope}")))?;
    let now = app.clock.now();
    if is_expired(head.expires_at, now) {
        return Err(Error::conflict(format!("{name} has expired"), None));
    }
    let target = super::Target { version: row.version, ..super::target(&head) };
    app.audit(Record::done(now, caller, Some(project), "values.reveal", &target)).await?;
    let value = entered.open_version(&head, row.version, &row.envelope)?;
    Ok(Revealed { name: name.to_string(), scope: scope.kind(), version: row.version, value: Plaintext(value) })
}
