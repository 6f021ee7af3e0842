//! The start: everything is read and proven before anything runs, and whatever was opened is closed again.

use std::sync::Arc;

use strongroom_model::manifest::Runtime as Runs;
use strongroom_runtime::locate::{self, Deno};
use strongroom_runtime::{Runtime, RuntimeConfig, WorkloadKind};
use strongroom_server::{Edge, Listener, dev_router, serve};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};

use super::apps::{AppKind, Yard};
use super::code::{Shared, Source};
use super::fetch::everything;
use super::layers::{Layers, Values};
use super::link::{Link, follow};
use super::plan::Plan;
use super::print::{From, Printer, Tone};
use super::reload::{Watcher, Workshop};
use super::report::{self, Row};
use super::session::{Session, Signals, Sources, Works};
use super::{Options, calls, dotenv, events, listen};
use crate::context::Context;
use crate::errors::Failure;
use crate::home::Home;
use crate::opening::{self, places, request_id_start};
use crate::processes::Keeper;

/// Generic workers kept ready.
const POOL_SIZE: usize = 1;

/// Starts, runs and stops.
pub(super) async fn start(context: &Context, options: &Options) -> Result<(), Failure> {
    let Some(file) = context.project_file()? else {
        return Err(Failure::usage("there is no strongroom.json here or above").hint("make one with: strongroom init"));
    };
    let plan = Plan::of(context, options, file)?;
    let mut signals = Signals::listen()?;
    let printer = Printer::new(context);
    let opening =
        async { if options.offline { Ok(None) } else { Link::open(context).await.map(Some).map_err(offline_hint) } };
    let mut link = tokio::select! {
        link = opening => link?,
        () = signals.next() => return Ok(()),
    };
    let loaded = tokio::select! {
        loaded = load(context, &plan, link.as_ref()) => loaded,
        () = signals.next() => Err(None),
    };
    let result = match loaded {
        Ok((layers, epoch, notes)) => {
            let ready = Ready { context, options, plan, printer, layers, epoch, notes };
            ready.run(&mut link, signals).await
        }
        Err(None) => Ok(()),
        Err(Some(failure)) => Err(failure),
    };
    if let Some(link) = link {
        link.close().await;
    }
    result
}

/// Without its store dev does not start, unless it is told to.
fn offline_hint(failure: Failure) -> Failure {
    failure.hint_if_none(|| Some(OFFLINE.to_owned()))
}

const OFFLINE: &str = "to go on with the values of .env alone: strongroom dev --offline";

/// Reads values from everywhere, and refuses if a required one is missing.
async fn load(
    context: &Context,
    plan: &Plan,
    link: Option<&Link>,
) -> Result<(Layers, u64, Vec<String>), Option<Failure>> {
    let file =
        dotenv::read(&plan.root).map_err(|problem| Failure::failed(problem).hint("mend .env, or take it away"))?;
    let mut notes = file.warnings;
    let mut layers = Layers {
        epoch: 1,
        dotenv: Arc::new(Values::after(&Values::default(), file.entries)),
        shell: Arc::new(Values::after(&Values::default(), dotenv::of_shell(&context.environment))),
        ..Layers::default()
    };
    let mut epoch = 0;
    if let Some(link) = link {
        let fetched = everything(&link.client, plan, &layers).await;
        let fetched = fetched.map_err(|failure| if is_away(&failure) { away(failure) } else { failure })?;
        for what in &fetched.created {
            context.output.talk(&format!("created {what}"));
        }
        epoch = fetched.epoch;
        layers = fetched.onto(&layers);
    }
    if let Some(failure) = report::refusal(plan, &layers, (context.now)(), link.is_none()) {
        return Err(Some(failure));
    }
    notes.extend(plan.notes.iter().cloned());
    notes.extend(folder_notes(plan));
    Ok((layers, epoch, notes))
}

fn is_away(failure: &Failure) -> bool {
    failure.code() == strongroom_api::Code::Unavailable
}

fn away(failure: Failure) -> Failure {
    let own = failure.hint_text().map(str::to_owned);
    failure.hint(own.map_or_else(|| OFFLINE.to_owned(), |own| format!("{own}; {OFFLINE}")))
}

fn folder_notes(plan: &Plan) -> Vec<String> {
    let mut notes = Vec::new();
    if dotenv::is_tracked(&plan.root) {
        notes.push(".env is tracked by git and will be shared: git rm --cached .env".to_owned());
    }
    let folders = plan.apps.iter().map(|app| app.folder.as_path());
    for path in dotenv::strays(&plan.root, folders) {
        notes.push(format!("{} is not read here; only .env beside strongroom.json is", path.display()));
    }
    notes
}

/// Everything that a start has proven.
struct Ready<'a> {
    context: &'a Context,
    options: &'a Options,
    plan: Plan,
    printer: Printer,
    layers: Layers,
    epoch: u64,
    notes: Vec<String>,
}

impl Ready<'_> {
    async fn run(self, link: &mut Option<Link>, signals: Signals) -> Result<(), Failure> {
        let Self { context, options, plan, printer, layers, epoch, notes } = self;
        let deno = if plan.code.is_empty() { None } else { Some(deno(context).await?) };
        if plan.code.iter().any(|code| code.workload.runtime == Runs::Node) {
            node(context).await?;
        }
        let listener = listen::bind(options.listen.as_deref()).await?;
        let address = listener.local_addr();
        let address = address.map_err(|error| Failure::failed("the listener has no address").because(&error))?;
        let shared = Shared::new(printer.clone(), context.now, Layers::default());
        shared.set_layers(Arc::new(layers));
        printer.name_workloads(plan.names());
        introduce(context, &plan, link.as_ref(), &shared, &address.to_string());
        say_notes(&printer, &notes);

        // dropped after the folder; without one, a dev that is killed leaves the folder behind
        let mut keeper = Keeper::start().ok();
        let scratch = scratch()?;
        if let Some(keeper) = &mut keeper {
            keeper.keep_path(scratch.path());
        }
        let (written, saves) = mpsc::unbounded_channel();
        let watcher = Watcher::new(written);
        let watcher = watcher.map_err(|error| Failure::failed("files cannot be watched").because(&error))?;
        let watcher = Arc::new(watcher);
        watcher.folder(&plan.root);
        let workshop = match deno {
            None => None,
            Some(deno) => {
                let (told, reported) = mpsc::channel(1024);
                let own = vec![address.to_string()];
                let config = runtime_config((context, options), &deno, &scratch, own)?;
                let source = Arc::new(Source(Arc::downgrade(&shared)));
                let runtime = Runtime::start(config, source, told);
                let runtime = runtime.map_err(|error| Failure::failed("workers cannot be started").because(&error))?;
                shared.runtime.set(runtime).ok();
                tokio::spawn(events::show(printer.clone(), reported));
                Some(Workshop::new(Arc::clone(&shared), Arc::clone(&watcher), deno.program))
            }
        };
        let yard = Arc::new(Yard {
            shared: Arc::clone(&shared),
            inherited: Yard::inheritable(&context.environment),
            umask: link.as_ref().and_then(Link::umask),
        });
        let (heard, reports) = mpsc::channel(64);
        if let Some(link) = link.as_ref() {
            follow(Arc::clone(&link.client), plan.place.clone(), epoch, heard.clone());
        }
        let works = Works { watcher, workshop, yard };
        let session = Session::new(context, options, plan, shared, works);
        let stop = answer(listener, &session, options);
        session.run(link, Sources { heard, reports, saves, signals }, &address.to_string()).await;
        stop.send(()).ok();
        Ok(())
    }
}

/// Answers calls until told to stop.
fn answer(listener: TcpListener, session: &Session<'_>, options: &Options) -> watch::Sender<()> {
    let (stop, mut stopped) = watch::channel(());
    let calls = calls::calls(&session.shared, &session.plan.place);
    let router = dev_router(calls, request_id_start(), options.hosts.clone());
    tokio::spawn(serve(Listener::Tcp(listener), router, Edge::plain(), async move {
        // An error means that the sender is gone, which is the end as well.
        stopped.changed().await.ok();
    }));
    stop
}

/// Finds Deno. Asking it for its version takes a while.
async fn deno(context: &Context) -> Result<Deno, Failure> {
    let home = Home::locate(context).ok();
    let places = places(context, home.as_ref().map(Home::path));
    let found = tokio::task::spawn_blocking(move || locate::find(&places)).await;
    let found = found.map_err(|error| Failure::failed("Deno could not be looked for").because(&error))?;
    found.map_err(|error| Failure::failed("functions and jobs cannot run").because(&error))
}

/// Makes sure that there is a Node for what runs on it.
async fn node(context: &Context) -> Result<(), Failure> {
    let home = Home::locate(context).ok();
    let places = opening::node_places(context, home.as_ref().map(Home::path));
    let found = tokio::task::spawn_blocking(move || locate::node::find(&places)).await;
    let found = found.map_err(|error| Failure::failed("Node could not be looked for").because(&error))?;
    found.map(|_| ()).map_err(|error| Failure::failed("what is for Node cannot run").because(&error))
}

/// A private folder for workers, beside those of other programs: a server of the same data directory has its own.
fn scratch() -> Result<TempDir, Failure> {
    let made = tempfile::Builder::new().prefix("strongroom-dev-").tempdir();
    made.map_err(|error| Failure::failed("no folder for workers could be made").because(&error))
}

fn runtime_config(
    (context, options): (&Context, &Options),
    deno: &Deno,
    scratch: &TempDir,
    own: Vec<String>,
) -> Result<RuntimeConfig, Failure> {
    let home = Home::locate(context)?;
    Ok(RuntimeConfig {
        deno: deno.program.clone(),
        scratch_dir: scratch.path().join("run"),
        deno_cache_dir: home.path().join("cache"),
        pool_size: POOL_SIZE,
        idle_stop: opening::IDLE_STOP,
        replace_wait: opening::REPLACE_WAIT,
        node: opening::node_places(context, Some(home.path())),
        private_net: options.private_net,
        blocked_hosts: own,
        launcher: opening::launcher(),
    })
}

fn introduce(context: &Context, plan: &Plan, link: Option<&Link>, shared: &Shared, address: &str) {
    let (printer, layers) = (&shared.printer, shared.layers());
    let place = link.map_or("offline: .env and the shell alone", |link| link.place.as_str());
    printer.plain(&format!("project {} · namespace {} · {place}", plan.place.project, plan.place.namespace));
    printer.plain("");
    let mut rows: Vec<Row<'_>> = Vec::new();
    for code in &plan.code {
        let id = &code.id;
        let (kind, what) = match (id.kind, &code.schedule) {
            (WorkloadKind::Function, _) => {
                ("function", format!("http://{address}/fn/{}/{}/{}", id.project, id.namespace, id.name))
            }
            (WorkloadKind::Job, None) => ("job", format!("POST http://{address}/jobs/{}", id.name)),
            (WorkloadKind::Job, Some(schedule)) => {
                ("job", format!("POST http://{address}/jobs/{}  (schedule {})", id.name, schedule.as_str()))
            }
        };
        rows.push(Row { name: &id.name, kind, what, wants: Some(&code.wants) });
    }
    for app in &plan.apps {
        let folder = app.folder.strip_prefix(&plan.root).unwrap_or(&app.folder);
        let within = if folder.as_os_str().is_empty() { String::new() } else { format!("  (in {})", folder.display()) };
        let what = format!("{}{within}", app.command);
        let (kind, wants) = match &app.kind {
            AppKind::Backend(wants) => ("app", Some(wants)),
            AppKind::FrontEnd => ("front end", None),
        };
        rows.push(Row { name: &app.name, kind, what, wants });
    }
    report::rows(printer, &rows, &layers, (context.now)());
    let notes = report::notes(plan, &layers, (context.now)());
    if !notes.is_empty() {
        printer.plain("");
        for note in notes {
            printer.plain(&format!("! {note}"));
        }
    }
    printer.plain("");
}

fn say_notes(printer: &Printer, notes: &[String]) {
    for note in notes {
        printer.say(From::Own, Tone::Warn, note);
    }
}
