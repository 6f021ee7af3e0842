//! Every key of the file: what it may hold, and what it is for. Reading and the JSON Schema both follow this table.

use strongroom_model::name::SecretName;
use strongroom_model::schedule::Schedule;
use strongroom_model::{AppId, NamespaceName, ProjectName, WorkloadName};

use crate::units;

/// An object with known keys.
#[derive(Debug)]
pub(crate) struct Object {
    /// What it describes.
    pub(crate) what: &'static str,
    /// Its keys, in the order in which people read them.
    pub(crate) keys: &'static [Key],
}

/// One key.
#[derive(Debug)]
pub(crate) struct Key {
    /// Its name.
    pub(crate) name: &'static str,
    /// What it holds.
    pub(crate) shape: Shape,
    /// Whether it may not be left out.
    pub(crate) is_required: bool,
    /// What it is for.
    pub(crate) about: &'static str,
}

/// What a key holds.
#[derive(Debug)]
pub(crate) enum Shape {
    /// A text that passes a check.
    Text(Text),
    /// One of these words.
    Words(&'static [&'static str]),
    /// A whole number, both bounds accepted.
    Whole(u64, u64),
    /// True or false.
    Flag,
    /// Any number of the same.
    List(&'static Shape),
    /// Names of variables with their texts.
    Variables,
    /// A short form, or an object.
    TextOr(Text, &'static Object),
    /// An object.
    Object(&'static Object),
}

/// A text that passes a check.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Text {
    /// Says what is wrong, without the text.
    pub(crate) check: fn(&str) -> Result<(), String>,
    /// The same for editors, as far as a regular expression says it.
    pub(crate) pattern: Option<&'static str>,
    /// What one looks like.
    pub(crate) example: &'static str,
}

const SLUG: &str = "^[a-z0-9][a-z0-9_-]{0,62}$";
const VARIABLE: &str = "^[A-Za-z_][A-Za-z0-9_]{0,255}$";

const fn text(check: fn(&str) -> Result<(), String>, pattern: Option<&'static str>, example: &'static str) -> Text {
    Text { check, pattern, example }
}

const fn optional(name: &'static str, shape: Shape, about: &'static str) -> Key {
    Key { name, shape, is_required: false, about }
}

const fn required(name: &'static str, shape: Shape, about: &'static str) -> Key {
    Key { name, shape, is_required: true, about }
}

fn parses<T: std::str::FromStr<Err: std::fmt::Display>>(text: &str) -> Result<(), String> {
    text.parse::<T>().map(|_| ()).map_err(|error| error.to_string())
}

/// Any text that an environment can carry.
pub(crate) fn any(text: &str) -> Result<(), String> {
    if text.contains('\0') { Err("no environment can carry a NUL character".to_owned()) } else { Ok(()) }
}

fn not_empty(text: &str) -> Result<(), String> {
    if text.trim().is_empty() { Err("this is empty".to_owned()) } else { Ok(()) }
}

/// The name of a variable that is no secret: a legal name of a secret is one.
pub(crate) fn variable(text: &str) -> Result<(), String> {
    parses::<SecretName>(text).map_err(|error| error.replace("a secret's name", "a variable's name"))
}

fn prefix(text: &str) -> Result<(), String> {
    let wrong = "a prefix is the beginning of a variable's name, such as \"FLUXBASE_SECRET_\", and not STRONGROOM_";
    parses::<SecretName>(text).map_err(|_| wrong.to_owned())
}

fn secret(text: &str) -> Result<(), String> {
    crate::secret_ref(text).map(|_| ()).map_err(|error| error.to_string())
}

const NAME: Shape = Shape::Text(text(parses::<WorkloadName>, Some(SLUG), "call-openai"));
const FILE: Shape = Shape::Text(text(not_empty, Some("\\S"), "functions/hello.ts"));
const SECRET_NAME: Shape = Shape::Text(text(parses::<SecretName>, Some(VARIABLE), "OPENAI_API_KEY"));
const TIME: Shape = Shape::Text(text(|text| units::time_ms(text).map(|_| ()), Some("^[0-9]"), "30s"));
const MEMORY: Shape =
    Shape::Text(text(|text| units::memory_bytes(text).map(|_| ()), Some("^[0-9]+ *(GiB|GB|MiB|MB)$"), "256MB"));
const PREFIXES: Shape = Shape::List(&Shape::Text(text(prefix, Some(VARIABLE), "FLUXBASE_SECRET_")));
const HOSTS: Shape = Shape::List(&Shape::Text(text(not_empty, Some("\\S"), "api.openai.com")));
const RUNTIME: Shape = Shape::Words(&["deno", "node"]);
const ON_CHANGE: Shape = Shape::Words(&["recycle", "live"]);
const SECRETS: Shape = Shape::List(&Shape::TextOr(text(secret, None, "OPENAI_API_KEY"), &SECRET));

/// The file.
pub(crate) static PROJECT: Object = Object {
    what: "strongroom.json",
    keys: &[
        optional(
            "$schema",
            Shape::Text(text(any, None, "./strongroom.schema.json")),
            "Where editors find this schema; not read",
        ),
        optional(
            "project",
            Shape::Text(text(parses::<ProjectName>, Some(SLUG), "shop")),
            "The project; `default` if absent",
        ),
        optional(
            "namespace",
            Shape::Text(text(parses::<NamespaceName>, Some(SLUG), "development")),
            "Where functions, jobs and apps deploy, run and resolve; `default` if absent",
        ),
        optional(
            "server",
            Shape::Text(text(not_empty, Some("\\S"), "https://secrets.example.com")),
            "The server's address; the local store if absent",
        ),
        optional(
            "env_prefix",
            PREFIXES,
            "Further prefixes under which every function and job finds its secrets in the environment, besides `STRONGROOM_SECRET_`",
        ),
        optional("functions", Shape::List(&Shape::Object(&FUNCTION)), "HTTP handlers"),
        optional("jobs", Shape::List(&Shape::Object(&JOB)), "Background handlers: queued, scheduled, retried"),
        optional("apps", Shape::List(&Shape::Object(&APP)), "Backends and front ends that run elsewhere"),
    ],
};

/// A function.
pub(crate) static FUNCTION: Object = Object {
    what: "a function",
    keys: &[
        required("name", NAME, "Its name: a-z, 0-9, - and _"),
        required("entry", FILE, "Its source file, from the folder of strongroom.json"),
        optional("runtime", RUNTIME, "What runs it; `deno` if absent"),
        optional(
            "auth",
            Shape::Words(&["token", "user", "public"]),
            "Who may call it: a token with functions:invoke (the default), an end user, or anyone",
        ),
        optional("secrets", SECRETS, "The secrets it gets; everything that resolves if absent"),
        optional(
            "user_secrets",
            Shape::Words(&["write"]),
            "`write` lets it set and delete the secrets of the end user whom it runs for; it only reads them if absent",
        ),
        optional("env", Shape::Variables, "Variables that are no secrets"),
        optional("env_prefix", PREFIXES, "Further prefixes of this function"),
        optional("allow_net", HOSTS, "The only hosts that it may reach; the public internet if absent"),
        optional("timeout", TIME, "How long it may take to answer, 1ms to 15m; 30s if absent"),
        optional("memory", MEMORY, "How much memory it may use, 32MB to 16GB; 256MB if absent"),
        optional("concurrency", Shape::Whole(1, 10_000), "Requests at once; 64 if absent"),
        optional(
            "on_change",
            ON_CHANGE,
            "After a change of what it reads through helpers: `recycle` replaces its process in the background (the default), `live` keeps it",
        ),
    ],
};

/// A job.
pub(crate) static JOB: Object = Object {
    what: "a job",
    keys: &[
        required("name", NAME, "Its name: a-z, 0-9, - and _"),
        required("entry", FILE, "Its source file, from the folder of strongroom.json"),
        optional("runtime", RUNTIME, "What runs it; `deno` if absent"),
        optional(
            "schedule",
            Shape::Text(text(parses::<Schedule>, None, "0 3 * * *")),
            "When it runs by itself: a cron expression in UTC; never if absent",
        ),
        optional(
            "overlap",
            Shape::Words(&["skip", "queue", "allow"]),
            "When an earlier scheduled run is still queued or running: `skip` lets the slot pass (the default), `queue` waits for it, `allow` runs both",
        ),
        optional(
            "missed",
            Shape::Words(&["skip", "once", "all"]),
            "For slots that passed while no server was running: `skip` none, `once` one run for the latest (the default), `all` one run each",
        ),
        optional("retries", Shape::Whole(0, 100), "Further attempts after a failed one; 3 if absent"),
        optional(
            "backoff",
            TIME,
            "The pause before the first retry, doubled for each further one, 1ms to 1d; 10s if absent",
        ),
        optional("max_backoff", TIME, "The longest pause, at most 1d; 1h if absent"),
        optional("timeout", TIME, "How long one attempt may take, 1ms to 1d; 15m if absent"),
        optional("memory", MEMORY, "How much memory it may use, 32MB to 16GB; 256MB if absent"),
        optional("concurrency", Shape::Whole(1, 1_000), "Runs of this job at once; 4 if absent"),
        optional("secrets", SECRETS, "The secrets it gets; everything that resolves if absent"),
        optional("env", Shape::Variables, "Variables that are no secrets"),
        optional("env_prefix", PREFIXES, "Further prefixes of this job"),
        optional("allow_net", HOSTS, "The only hosts that it may reach; the public internet if absent"),
        optional(
            "on_change",
            ON_CHANGE,
            "After a change of what it reads through helpers: `recycle` replaces its process in the background (the default), `live` keeps it",
        ),
    ],
};

/// An app.
pub(crate) static APP: Object = Object {
    what: "an app",
    keys: &[
        required("id", Shape::Text(text(parses::<AppId>, Some(SLUG), "web")), "Its id, as in `--app ID`"),
        optional("name", Shape::Text(text(not_empty, Some("\\S"), "api")), "A name for people"),
        optional("path", FILE_OF_APP, "The folder it lives in, from the folder of strongroom.json"),
        optional(
            "command",
            Shape::Text(text(not_empty, Some("\\S"), "node src/index.js")),
            "What starts it: a line for the shell, run in `path`",
        ),
        optional("secrets", SECRETS, "The secrets it gets; everything that resolves if absent"),
        optional("frontend", Shape::Flag, "Whether its code runs in browsers; such an app gets no secrets"),
    ],
};

const FILE_OF_APP: Shape = Shape::Text(text(not_empty, Some("\\S"), "backend"));

static SECRET: Object = Object {
    what: "an entry of secrets",
    keys: &[
        required("name", SECRET_NAME, "The stored name"),
        optional("as", SECRET_NAME, "The name that the code sees; the stored one if absent"),
        optional(
            "required",
            Shape::Flag,
            "Whether the deploy stops when it has no value; true unless there is a default",
        ),
        optional(
            "default",
            Shape::Text(text(any, None, "us-east-1")),
            "Used when it is not set or has no value yet; not a secret",
        ),
        optional(
            "via",
            Shape::Words(&["env", "helper"]),
            "`env` if the code reads it from the environment in a way that the code does not show",
        ),
        optional(
            "user",
            Shape::Words(&["override"]),
            "`override` if an end user's own value of that name wins in what runs for him; through helpers alone",
        ),
    ],
};
