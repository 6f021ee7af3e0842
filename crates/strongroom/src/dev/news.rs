//! News of values: asking the store, taking up what it answers, and telling everything that has them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use strongroom_runtime::{Change, ChangeCause, Refresh};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::apps::App;
use super::fetch::{Fetched, everything};
use super::layers::{Layers, State};
use super::link::{Heard, Link, follow};
use super::plan::Plan;
use super::print::{From, Tone};
use super::report;
use super::session::Session;
use crate::errors::Failure;

/// A store that goes away sooner than this after it came back is not told of again.
const FLICKER: Duration = Duration::from_secs(10);
/// Pause before the store is tried again.
const RETRY: Duration = Duration::from_secs(1);

impl Session<'_> {
    /// Asks the store for everything, for this plan or another.
    pub(super) fn fetch(&mut self, link: Option<&Link>, plan: Option<Plan>) {
        let Some(link) = link else { return };
        if self.fetching.is_some() {
            let queued = self.again.take().flatten();
            self.again = Some(plan.or(queued));
            return;
        }
        let (client, before) = (Arc::clone(&link.client), self.shared.layers());
        let wanted = plan.clone().unwrap_or_else(|| self.plan.clone());
        self.fetching = Some(tokio::spawn(async move { (everything(&client, &wanted, &before).await, plan) }));
    }

    pub(super) fn fetched(
        &mut self,
        result: Result<Fetched, Failure>,
        plan: Option<Plan>,
        link: Option<&Link>,
        heard: &mpsc::Sender<Heard>,
    ) {
        self.fetching = None;
        match result {
            Err(failure) if plan.is_some() => self.fail("strongroom.json is not taken up", &failure),
            Err(failure) => self.away(failure.text().trim_end()),
            Ok(fetched) => {
                fetched.created.iter().for_each(|what| self.say(Tone::Info, &format!("created {what}")));
                if self.retry_at.take().is_some()
                    && let Some(link) = link
                {
                    self.back_at = Some(Instant::now());
                    if std::mem::take(&mut self.is_away_told) {
                        self.say(Tone::Info, "the store is back");
                    }
                    follow(Arc::clone(&link.client), self.plan.place.clone(), fetched.epoch, heard.clone());
                }
                let layers = fetched.onto(&self.shared.layers());
                self.take(layers, plan);
            }
        }
        if let Some(plan) = self.again.take() {
            self.fetch(link, plan);
        }
    }

    /// Takes up fetched values, and the plan that they were fetched for unless it lacks some.
    fn take(&mut self, layers: Layers, plan: Option<Plan>) {
        let Some(plan) = plan else { return self.update(layers) };
        if let Some(failure) = report::refusal(&plan, &layers, (self.context.now)(), false) {
            self.fail("strongroom.json is not taken up; what it said before goes on", &failure);
        } else {
            self.update(layers);
            self.adopt(plan);
        }
    }

    /// Says once that the store is away, and tries again later.
    pub(super) fn away(&mut self, reason: &str) {
        // a store that comes and goes is told of once
        let is_news = self.retry_at.is_none() && self.back_at.is_none_or(|at| at.elapsed() > FLICKER);
        if is_news {
            self.is_away_told = true;
            self.say(Tone::Error, &format!("the store is away; the values of now go on: {reason}"));
        }
        self.retry_at = Some(Instant::now() + RETRY);
    }

    /// Tries the store again. A local one may have changed hands.
    pub(super) async fn reconnect(&mut self, link: &mut Option<Link>) {
        self.retry_at = Some(Instant::now() + RETRY);
        if let Some(link) = link.as_mut() {
            // what does not work now is tried again
            link.renew(self.context).await.ok();
        }
        self.fetch(link.as_ref(), None);
    }

    /// Puts new values in place of those before, and tells everything that has them.
    pub(super) fn update(&mut self, layers: Layers) {
        let (older, now) = (self.shared.layers(), (self.context.now)());
        let changed = |wants| layers.changed(now, (&older, self.looked_at), wants);
        let mut names = BTreeSet::new();
        let mut news: BTreeMap<(&str, String), Vec<String>> = BTreeMap::new();
        for (workload, wants) in self.plan.wants() {
            let here = changed(wants);
            for given in layers.given(wants, now).iter().filter(|given| here.contains(given.target)) {
                let what = match given.state {
                    State::Value(_) => "changed",
                    State::Missing(reason) => report::why(reason),
                };
                news.entry((what, given.name.to_owned())).or_default().push(workload.clone());
            }
            for gone in here.iter().filter(|name| !layers.given(wants, now).iter().any(|given| given.target == **name))
            {
                news.entry(("is gone", gone.clone())).or_default().push(workload.clone());
            }
            names.extend(here);
        }
        let epoch = layers.epoch;
        self.shared.set_layers(Arc::new(layers));
        self.looked_at = now;
        let names: Vec<String> = names.into_iter().collect();
        for ((what, name), holders) in news {
            let tone = if what == "changed" { Tone::Info } else { Tone::Warn };
            self.say(tone, &format!("{name} {what}  ({})", holders.join(", ")));
        }
        for code in &self.plan.code {
            let (shared, id) = (Arc::clone(&self.shared), code.id.clone());
            let change = Change { epoch, names: names.clone(), cause: ChangeCause::Set };
            tokio::spawn(async move {
                let Some(runtime) = shared.runtime.get() else { return };
                if let Refresh::RestartFailed(reason) = runtime.refresh(&id, &change).await {
                    let text = format!("it did not start with the new values: {reason}");
                    shared.printer.say(From::About(&id.name), Tone::Error, &text);
                }
            });
        }
        self.apps.iter().for_each(App::refresh);
    }
}
