//! A write inside its transaction: each secret is made or changed, and all that stands in the way is told at once.

use std::sync::Arc;

use jiff::Timestamp;
use strongroom_api::secrets::{WriteResult, WriteStatus};
use strongroom_model::{Scope, SecretName};
use strongroom_seal::{Instance, Random, ValueContext, same_value, seal_value};
use strongroom_secret::SecretValue;
use strongroom_store::port::{SecretRow, VersionKind, VersionRow};
use strongroom_store::{StoreError, Tx};

use super::write::{Change, Presence, Write};
use super::{Place, to_result};
use crate::caller::Caller;
use crate::error::{Conflict, Error, Fault};
use crate::keys::Project;
use crate::live::Raised;
use crate::once::Once;
use crate::open::{App, new_id};
use crate::rows::Authenticated as _;

/// Why the transaction was undone.
pub(crate) enum Stopped {
    Refused(Error),
    DryRun(Box<Done>),
}

impl From<StoreError> for Stopped {
    fn from(error: StoreError) -> Self {
        Self::Refused(error.into())
    }
}

impl From<Error> for Stopped {
    fn from(error: Error) -> Self {
        Self::Refused(error)
    }
}

/// What a write came to.
#[derive(Default)]
pub(crate) struct Done {
    pub(crate) results: Vec<WriteResult>,
    pub(super) created: Vec<String>,
    pub(super) warnings: Vec<String>,
    /// Names whose value or expiry changed.
    pub(super) changed: Vec<SecretName>,
    /// What the write raised, if any resolution can have changed.
    pub(super) raised: Option<Raised>,
    /// The last secret that was looked at.
    pub(super) last: Option<Box<SecretRow>>,
}

/// A write that is ready to run in a transaction. Whoever makes it has authorised it.
pub(crate) struct Task {
    project: Arc<Project>,
    instance: Arc<Instance>,
    rng: Arc<dyn Random>,
    caller: Caller,
    now: Timestamp,
    write: Write,
    may_compare: bool,
}

/// What one change came to.
enum Step {
    Done(Box<SecretRow>, WriteStatus, bool),
    Faulty(Fault),
    InTheWay(Fault),
}

impl Task {
    /// A write on behalf of somebody who may not learn whether a value is the current one.
    pub(crate) fn new(app: &App, project: &Arc<Project>, caller: &Caller, write: Write) -> Self {
        Self {
            project: Arc::clone(project),
            instance: Arc::clone(&app.instance),
            rng: Arc::clone(&app.rng),
            caller: caller.clone(),
            now: app.clock.now(),
            may_compare: false,
            write,
        }
    }

    /// The same for somebody who may or may not learn it.
    pub(super) fn comparing(self, may_compare: bool) -> Self {
        Self { may_compare, ..self }
    }

    /// Takes out what is not there any more and, if only what has no value is to be filled, what has one. Gives their names.
    pub(crate) fn leave_out(&mut self, tx: &mut dyn Tx) -> Result<Vec<SecretName>, StoreError> {
        let (project, scope, only_empty) =
            (self.project.id, &self.write.scope, self.write.presence == Presence::WithoutValue);
        let (mut kept, mut left) = (Vec::new(), Vec::new());
        for change in std::mem::take(&mut self.write.changes) {
            match tx.secret(&project, scope, &change.name)? {
                Some(head) if !only_empty || head.version == 0 => kept.push(change),
                Some(_) | None => left.push(change.name),
            }
        }
        self.write.changes = kept;
        Ok(left)
    }

    /// The names that it writes.
    pub(crate) fn names(&self) -> Vec<SecretName> {
        self.write.changes.iter().map(|change| change.name.clone()).collect()
    }

    /// Writes, and undoes nothing of what the transaction did before.
    pub(crate) fn run(self, tx: &mut dyn Tx) -> Result<Done, Stopped> {
        let place = Place { project: &self.project, instance: &self.instance, caller: &self.caller, now: self.now };
        let once = self.once();
        if let Some(results) = once.as_ref().map(|once| once.answered(tx)).transpose()?.flatten() {
            let change = self.write.changes.last();
            let last = change.map(|change| tx.secret(&self.project.id, &self.write.scope, &change.name)).transpose()?;
            return Ok(Done { results, last: last.flatten().map(Box::new), ..Done::default() });
        }
        let mut done = Done { created: place.ensure(tx, &self.write.scope)?, ..Done::default() };
        let (mut faults, mut in_the_way) = (Vec::new(), Vec::new());
        for change in &self.write.changes {
            match self.step(tx, change)? {
                Step::Faulty(fault) => faults.push(fault),
                Step::InTheWay(fault) => in_the_way.push(fault),
                Step::Done(head, status, resolves_anew) => {
                    if status != WriteStatus::Unchanged {
                        let action = if change.value.is_some() { "secret.set" } else { "secret.edit" };
                        place.record(tx, action, &head)?;
                    }
                    if resolves_anew {
                        done.changed.push(head.name.clone());
                    }
                    if change.value.is_some() {
                        done.warnings.extend(super::expired_warning(&head, self.now));
                    }
                    done.results.push(to_result(&head, status));
                    done.last = Some(head);
                }
            }
        }
        refuse(faults, in_the_way)?;
        if !done.changed.is_empty() {
            done.raised = Raised::by(tx, &self.project.id, &self.write.scope, &done.changed)?;
        }
        if self.write.dry_run {
            return Err(Stopped::DryRun(Box::new(done)));
        }
        if let Some(once) = once {
            once.remember(tx, &done.results, self.now)?;
        }
        Ok(done)
    }

    /// The request as a repeat of it would look.
    fn once(&self) -> Option<Once> {
        self.caller.idempotency.as_ref()?;
        let Write { scope, changes, presence, force, if_version, allowed, dry_run } = &self.write;
        let mut request = vec![format!("{scope:?} {presence:?} {force} {if_version:?} {allowed:?} {dry_run}")];
        request.extend(changes.iter().map(|Change { name, value, description, expires }| {
            let value = value.as_ref().map(|value| crate::once::print(&self.instance, value.expose().as_bytes()));
            format!("{name} {value:?} {description:?} {expires:?}")
        }));
        Once::of(&self.instance, &self.caller, &self.project.id, "write", &request.join(" "))
    }

    fn step(&self, tx: &mut dyn Tx, change: &Change) -> Result<Step, Error> {
        let name = &change.name;
        let head = tx.secret(&self.project.id, &self.write.scope, name)?;
        let expires = match change.expires.map(|expiry| expiry.resolve(self.now)).transpose() {
            Ok(expires) => expires.map(|at| at.map(crate::clock::to_millisecond)),
            Err(error) => return Ok(Step::Faulty(Fault::new(name.as_str(), error))),
        };
        let Some(head) = head else { return self.create(tx, change, expires.flatten()) };
        head.verify(&self.instance).map_err(Error::damaged(format!("{name} ({})", self.write.scope)))?;
        if self.write.presence == Presence::Forbidden {
            return Ok(Step::InTheWay(Fault::new(
                name.as_str(),
                format!("{name} exists already in scope {}", self.write.scope),
            )));
        }
        let takes_values = match &self.write.presence {
            Presence::WithoutValue => false,
            Presence::WithoutValueBut(names) => names.contains(name),
            Presence::Any | Presence::Required | Presence::Forbidden => true,
        };
        if !takes_values && head.version > 0 {
            let detail = format!("{name} has a value in scope {} already", self.write.scope);
            return Ok(Step::InTheWay(Fault::new(name.as_str(), detail)));
        }
        self.check_version(head.version)?;
        self.update(tx, head, change, expires)
    }

    fn check_version(&self, actual: u64) -> Result<(), Error> {
        match self.write.if_version {
            Some(expected) if expected != actual => Err(Error::VersionMismatch { expected, actual }),
            _ => Ok(()),
        }
    }

    fn create(&self, tx: &mut dyn Tx, change: &Change, expires_at: Option<Timestamp>) -> Result<Step, Error> {
        let name = &change.name;
        if matches!(self.write.presence, Presence::Required | Presence::WithoutValueBut(_)) {
            return Err(missing(tx, &self.caller, &self.project, (&self.write.scope, name))?);
        }
        self.check_version(0)?;
        if let Some(risk) = name.risk().filter(|_| !self.write.allowed.contains(name)) {
            return Ok(Step::Faulty(Fault::new(name.as_str(), risk.explain(name))));
        }
        if let Some(twin) = tx.case_twin(&self.project.id, &self.write.scope, name)? {
            let detail = format!("{name} differs only by case from {twin}, which exists in scope {}", self.write.scope);
            return Ok(Step::InTheWay(Fault::new(name.as_str(), detail)));
        }
        if change.value.is_none() && !self.write.force {
            let place = Place { project: &self.project, instance: &self.instance, caller: &self.caller, now: self.now };
            if let Some(fault) = super::declare::hides(tx, &place, &self.write.scope, name)? {
                return Ok(Step::InTheWay(fault));
            }
        }
        let mut head = SecretRow {
            id: new_id(&*self.rng),
            project: self.project.id,
            scope: self.write.scope.clone(),
            name: name.clone(),
            description: change.description.clone().flatten(),
            expires_at,
            version: u64::from(change.value.is_some()),
            created_at: self.now,
            created_by: self.caller.actor.clone(),
            updated_at: self.now,
            updated_by: self.caller.actor.clone(),
            value_set_at: change.value.as_ref().map(|_| self.now),
            deleted_at: None,
            mac: Vec::new(),
        };
        head = head.signed(&self.instance);
        tx.insert_secret(&head)?;
        if let Some(value) = &change.value {
            self.append(tx, &head, value)?;
        }
        let status = if change.value.is_some() { WriteStatus::Set } else { WriteStatus::Declared };
        Ok(Step::Done(Box::new(head), status, true))
    }

    fn update(
        &self,
        tx: &mut dyn Tx,
        head: SecretRow,
        change: &Change,
        expires: Option<Option<Timestamp>>,
    ) -> Result<Step, Error> {
        let mut next = head.clone();
        if let Some(description) = &change.description {
            next.description.clone_from(description);
        }
        if let Some(expires_at) = expires {
            next.expires_at = expires_at;
        }
        let value = match &change.value {
            Some(value) if !self.is_current(tx, &head, value)? => Some(value),
            _ => None,
        };
        if value.is_none() && next == head {
            return Ok(Step::Done(Box::new(head), WriteStatus::Unchanged, false));
        }
        next.updated_at = self.now;
        next.updated_by.clone_from(&self.caller.actor);
        if value.is_some() {
            next.version += 1;
            next.value_set_at = Some(self.now);
        }
        let next = next.signed(&self.instance);
        tx.update_secret(&next)?;
        if let Some(value) = value {
            self.append(tx, &next, value)?;
        }
        let resolves_anew = value.is_some() || next.expires_at != head.expires_at;
        let status = if head.version == 0 && value.is_some() { WriteStatus::Set } else { WriteStatus::Updated };
        Ok(Step::Done(Box::new(next), status, resolves_anew))
    }

    /// Whether the value is the current one, for callers who may know that.
    fn is_current(&self, tx: &mut dyn Tx, head: &SecretRow, value: &SecretValue) -> Result<bool, Error> {
        if self.write.force || !self.may_compare || head.version == 0 {
            return Ok(false);
        }
        let row = tx.version(&head.id, head.version)?;
        let row = row.ok_or(Error::Store(StoreError::Damaged("a current version is missing")))?;
        Ok(same_value(&self.project.open(head, &row.envelope)?, value))
    }

    fn append(&self, tx: &mut dyn Tx, head: &SecretRow, value: &SecretValue) -> Result<(), Error> {
        let envelope = seal(&self.project, head, value, &*self.rng)?;
        tx.insert_version(&VersionRow {
            secret: head.id,
            version: head.version,
            kind: VersionKind::Set,
            from_version: None,
            envelope,
            created_at: self.now,
            created_by: self.caller.actor.clone(),
        })?;
        Ok(())
    }
}

/// Seals `value` as the current version of `head`.
pub(super) fn seal(
    project: &Project,
    head: &SecretRow,
    value: &SecretValue,
    rng: &dyn Random,
) -> Result<Vec<u8>, Error> {
    let (key_version, key) = project.sealing_key();
    let context = ValueContext {
        project: &project.id,
        scope: &head.scope,
        name: &head.name,
        secret: &head.id,
        version: head.version,
    };
    seal_value(key, key_version, &context, value, rng).map_err(Error::damaged(format!("new version of {}", head.name)))
}

/// "Not found", with a hint where another scope has the name.
pub(super) fn missing(
    rows: &mut dyn Tx,
    caller: &Caller,
    project: &Project,
    (scope, name): (&Scope, &SecretName),
) -> Result<Error, StoreError> {
    let elsewhere = rows.elsewhere(&project.id, name)?;
    Ok(super::read::not_there(caller, &elsewhere, scope, name))
}

fn refuse(faults: Vec<Fault>, in_the_way: Vec<Fault>) -> Result<(), Error> {
    if !faults.is_empty() {
        return Err(Error::Invalid(faults.into_iter().chain(in_the_way).collect()));
    }
    let Some(first) = in_the_way.first() else { return Ok(()) };
    let detail = match in_the_way.as_slice() {
        [only] => only.detail.clone(),
        _ => format!("{} (and {} more)", first.detail, in_the_way.len() - 1),
    };
    Err(Error::Conflict(Conflict { detail, hint: None, faults: in_the_way }))
}
