//! Which program the tests run.

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use rustix::fs::{FlockOperation, flock};

/// A variable of this test's environment; the one place that reads it.
#[expect(clippy::disallowed_methods, reason = "the harness reads the environment in this one place")]
pub fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

/// The repository.
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// The `strongroom` program: `STRONGROOM_BIN`, else the one beside this test's own folder, built now if this run of the
/// tests has not built it yet.
pub fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| match variable("STRONGROOM_BIN") {
        Some(named) => repository().join(named),
        None => built(),
    })
}

/// The search path for the server and for commands: the repository's own tools first (Deno is one), then the caller's.
pub fn search_path() -> OsString {
    let mut path = repository().join(".strongroom-tools/bin").into_os_string();
    if let Some(inherited) = variable("PATH") {
        path.push(":");
        path.push(inherited);
    }
    path
}

/// What bundling needs of this machine: where packages are cached already, and how the network is reached.
pub fn network() -> Vec<(String, OsString)> {
    const NAMES: [&str; 12] = [
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
        "NODE_EXTRA_CA_CERTS",
        "DENO_TLS_CA_STORE",
        "DENO_CERT",
        "NPM_CONFIG_REGISTRY",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "NO_PROXY",
        "http_proxy",
        "https_proxy",
        "no_proxy",
    ];
    let inherited = NAMES.iter().filter_map(|name| Some(((*name).to_owned(), variable(name)?)));
    let home = variable("HOME").map(|home| PathBuf::from(home).join(".cache/deno").into_os_string());
    let cache = variable("DENO_DIR").or(home).map(|folder| ("DENO_DIR".to_owned(), folder));
    inherited.chain(cache).collect()
}

/// The person's own settings of the npm client, which may name another registry.
pub fn npm_settings() -> Option<PathBuf> {
    variable("HOME").map(|home| PathBuf::from(home).join(".npmrc")).filter(|path| path.is_file())
}

/// The folder that holds the programs of this build, such as `target/debug`.
fn profile_folder() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let folder = test.parent().unwrap();
    if folder.ends_with("deps") { folder.parent().unwrap().to_path_buf() } else { folder.to_path_buf() }
}

/// Builds once a run. Tests are processes of their own, so the run's id stands in a file that they lock.
fn built() -> PathBuf {
    let folder = profile_folder();
    let mut stamp = open_stamp(&folder.join("strongroom-e2e.run"));
    flock(&stamp, FlockOperation::LockExclusive).unwrap();
    let mut done = String::new();
    stamp.read_to_string(&mut done).unwrap();
    let program = folder.join("strongroom");
    let run = run_id();
    if done != run || !program.is_file() {
        build(&folder);
        stamp.set_len(0).unwrap();
        stamp.rewind().unwrap();
        stamp.write_all(run.as_bytes()).unwrap();
    }
    program
}

fn open_stamp(path: &Path) -> File {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path).unwrap()
}

fn run_id() -> String {
    match variable("NEXTEST_RUN_ID") {
        Some(id) => id.to_string_lossy().into_owned(),
        None => format!("parent {:?}", rustix::process::getppid()),
    }
}

fn build(folder: &Path) {
    let cargo = variable("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.current_dir(repository()).args(["build", "--quiet", "--locked", "--package", "strongroom"]);
    if folder.ends_with("release") {
        command.arg("--release");
    }
    let status = command.status().unwrap();
    assert!(status.success(), "the program could not be built");
}
