//! Resolution: names to sealed rows (cached by epoch), and sealed rows to values, once their record is durable.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use strongroom_api::PlaintextMap;
use strongroom_api::resolve::{Missing, MissingReason, ResolutionAnswer, Resolved, ResolvedName};
use strongroom_model::resolution::Candidate;
use strongroom_model::{AppId, Capability, Id, NamespaceName, ProjectName, Resolution, SecretName};
use strongroom_seal::keyed_digest;
use strongroom_store::port::{ReadFact, SealedRow, SecretRow, WorkloadKind};
use strongroom_store::{Rows, Tx};

use crate::audit::Record;
use crate::authz::Reach;
use crate::caller::Caller;
use crate::error::Error;
use crate::keys::Project;
use crate::open::App;
use crate::rows::Authenticated as _;

/// A value that a name resolves to, still sealed. Its head's MAC has been verified.
pub(crate) struct Sealed {
    pub(crate) head: SecretRow,
    pub(crate) envelope: Vec<u8>,
}

type Candidates = Vec<Candidate<Arc<Sealed>>>;
type Outcome = Resolution<Arc<Sealed>>;
type SpaceKey = (Id, NamespaceName, Option<AppId>);

/// What names resolved to in one (project, namespace, app), each with the epoch at which it was looked up.
pub(crate) struct Space {
    pub(crate) epoch: Arc<AtomicU64>,
    names: RwLock<HashMap<SecretName, (u64, Candidates)>>,
    /// When it was written down last that this app was given a name.
    noted: Mutex<HashMap<SecretName, Timestamp>>,
}

/// All spaces that were asked for.
#[derive(Default)]
pub(crate) struct Spaces(RwLock<HashMap<SpaceKey, Arc<Space>>>);

/// Names kept in one space before it starts anew.
const MAX_KEPT_NAMES: usize = 50_000;
/// That an app was given a name is written down again after this time.
const NOTE_AGAIN: SignedDuration = SignedDuration::from_mins(1);
/// How an app reads: by being handed values.
const VIA_RESOLVE: &str = "resolve";

impl Spaces {
    /// Forgets a project's spaces.
    pub(crate) fn forget(&self, project: Id) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).retain(|(owner, ..), _| *owner != project);
    }
}

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Question {
    /// The workload's namespace.
    pub namespace: NamespaceName,
    /// The workload's id, if it is an app.
    pub app: Option<AppId>,
    /// Which names; none means everything that resolves.
    pub names: Option<Vec<SecretName>>,
}

/// What the names resolve to, still sealed.
pub(crate) struct Answer {
    pub(crate) epoch: u64,
    pub(crate) valid_until: Option<Timestamp>,
    pub(crate) outcomes: Vec<(SecretName, Outcome)>,
}

/// A resolution that was authorised but not delivered: its tag can be compared first.
pub struct Prepared<'a> {
    project: Arc<Project>,
    question: &'a Question,
    answer: Answer,
    /// Changes with every change of what would be delivered. Keyed, so that it tells nothing about values.
    pub tag: String,
}

impl Prepared<'_> {
    /// The epoch of the answer.
    pub fn epoch(&self) -> u64 {
        self.answer.epoch
    }

    /// When the answer changes by time passing.
    pub fn valid_until(&self) -> Option<Timestamp> {
        self.answer.valid_until
    }
}

/// Resolves names without opening anything. Needs `values:read`.
pub async fn prepare<'a>(
    app: &App,
    caller: &Caller,
    project: &ProjectName,
    question: &'a Question,
) -> Result<Prepared<'a>, Error> {
    let reach = Reach::Namespace(&question.namespace, question.app.as_ref());
    let entered = app.enter(caller, project, Capability::ValuesRead, reach).await?;
    app.require_process(caller, project).await?;
    let answer = app.look_up(&entered, &*narrow(app, caller, project, question).await?).await?;
    let tag = tag(app, &entered, question, &answer);
    Ok(Prepared { project: entered, question, answer, tag })
}

/// A token limited to names asks for those names, and for no others.
async fn narrow<'a>(
    app: &App,
    caller: &Caller,
    project: &ProjectName,
    question: &'a Question,
) -> Result<Cow<'a, Question>, Error> {
    let limit = caller.grant().map(|grant| &grant.names).filter(|names| !names.is_empty());
    let Some(only) = limit else { return Ok(Cow::Borrowed(question)) };
    match &question.names {
        Some(names) => {
            app.require_names(caller, project, names).await?;
            Ok(Cow::Borrowed(question))
        }
        None => Ok(Cow::Owned(Question { names: Some(only.clone()), ..question.clone() })),
    }
}

/// Names cannot hold the bytes that end them here, and what follows has a fixed width or none.
fn tag(app: &App, project: &Project, question: &Question, answer: &Answer) -> String {
    let mut bytes = Vec::with_capacity(256);
    bytes.extend_from_slice(project.id.as_bytes());
    for place in [question.namespace.as_str(), question.app.as_ref().map_or("", AppId::as_str)] {
        bytes.extend_from_slice(place.as_bytes());
        bytes.push(b'|');
    }
    for (name, outcome) in &answer.outcomes {
        bytes.extend_from_slice(name.as_str().as_bytes());
        match outcome {
            Resolution::Value { value, expires_at, .. } => {
                bytes.push(b'=');
                bytes.extend_from_slice(value.head.id.as_bytes());
                bytes.extend_from_slice(&value.head.version.to_be_bytes());
                let until = expires_at.map_or(i64::MAX, Timestamp::as_millisecond);
                bytes.extend_from_slice(&until.to_be_bytes());
            }
            Resolution::Expired { .. } => bytes.push(b':'),
            Resolution::NoValue { .. } => bytes.push(b'?'),
            Resolution::NotSet => bytes.push(b'-'),
        }
    }
    let digest = keyed_digest(&app.instance, "resolve-tag", &bytes);
    hex::encode(digest.get(..16).unwrap_or_default())
}

/// What the record of a delivery says of it.
#[derive(Serialize)]
struct Delivered<'a> {
    namespace: &'a NamespaceName,
    app: Option<&'a AppId>,
    names: Vec<&'a SecretName>,
}

/// Hands the values over, once the record of it is durable.
pub async fn deliver(app: &App, caller: &Caller, prepared: Prepared<'_>) -> Result<Resolved, Error> {
    let Prepared { project, question, answer, .. } = prepared;
    let (mut leaving, mut missing) = (Vec::new(), Vec::new());
    for (name, outcome) in &answer.outcomes {
        match outcome {
            Resolution::Value { value, .. } => leaving.push(value),
            other => missing.extend(reason(other).map(|reason| Missing { name: name.to_string(), reason })),
        }
    }
    let names = leaving.iter().map(|sealed| &sealed.head.name).collect();
    let target = Delivered { namespace: &question.namespace, app: question.app.as_ref(), names };
    let record = Record::done(app.clock.now(), caller, Some(&project.name), "values.resolve", &target);
    let reads = match &question.app {
        None => Vec::new(),
        Some(id) => app.reads_to_note(&project, question, (id, &target.names)).await?,
    };
    if reads.is_empty() {
        app.audit_delivery(record).await?;
    } else {
        let instance = Arc::clone(&app.instance);
        let write = move |tx: &mut dyn Tx| {
            record.append(tx, &instance)?;
            reads.iter().try_for_each(|fact| tx.touch_read(fact)).map_err(Error::from)
        };
        app.store.write(write).await?;
    }
    app.counts.delivered(leaving.len());
    let secrets: Result<Vec<_>, Error> = leaving
        .into_iter()
        .map(|sealed| Ok((sealed.head.name.to_string(), project.open(&sealed.head, &sealed.envelope)?)))
        .collect();
    Ok(Resolved { epoch: answer.epoch, valid_until: answer.valid_until, secrets: PlaintextMap(secrets?), missing })
}

/// Why an outcome has no value.
pub(crate) fn reason(outcome: &Outcome) -> Option<MissingReason> {
    match outcome {
        Resolution::Value { .. } => None,
        Resolution::Expired { .. } => Some(MissingReason::Expired),
        Resolution::NoValue { .. } => Some(MissingReason::NoValue),
        Resolution::NotSet => Some(MissingReason::NotSet),
    }
}

/// Which names a workload gets and which scope each comes from. No values.
pub async fn explain(
    app: &App,
    caller: &Caller,
    project: &ProjectName,
    question: &Question,
) -> Result<ResolutionAnswer, Error> {
    let reach = Reach::Namespace(&question.namespace, question.app.as_ref());
    let entered = app.enter(caller, project, Capability::SecretsList, reach).await?;
    let question = narrow(app, caller, project, question).await?;
    let answer = app.look_up(&entered, &question).await?;
    let (mut items, mut missing) = (Vec::new(), Vec::new());
    // what the server's own environment puts in the place of stored values reaches functions, not apps
    let environment = if question.app.is_none() { app.environment_names(&entered) } else { Vec::new() };
    let added: Vec<_> = environment.iter().filter(|name| caller.reaches_name(name)).collect();
    items.extend(added.iter().map(|name| ResolvedName {
        name: name.to_string(),
        scope: "environment".to_owned(),
        version: None,
        expires_at: None,
    }));
    for (name, outcome) in answer.outcomes.iter().filter(|(name, _)| !added.contains(&name)) {
        match outcome {
            Resolution::Value { scope, value, expires_at } => items.push(ResolvedName {
                name: name.to_string(),
                scope: scope.to_string(),
                version: Some(value.head.version),
                expires_at: *expires_at,
            }),
            other => missing.extend(reason(other).map(|reason| Missing { name: name.to_string(), reason })),
        }
    }
    items.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(ResolutionAnswer { epoch: answer.epoch, items, missing })
}

impl App {
    /// That an app was given these names, as far as that was not written down a moment ago.
    async fn reads_to_note(
        &self,
        project: &Project,
        question: &Question,
        (id, names): (&AppId, &[&SecretName]),
    ) -> Result<Vec<ReadFact>, Error> {
        let (space, now) = (self.space(project, question).await?, self.clock.now());
        let mut noted = space.noted.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = |at: &Timestamp| *at > now || now.duration_since(*at) >= NOTE_AGAIN;
        let due: Vec<_> = names.iter().copied().filter(|name| noted.get(*name).is_none_or(is_due)).collect();
        let mut facts = Vec::new();
        for name in due {
            noted.insert(name.clone(), now);
            facts.push(ReadFact {
                project: project.id,
                namespace: question.namespace.clone(),
                kind: WorkloadKind::App,
                workload: id.to_string(),
                secret: name.clone(),
                via: VIA_RESOLVE.to_owned(),
                last_read_at: Some(now),
            });
        }
        Ok(facts)
    }

    async fn space(&self, project: &Project, question: &Question) -> Result<Arc<Space>, Error> {
        let key = (project.id, question.namespace.clone(), question.app.clone());
        if let Some(space) = self.spaces.0.read().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return Ok(Arc::clone(space));
        }
        self.require_place(project, question).await?;
        let epoch = self.epochs.cell(&*self.store, project.id, &question.namespace).await?;
        let space = Arc::new(Space { epoch, names: RwLock::default(), noted: Mutex::default() });
        let mut spaces = self.spaces.0.write().unwrap_or_else(PoisonError::into_inner);
        Ok(Arc::clone(spaces.entry(key).or_insert(space)))
    }

    async fn require_place(&self, project: &Project, question: &Question) -> Result<(), Error> {
        let Question { namespace, app, .. } = question;
        self.store
            .read(|rows: &mut dyn Rows| {
                if !rows.has_namespace(&project.id, namespace)? {
                    return Err(Error::not_found(format!("namespace {namespace}")));
                }
                match app {
                    Some(id) if rows.app(&project.id, namespace, id)?.is_none() => {
                        Err(Error::not_found(format!("app {namespace}/{id}")))
                    }
                    _ => Ok(()),
                }
            })
            .await
    }

    /// What the names resolve to now.
    pub(crate) async fn look_up(&self, project: &Project, question: &Question) -> Result<Answer, Error> {
        let space = self.space(project, question).await?;
        let epoch = space.epoch.load(Ordering::SeqCst);
        let now = self.clock.now();
        let mut outcomes = Vec::new();
        if let Some(names) = &question.names {
            for name in names {
                let candidates = self.candidates(project, question, (&space, epoch), name).await?;
                outcomes.push((name.clone(), strongroom_model::resolve(candidates, now)));
            }
        } else {
            self.require_place(project, question).await?;
            let by_name = self.all_candidates(project, question).await?;
            outcomes.extend(by_name.into_iter().map(|(name, all)| (name, strongroom_model::resolve(all, now))));
        }
        let valid_until = outcomes.iter().filter_map(|(_, outcome)| expiry(outcome)).min();
        Ok(Answer { epoch, valid_until, outcomes })
    }

    /// What the names would resolve to in a namespace that is not there yet.
    pub(crate) async fn look_up_ahead(&self, project: &Project, question: &Question) -> Result<Answer, Error> {
        let (mut by_name, now) = (self.all_candidates(project, question).await?, self.clock.now());
        let names = question.names.clone().unwrap_or_else(|| by_name.keys().cloned().collect());
        let outcome = |name: SecretName| {
            let candidates = by_name.remove(&name).unwrap_or_default();
            (name, strongroom_model::resolve(candidates, now))
        };
        Ok(Answer { epoch: 0, valid_until: None, outcomes: names.into_iter().map(outcome).collect() })
    }

    async fn all_candidates(
        &self,
        project: &Project,
        question: &Question,
    ) -> Result<BTreeMap<SecretName, Candidates>, Error> {
        let (namespace, app) = (&question.namespace, question.app.as_ref());
        let rows = self.store.read(|rows: &mut dyn Rows| rows.all_candidates(&project.id, namespace, app)).await?;
        let mut by_name: BTreeMap<SecretName, Candidates> = BTreeMap::new();
        for row in rows {
            by_name.entry(row.head.name.clone()).or_default().push(self.candidate(row)?);
        }
        Ok(by_name)
    }

    async fn candidates(
        &self,
        project: &Project,
        question: &Question,
        (space, epoch): (&Space, u64),
        name: &SecretName,
    ) -> Result<Candidates, Error> {
        let kept = space.names.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned();
        if let Some((at, candidates)) = kept
            && at == epoch
        {
            return Ok(candidates);
        }
        let (namespace, app) = (&question.namespace, question.app.as_ref());
        let rows = self.store.read(|rows: &mut dyn Rows| rows.candidates(&project.id, namespace, app, name)).await?;
        let candidates: Result<Vec<_>, Error> = rows.into_iter().map(|row| self.candidate(row)).collect();
        let candidates = candidates?;
        let mut names = space.names.write().unwrap_or_else(PoisonError::into_inner);
        if names.len() >= MAX_KEPT_NAMES {
            names.clear();
        }
        names.insert(name.clone(), (epoch, candidates.clone()));
        Ok(candidates)
    }

    /// A row as a candidate, once its MAC is verified.
    pub(crate) fn candidate(&self, row: SealedRow) -> Result<Candidate<Arc<Sealed>>, Error> {
        let SealedRow { head, envelope } = row;
        head.verify(&self.instance).map_err(Error::damaged(format!("{} ({})", head.name, head.scope)))?;
        if envelope.is_none() != (head.version == 0) {
            return Err(Error::Store(strongroom_store::StoreError::Damaged("a current version is missing")));
        }
        let (scope, expires_at) = (head.scope.kind(), head.expires_at);
        Ok(Candidate { scope, expires_at, value: envelope.map(|envelope| Arc::new(Sealed { head, envelope })) })
    }
}

fn expiry(outcome: &Outcome) -> Option<Timestamp> {
    match outcome {
        Resolution::Value { expires_at, .. } => *expires_at,
        Resolution::Expired { .. } | Resolution::NoValue { .. } | Resolution::NotSet => None,
    }
}
