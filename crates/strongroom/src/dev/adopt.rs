//! Another plan in place of the one that runs: what is the same in both goes on.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::apps::App;
use super::plan::Plan;
use super::print::{From, Tone};
use super::reload::Keeper;
use super::session::Session;

impl Session<'_> {
    /// Runs another plan from now on.
    pub(super) fn adopt(&mut self, plan: Plan) {
        self.shared.printer.name_workloads(plan.names());
        self.adopt_code(&plan);
        self.adopt_apps(&plan);
        self.plan = plan;
        self.wind_clocks();
    }

    fn adopt_code(&mut self, plan: &Plan) {
        let mut keepers = Vec::new();
        for old in std::mem::take(&mut self.keepers) {
            match plan.code.iter().find(|code| code.id == old.plan.id) {
                Some(code) if *code == old.plan => keepers.push(old),
                Some(_) => old.stop(),
                None => self.drop_code(&old),
            }
        }
        // nobody waits for these bundles
        let (told, _) = mpsc::unbounded_channel();
        for code in &plan.code {
            if keepers.iter().any(|keeper| keeper.plan.id == code.id) {
                continue;
            }
            let (tone, text) = match &self.works.workshop {
                Some(workshop) => {
                    keepers.push(Keeper::start(workshop, code.clone(), told.clone()));
                    (Tone::Info, "taken up from strongroom.json")
                }
                None => (Tone::Warn, "start dev again to serve it"),
            };
            self.shared.printer.say(From::About(&code.id.name), tone, text);
        }
        self.keepers = keepers;
    }

    fn drop_code(&self, old: &Keeper) {
        old.stop();
        self.works.watcher.forget(&old.plan.id);
        self.shared.remove(&old.plan.id);
        let (shared, id) = (Arc::clone(&self.shared), old.plan.id.clone());
        tokio::spawn(async move {
            if let Some(runtime) = shared.runtime.get() {
                runtime.retire(&id).await;
            }
        });
        self.shared.printer.say(From::About(&old.plan.id.name), Tone::Info, "no longer served");
    }

    fn adopt_apps(&mut self, plan: &Plan) {
        let mut apps = Vec::new();
        for mut old in std::mem::take(&mut self.apps) {
            let Some(app) = plan.apps.iter().find(|app| app.id == old.plan.id) else {
                old.end();
                self.leaving.push(old);
                continue;
            };
            if *app != *old.plan {
                old.replace(app.clone());
            }
            apps.push(old);
        }
        for app in &plan.apps {
            if !apps.iter().any(|known: &App| known.plan.id == app.id) {
                apps.push(App::start(&self.works.yard, app.clone()));
            }
        }
        self.apps = apps;
    }
}
