//! Reload on save: the files that a bundle is made of are watched, and each save makes a new one. A broken save keeps
//! the last good version.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use notify::event::EventKind;
use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};
use strongroom_runtime::bundle::{Bundle, BundleError, bundle};
use strongroom_runtime::{StartFailure, WorkloadId};
use tokio::sync::{Notify, Semaphore, mpsc};
use tokio::task::JoinHandle;

use super::calls::with_causes;
use super::code::{CodePlan, Loaded, Shared};
use super::print::{From, Tone};

/// Bundlers that run at once.
const MAX_BUNDLERS: usize = 2;

/// Watches folders for saves. Files are watched through their folders, since editors put a new file in an old one's place.
pub(super) struct Watcher {
    folders: Mutex<(RecommendedWatcher, HashSet<PathBuf>)>,
    files: Mutex<HashMap<WorkloadId, Vec<PathBuf>>>,
}

impl Watcher {
    /// A watcher that tells each path that was written.
    pub(super) fn new(saved: mpsc::UnboundedSender<PathBuf>) -> Result<Self, notify::Error> {
        let watcher = notify::recommended_watcher(move |event: Result<notify::Event, notify::Error>| {
            let Ok(event) = event else { return };
            if !matches!(event.kind, EventKind::Access(_)) {
                for path in event.paths {
                    // the receiver is gone when dev stops
                    saved.send(path).ok();
                }
            }
        })?;
        Ok(Self { folders: Mutex::new((watcher, HashSet::new())), files: Mutex::default() })
    }

    /// Watches a folder, once.
    pub(super) fn folder(&self, folder: &Path) {
        let mut folders = self.folders.lock().unwrap_or_else(PoisonError::into_inner);
        let (watcher, known) = &mut *folders;
        if !known.contains(folder) && watcher.watch(folder, RecursiveMode::NonRecursive).is_ok() {
            known.insert(folder.to_path_buf());
        }
    }

    /// Watches the files of one workload, in place of those it had.
    fn files(&self, id: &WorkloadId, files: Vec<PathBuf>) {
        for folder in files.iter().filter_map(|file| file.parent()) {
            self.folder(folder);
        }
        self.files.lock().unwrap_or_else(PoisonError::into_inner).insert(id.clone(), files);
    }

    /// Whether a saved file is one of a workload's.
    pub(super) fn concerns(&self, id: &WorkloadId, saved: &Path) -> bool {
        let files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        files.get(id).is_some_and(|files| files.iter().any(|file| file == saved))
    }

    pub(super) fn forget(&self, id: &WorkloadId) {
        self.files.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
    }
}

/// What all reloads share.
pub(super) struct Workshop {
    pub(super) shared: Arc<Shared>,
    pub(super) watcher: Arc<Watcher>,
    pub(super) deno: PathBuf,
    bundlers: Semaphore,
    deployments: AtomicU64,
}

impl Workshop {
    pub(super) fn new(shared: Arc<Shared>, watcher: Arc<Watcher>, deno: PathBuf) -> Arc<Self> {
        let bundlers = Semaphore::new(MAX_BUNDLERS);
        Arc::new(Self { shared, watcher, deno, bundlers, deployments: AtomicU64::new(1) })
    }
}

/// Keeps one function or job up to date with its files.
pub(super) struct Keeper {
    pub(super) plan: CodePlan,
    saved: Arc<Notify>,
    /// Whether its newest save is broken.
    broken: Arc<std::sync::atomic::AtomicBool>,
    task: JoinHandle<()>,
}

impl Keeper {
    /// Bundles now, tells that it did, and again after every save.
    pub(super) fn start(shop: &Arc<Workshop>, plan: CodePlan, built: mpsc::UnboundedSender<()>) -> Self {
        let saved = Arc::new(Notify::new());
        let broken = Arc::new(std::sync::atomic::AtomicBool::new(false));
        let keeping =
            Keeping { shop: Arc::clone(shop), plan: plan.clone(), broken: Arc::clone(&broken), current: None };
        let task = tokio::spawn(keeping.run(Arc::clone(&saved), built));
        Self { plan, saved, broken, task }
    }

    /// Whether a save concerns it. While it is broken every save does: the file that it lacks may be new.
    pub(super) fn is_of(&self, watcher: &Watcher, saved: &Path) -> bool {
        self.broken.load(Ordering::Relaxed) || watcher.concerns(&self.plan.id, saved)
    }

    /// Takes a save up, if it concerns it.
    pub(super) fn hear(&self, watcher: &Watcher, saved: &Path) {
        if self.is_of(watcher, saved) {
            self.saved.notify_one();
        }
    }

    /// Stops keeping it; what is loaded stays.
    pub(super) fn stop(&self) {
        self.task.abort();
    }
}

struct Keeping {
    shop: Arc<Workshop>,
    plan: CodePlan,
    broken: Arc<std::sync::atomic::AtomicBool>,
    /// The bundle that is served.
    current: Option<Vec<u8>>,
}

impl Keeping {
    async fn run(mut self, saved: Arc<Notify>, built: mpsc::UnboundedSender<()>) {
        let entry = std::fs::canonicalize(&self.plan.entry).unwrap_or_else(|_| self.plan.entry.clone());
        self.shop.watcher.files(&self.plan.id, vec![entry]);
        self.build().await;
        built.send(()).ok();
        drop(built);
        loop {
            saved.notified().await;
            self.build().await;
        }
    }

    async fn build(&mut self) {
        let started = Instant::now();
        let shared = Arc::clone(&self.shop.shared);
        let had = matches!(shared.loaded(&self.plan.id).as_deref(), Some(Loaded::Ready(_)));
        let bundled = match self.bundle().await {
            Ok(bundled) => bundled,
            Err(reason) => return self.fail(had, &reason),
        };
        self.shop.watcher.files(&self.plan.id, bundled.inputs);
        if self.current.as_ref() == Some(&bundled.code) && !self.broken.load(Ordering::Relaxed) {
            return;
        }
        let deployment = format!("dev-{}", self.shop.deployments.fetch_add(1, Ordering::Relaxed));
        shared.note(&deployment, self.plan.wants.clone());
        let spec = Arc::new(self.plan.spec(deployment, bundled.code.clone()));
        if had {
            // what serves is not given up for code that does not load
            let Some(runtime) = shared.runtime.get() else { return };
            match runtime.trial_start(&spec).await {
                Ok(_) => {}
                Err(failure @ (StartFailure::Load(_) | StartFailure::TimedOut(_) | StartFailure::Died(_))) => {
                    return self.fail(had, &failure.to_string());
                }
                Err(failure) => return self.fail(had, &with_causes(&failure)),
            }
        }
        shared.put(&self.plan.id, Loaded::Ready(spec));
        self.current = Some(bundled.code);
        self.broken.store(false, Ordering::Relaxed);
        if had {
            let text = format!("reloaded in {} ms", started.elapsed().as_millis());
            shared.printer.say(From::About(&self.plan.id.name), Tone::Info, &text);
        }
    }

    async fn bundle(&self) -> Result<Bundle, String> {
        let Ok(_permit) = self.shop.bundlers.acquire().await else { return Err("dev is stopping".to_owned()) };
        let (deno, entry) = (self.shop.deno.clone(), self.plan.entry.clone());
        let bundled = tokio::task::spawn_blocking(move || bundle(&deno, &entry)).await;
        match bundled {
            Ok(Ok(bundled)) => Ok(bundled),
            Ok(Err(error @ BundleError::Refused { .. })) => Err(error.to_string()),
            Ok(Err(error)) => Err(with_causes(&error)),
            Err(_) => Err("the bundler was cut short".to_owned()),
        }
    }

    fn fail(&self, had: bool, reason: &str) {
        self.broken.store(true, Ordering::Relaxed);
        let shared = &self.shop.shared;
        let goes_on = if had { "; the version before goes on" } else { "; it is tried again when a file is saved" };
        let (first, rest) = reason.split_once('\n').unwrap_or((reason, ""));
        let mut text = format!("{}{goes_on}", first.trim_end_matches(':'));
        if !rest.is_empty() {
            text = format!("{text}\n{}", rest.trim_end());
        }
        shared.printer.say(From::About(&self.plan.id.name), Tone::Error, &text);
        if !had {
            shared.put(&self.plan.id, Loaded::Broken);
        }
    }
}
