//! Where a run's values come from: the server or the local store, and the cache if the server is away.

use std::rc::Rc;
use std::time::Duration;

use strongroom_api::PlaintextMap;
use strongroom_api::resolve::Resolved;
use strongroom_client::ClientError;
use tokio::runtime::Runtime;

use super::super::secrets::resolve::unresolved;
use super::cache::{Cache, is_away, is_refusal};
use super::plan::Plan;
use crate::config;
use crate::context::Context;
use crate::errors::Failure;
use crate::session::Session;

/// The source of one run's values.
pub(super) struct Source<'a> {
    context: &'a Context,
    plan: &'a Plan,
    cache: Option<Cache>,
    /// Stands for the last answer.
    pub(super) tag: Option<String>,
}

/// Why there are no values.
pub(super) enum Trouble {
    /// Nobody answers; it may pass.
    Away(Failure),
    /// The answer is no.
    Refused(Failure),
}

impl<'a> Source<'a> {
    /// A source with a cache of this age, if one is wanted and there is a server that can be away.
    pub(super) fn new(context: &'a Context, plan: &'a Plan, max_age: Option<Duration>) -> Result<Self, Failure> {
        let address = config::address(context)?;
        let cache = match (max_age, address) {
            (None, _) => None,
            (Some(_), None) => {
                context.output.talk("note: --cache-max-age is for servers; the local store is always there");
                None
            }
            (Some(max_age), Some((address, _))) => {
                let project = config::project(context)?;
                let mut names = plan.names.clone();
                names.sort();
                let app = plan.app.as_deref().unwrap_or_default();
                let place = [&address.origin(), &project, &plan.namespace, app, &names.join(",")];
                Some(Cache::new(context, &place, max_age)?)
            }
        };
        Ok(Self { context, plan, cache, tag: None })
    }

    /// The values to start with; from the cache if the server is away and that is wanted.
    pub(super) fn first(&mut self, runtime: &Rc<Runtime>) -> Result<Resolved, Failure> {
        if self.plan.wants_nothing() {
            let secrets = PlaintextMap(Vec::new());
            return Ok(Resolved { epoch: 0, valid_until: None, secrets, missing: Vec::new() });
        }
        let session = Session::open_on(self.context, Rc::clone(runtime))?;
        let project = session.project();
        match session.wait(project.resolve_if_changed(self.plan.workload(), &self.plan.names, None)) {
            Ok(answer) => {
                let answer =
                    answer.ok_or_else(|| Failure::failed("the server answered as if it had been asked before"))?;
                self.tag = answer.tag;
                self.keep(&answer.resolved);
                Ok(answer.resolved)
            }
            Err(error) if is_away(&error) => self.recall(error),
            Err(error) => Err(self.trouble(error).into_failure()),
        }
    }

    fn recall(&self, error: ClientError) -> Result<Resolved, Failure> {
        let why = error.to_string();
        let failure = Failure::from(error);
        let Some(cache) = &self.cache else {
            let is_remote = config::address(self.context)?.is_some();
            return Err(failure.also_hint(
                is_remote.then_some("with --cache-max-age 24h, run starts with the values it was last given"),
            ));
        };
        cache.recall(self.context, &why).map_err(|unusable| failure.noting(unusable))
    }

    /// Keeps an answer, if there is a cache.
    pub(super) fn keep(&self, resolved: &Resolved) {
        if let Some(cache) = &self.cache {
            cache.keep(self.context, resolved);
        }
    }

    /// What an error means for what was kept.
    pub(super) fn trouble(&self, error: ClientError) -> Trouble {
        if is_away(&error) {
            return Trouble::Away(Failure::from(error));
        }
        if let Some(cache) = self.cache.as_ref().filter(|_| is_refusal(&error)) {
            cache.clear(self.context);
        }
        Trouble::Refused(unresolved(error, &self.plan.namespace, self.plan.app.as_deref()))
    }
}

impl Trouble {
    fn into_failure(self) -> Failure {
        match self {
            Self::Away(failure) | Self::Refused(failure) => failure,
        }
    }
}
