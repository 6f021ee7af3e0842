//! Projects with their unwrapped keys, kept while the process runs.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use strongroom_api::projects::ProjectSettings;
use strongroom_model::{Id, NamespaceName, ProjectName};
use strongroom_seal::{
    Instance, ProjectKey, Random, RunContext, RunPart, ValueContext, envelope_key_version, open_run, open_value,
    run_key_version, seal_run,
};
use strongroom_secret::SecretValue;
use strongroom_store::port::{ProjectKeyRow, ProjectRow, SecretRow};
use strongroom_store::{Rows, Store};
use zeroize::Zeroizing;

use crate::caller::{Caller, NoMember};
use crate::error::Error;
use crate::rows::Authenticated as _;

/// A project that can seal and open.
pub(crate) struct Project {
    pub(crate) id: Id,
    pub(crate) name: ProjectName,
    pub(crate) settings: ProjectSettings,
    /// All versions, lowest first; never empty.
    keys: Vec<(u32, ProjectKey)>,
}

impl Project {
    fn from_rows(instance: &Instance, row: &ProjectRow, keys: &[ProjectKeyRow]) -> Result<Self, Error> {
        row.verify(instance).map_err(Error::damaged(format!("project {}", row.name)))?;
        let settings = serde_json::from_str(&row.settings)
            .map_err(|_| Error::Store(strongroom_store::StoreError::Damaged("project settings")))?;
        let unwrapped: Result<Vec<_>, Error> = keys
            .iter()
            .map(|key| {
                let opened = instance.unwrap(&row.id, key.version, &key.wrapped);
                opened
                    .map(|opened| (key.version, opened))
                    .map_err(Error::damaged(format!("key of project {}", row.name)))
            })
            .collect();
        let keys = unwrapped?;
        if keys.is_empty() {
            return Err(Error::Store(strongroom_store::StoreError::Damaged("project without a key")));
        }
        Ok(Self { id: row.id, name: row.name.clone(), settings, keys })
    }

    /// Whether the caller may do in `namespace` what its protection keeps from those whom no grant names it for.
    pub(crate) fn is_open_to(&self, caller: &Caller, namespace: &NamespaceName) -> bool {
        !self.settings.protected.contains(namespace)
            || match caller.grant_in(&self.name) {
                None => true,
                Some(Err(NoMember)) => false,
                Some(Ok((_, grant))) => grant.is_explicit_in(namespace),
            }
    }

    /// The newest key with its version, for sealing.
    pub(crate) fn sealing_key(&self) -> (u32, &ProjectKey) {
        let (version, key) = self.keys.last().expect("a project is made with at least one key");
        (*version, key)
    }

    /// Opens the current version of `head`, whose MAC has been verified.
    pub(crate) fn open(&self, head: &SecretRow, envelope: &[u8]) -> Result<SecretValue, Error> {
        self.open_version(head, head.version, envelope)
    }

    /// Opens version `version` of `head`, whose MAC has been verified.
    pub(crate) fn open_version(&self, head: &SecretRow, version: u64, envelope: &[u8]) -> Result<SecretValue, Error> {
        let context =
            ValueContext { project: &self.id, scope: &head.scope, name: &head.name, secret: &head.id, version };
        self.open_at(&context, envelope)
    }

    /// Opens what was sealed for this place.
    pub(crate) fn open_at(&self, context: &ValueContext<'_>, envelope: &[u8]) -> Result<SecretValue, Error> {
        let what = || format!("{} ({}) version {}", context.name, context.scope, context.version);
        let key_version = envelope_key_version(envelope).map_err(|error| Error::damaged(what())(error))?;
        let key = self.keys.iter().find(|(held, _)| *held == key_version).map(|(_, key)| key);
        let key = key.ok_or_else(|| Error::damaged(what())(strongroom_seal::SealError::DoesNotOpen))?;
        open_value(key, context, envelope).map_err(|error| Error::damaged(what())(error))
    }
}

impl Project {
    /// Seals what a run works on or what it returned.
    pub(crate) fn seal_run(
        &self,
        (job, run): (&Id, &Id),
        part: RunPart,
        data: &[u8],
        rng: &dyn Random,
    ) -> Result<Vec<u8>, Error> {
        let (version, key) = self.sealing_key();
        let context = RunContext { project: &self.id, job, run, part };
        seal_run(key, version, &context, data, rng).map_err(Error::damaged(format!("data of run {run}")))
    }

    /// Opens what [`Project::seal_run`] made for the same run and part.
    pub(crate) fn open_run(
        &self,
        (job, run): (&Id, &Id),
        part: RunPart,
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, Error> {
        let what = || format!("data of run {run}");
        let version = run_key_version(sealed).map_err(|error| Error::damaged(what())(error))?;
        let key = self.keys.iter().find(|(held, _)| *held == version).map(|(_, key)| key);
        let key = key.ok_or_else(|| Error::damaged(what())(strongroom_seal::SealError::DoesNotOpen))?;
        let context = RunContext { project: &self.id, job, run, part };
        open_run(key, &context, sealed).map_err(|error| Error::damaged(what())(error))
    }
}

/// Projects by name, loaded once.
#[derive(Default)]
pub(crate) struct Projects {
    loaded: RwLock<HashMap<ProjectName, Arc<Project>>>,
    /// How often one was forgotten, so that what was read before is not kept after.
    forgotten: AtomicU64,
}

impl Projects {
    /// The project, from memory or from the store.
    pub(crate) async fn load(
        &self,
        store: &dyn Store,
        instance: &Instance,
        name: &ProjectName,
    ) -> Result<Arc<Project>, Error> {
        if let Some(project) = self.loaded.read().unwrap_or_else(PoisonError::into_inner).get(name) {
            return Ok(Arc::clone(project));
        }
        let forgotten = self.forgotten.load(Ordering::SeqCst);
        let wanted = name.clone();
        let rows = store
            .read(move |rows: &mut dyn Rows| -> Result<_, Error> {
                let Some(row) = rows.project(&wanted)? else { return Ok(None) };
                let keys = rows.project_keys(&row.id)?;
                Ok(Some((row, keys)))
            })
            .await?;
        let Some((row, keys)) = rows else { return Err(Error::not_found(format!("project {name}"))) };
        let project = Arc::new(Project::from_rows(instance, &row, &keys)?);
        let mut loaded = self.loaded.write().unwrap_or_else(PoisonError::into_inner);
        if self.forgotten.load(Ordering::SeqCst) == forgotten {
            loaded.insert(name.clone(), Arc::clone(&project));
        }
        Ok(project)
    }

    /// Forgets a project that changed or is gone; its keys are wiped with the last use.
    pub(crate) fn forget(&self, name: &ProjectName) {
        let mut loaded = self.loaded.write().unwrap_or_else(PoisonError::into_inner);
        self.forgotten.fetch_add(1, Ordering::SeqCst);
        loaded.remove(name);
    }
}
