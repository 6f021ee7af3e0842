//! Declaring: names and descriptions without values. Never blanks a value that exists.

use std::collections::HashMap;
use std::sync::Arc;

use strongroom_api::secrets::{Declared, WriteResult, WriteStatus};
use strongroom_model::{Capability, ProjectName, Scope, SecretName};
use strongroom_store::Tx;
use strongroom_store::port::SecretRow;

use super::{Place, to_result};
use crate::authz::Reach;
use crate::caller::Caller;
use crate::error::{Conflict, Error, Fault};
use crate::live::{Affected, Raised};
use crate::once::Once;
use crate::open::{App, new_id};
use crate::rows::Authenticated as _;

/// One declaration of one or many names of one scope.
#[derive(Debug)]
pub struct Declare {
    /// Where they live.
    pub scope: Scope,
    /// Names and descriptions; no name twice.
    pub entries: Vec<(SecretName, Option<String>)>,
    /// Declares also over a name that resolves from a wider scope now.
    pub force: bool,
    /// Names granted although they steer a runtime or are published by front-end tools.
    pub allowed: Vec<SecretName>,
}

/// Registers the names in one transaction. Refuses with all the problems if there is one. A caller who may declare and
/// not write changes nothing that is there: he hides no value, grants no name, and leaves descriptions as they are.
pub async fn declare(
    app: &Arc<App>,
    caller: &Caller,
    project: &ProjectName,
    declare: Declare,
) -> Result<Declared, Error> {
    let mere = !caller.holds(Capability::SecretsWrite) && (declare.force || !declare.allowed.is_empty());
    let needed = if mere { Capability::SecretsWrite } else { Capability::SecretsDeclare };
    let entered = app.enter(caller, project, needed, Reach::Change(&declare.scope)).await?;
    app.require_names(caller, project, declare.entries.iter().map(|(name, _)| name)).await?;
    let scope = declare.scope.clone();
    let (owner, instance, rng) = (Arc::clone(&entered), Arc::clone(&app.instance), Arc::clone(&app.rng));
    let (who, now) = (caller.clone(), app.clock.now());
    let request = format!("{:?} {:?} {} {:?}", declare.scope, declare.entries, declare.force, declare.allowed);
    let once = Once::of(&app.instance, caller, &entered.id, "declare", &request);
    let (results, created, names, raised) = app
        .store
        .write(move |tx: &mut dyn Tx| -> Result<_, Error> {
            let place = Place { project: &owner, instance: &instance, caller: &who, now };
            if let Some((results, created)) = once.as_ref().map(|once| once.answered(tx)).transpose()?.flatten() {
                return Ok((results, created, Vec::new(), None));
            }
            let Registered { results, created, names, raised } = declare_in(tx, &place, &declare, &*rng)?;
            once.map(|once| once.remember(tx, &(&results, &created), now)).transpose()?;
            Ok((results, created, names, raised))
        })
        .await?;
    app.announce(Affected { project: entered, scope: scope.clone(), names, removed: false }, raised.as_ref()).await;
    let url = app.public_url().map(|base| fill_in_address(base, project, &scope, &results));
    Ok(Declared { results, url, created })
}

/// What a declaration came to.
pub(crate) struct Registered {
    pub(crate) results: Vec<WriteResult>,
    /// What came into being on the way.
    pub(crate) created: Vec<String>,
    /// The names that are new.
    pub(crate) names: Vec<SecretName>,
    pub(crate) raised: Option<Raised>,
}

/// Declares inside a transaction. Whoever calls has authorised it.
pub(crate) fn declare_in(
    tx: &mut dyn Tx,
    place: &Place<'_>,
    declare: &Declare,
    rng: &dyn strongroom_seal::Random,
) -> Result<Registered, Error> {
    let created = place.ensure(tx, &declare.scope)?;
    check(tx, place, declare)?;
    let (mut results, mut names) = (Vec::new(), Vec::new());
    for (name, description) in &declare.entries {
        let (result, is_new) = register(tx, place, &declare.scope, (name, description.as_ref()), rng)?;
        results.push(result);
        if is_new {
            names.push(name.clone());
        }
    }
    let raised = if names.is_empty() { None } else { Raised::by(tx, &place.project.id, &declare.scope, &names)? };
    Ok(Registered { results, created, names, raised })
}

/// Names in one address: longer ones are cut off on their way through programs that people send each other links with.
const MAX_ADDRESSED: usize = 20;

/// The address where people fill values in: the names that were declared, or if they are many, all that have no value.
fn fill_in_address(base: &str, project: &ProjectName, scope: &Scope, results: &[WriteResult]) -> String {
    let mut parts = match scope {
        Scope::Global | Scope::User(_) => Vec::new(),
        Scope::System => vec!["scope=system".to_owned()],
        Scope::Namespace(namespace) => vec![format!("namespace={namespace}")],
        Scope::App(namespace, app) => vec![format!("namespace={namespace}"), format!("app={app}")],
    };
    if results.len() <= MAX_ADDRESSED {
        let names: Vec<_> = results.iter().map(|result| result.name.as_str()).collect();
        parts.push(format!("names={}", names.join(",")));
    }
    let mark = if parts.is_empty() { "" } else { "?" };
    format!("{base}/projects/{project}/fill{mark}{}", parts.join("&"))
}

fn check(tx: &mut dyn Tx, place: &Place<'_>, declare: &Declare) -> Result<(), Error> {
    let (mut faults, mut in_the_way) = (Vec::new(), Vec::new());
    let mut before = HashMap::new();
    for (name, _) in &declare.entries {
        if let Some(twin) = before.insert(name.folded(), name) {
            in_the_way.push(Fault::new(name.as_str(), format!("{name} differs only by case from {twin}")));
        }
        if tx.secret(&place.project.id, &declare.scope, name)?.is_some() {
            continue;
        }
        if let Some(risk) = name.risk().filter(|_| !declare.allowed.contains(name)) {
            faults.push(Fault::new(name.as_str(), risk.explain(name)));
        }
        if let Some(twin) = tx.case_twin(&place.project.id, &declare.scope, name)? {
            in_the_way.push(Fault::new(name.as_str(), format!("{name} differs only by case from {twin}")));
        }
        if !declare.force {
            in_the_way.extend(hides(tx, place, &declare.scope, name)?);
        }
    }
    if !faults.is_empty() {
        faults.extend(in_the_way);
        return Err(Error::Invalid(faults));
    }
    let Some(first) = in_the_way.first() else { return Ok(()) };
    let (detail, hint) = (first.detail.clone(), Some("use --force if you mean it".to_owned()));
    Err(Error::Conflict(Conflict { detail, hint, faults: in_the_way }))
}

/// What a name without a value would hide: a value of a wider scope that answers now.
pub(super) fn hides(
    tx: &mut dyn Tx,
    place: &Place<'_>,
    scope: &Scope,
    name: &SecretName,
) -> Result<Option<Fault>, Error> {
    let explain = |wider: SecretRow| {
        let detail =
            format!("{name} resolves from {} now; declaring it here would leave it without a value", wider.scope);
        Fault::new(name.as_str(), detail)
    };
    Ok(wider_scope(tx, place, scope, name)?.map(explain))
}

/// The secret of a wider scope that answers for `name` where `scope` would.
fn wider_scope(
    tx: &mut dyn Tx,
    place: &Place<'_>,
    scope: &Scope,
    name: &SecretName,
) -> Result<Option<SecretRow>, Error> {
    let Some(namespace) = scope.namespace() else { return Ok(None) };
    let rows = tx.candidates(&place.project.id, namespace, scope.app(), name)?;
    let wider = rows.into_iter().map(|row| row.head).filter(|head| head.scope != *scope && head.version > 0);
    Ok(wider.max_by_key(|head| head.scope.kind()))
}

fn register(
    tx: &mut dyn Tx,
    place: &Place<'_>,
    scope: &Scope,
    (name, description): (&SecretName, Option<&String>),
    rng: &dyn strongroom_seal::Random,
) -> Result<(WriteResult, bool), Error> {
    let known = tx.secret(&place.project.id, scope, name)?;
    if let Some(mut head) = known {
        head.verify(place.instance).map_err(Error::damaged(format!("{name} ({scope})")))?;
        let may_edit = place.caller.holds(Capability::SecretsWrite);
        if description.is_none() || head.description.as_ref() == description || !may_edit {
            return Ok((to_result(&head, WriteStatus::Unchanged), false));
        }
        head.description = description.cloned();
        head.updated_at = place.now;
        head.updated_by.clone_from(&place.caller.actor);
        tx.update_secret(&head)?;
        place.record(tx, "secret.edit", &head)?;
        return Ok((to_result(&head, WriteStatus::Updated), false));
    }
    let head = SecretRow {
        id: new_id(rng),
        project: place.project.id,
        scope: scope.clone(),
        name: name.clone(),
        description: description.cloned(),
        expires_at: None,
        version: 0,
        created_at: place.now,
        created_by: place.caller.actor.clone(),
        updated_at: place.now,
        updated_by: place.caller.actor.clone(),
        value_set_at: None,
        deleted_at: None,
        mac: Vec::new(),
    }
    .signed(place.instance);
    tx.insert_secret(&head)?;
    place.record(tx, "secret.declare", &head)?;
    Ok((to_result(&head, WriteStatus::Declared), true))
}
