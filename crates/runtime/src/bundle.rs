//! Makes one ES module of a TypeScript or JavaScript entry and everything that it imports, on the developer's machine,
//! with `deno bundle`. `@strongroom/functions` is mapped to the copy in this program.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::Deserialize;
use serde_json::{Map, Value};

/// Largest bundle, in bytes.
pub const MAX_BUNDLE_BYTES: u64 = 50 * 1024 * 1024;

const PACKAGE: &str = "@strongroom/functions";
const PACKAGE_SOURCE: &str = include_str!("../../../sdk/mod.js");
const CONFIG_NAMES: [&str; 2] = ["deno.json", "deno.jsonc"];

/// A program in one file.
#[derive(Debug, Clone)]
pub struct Bundle {
    /// The ES module.
    pub code: Vec<u8>,
    /// The developer's own files that went into it: no packages.
    pub inputs: Vec<PathBuf>,
}

/// Why there is no bundle.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// The entry is no file.
    #[error("{path} is not a file")]
    NoEntry {
        /// Which entry.
        path: PathBuf,
    },
    /// An environment file is imported.
    #[error("{path} is an environment file, which never goes into a bundle; use strongroom secrets set --env-file")]
    EnvironmentFile {
        /// Which file.
        path: PathBuf,
    },
    /// A configuration file cannot be understood.
    #[error("{path} is not valid JSON")]
    Config {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// The bundler refused the code. Its own words follow.
    #[error("{entry} could not be bundled:\n{reason}")]
    Refused {
        /// Which entry.
        entry: PathBuf,
        /// What the bundler said.
        reason: String,
    },
    /// The result is too large.
    #[error("the bundle is {actual_bytes} bytes large; {MAX_BUNDLE_BYTES} are accepted")]
    TooLarge {
        /// Its size.
        actual_bytes: u64,
    },
    /// A file or the bundler itself could not be used.
    #[error("could not {doing}")]
    Io {
        /// What was being done.
        doing: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
}

/// Bundles `entry` with this Deno. Blocks while the bundler runs; it may fetch packages.
pub fn bundle(deno: &Path, entry: &Path) -> Result<Bundle, BundleError> {
    let no_entry = |_| BundleError::NoEntry { path: entry.to_path_buf() };
    let entry = std::fs::canonicalize(entry).map_err(no_entry)?;
    if !entry.is_file() {
        return Err(BundleError::NoEntry { path: entry });
    }
    let work = tempfile::Builder::new().prefix("strongroom-bundle").tempdir().map_err(io("make a directory"))?;
    let map = work.path().join("imports.json");
    std::fs::write(work.path().join("functions.js"), PACKAGE_SOURCE).map_err(io("write the helper package"))?;
    std::fs::write(&map, import_map(&entry, work.path())?.to_string()).map_err(io("write the import map"))?;

    let graph = run(deno, &entry, [OsStr::new("info"), OsStr::new("--json")], &map)?;
    let inputs = inputs(&graph, work.path());
    if let Some(path) = inputs.iter().find(|path| is_environment_file(path)) {
        return Err(BundleError::EnvironmentFile { path: path.clone() });
    }
    let out = work.path().join("out.js");
    let platform =
        [OsStr::new("bundle"), OsStr::new("--platform"), OsStr::new("deno"), OsStr::new("-o"), out.as_os_str()];
    run(deno, &entry, platform, &map)?;
    let actual_bytes = std::fs::metadata(&out).map_err(io("read the bundle"))?.len();
    if actual_bytes > MAX_BUNDLE_BYTES {
        return Err(BundleError::TooLarge { actual_bytes });
    }
    let code = std::fs::read(&out).map_err(io("read the bundle"))?;
    Ok(Bundle { code: without_folder(code, work.path()), inputs })
}

/// The bundle without the name of the folder it was made in, which stands in a comment above our package: the same
/// sources must make the same bytes, or every deploy would look like a change.
fn without_folder(code: Vec<u8>, work: &Path) -> Vec<u8> {
    let Some(end) = work.file_name().and_then(OsStr::to_str).map(|folder| format!("{folder}/functions.js")) else {
        return code;
    };
    let mut clean = Vec::with_capacity(code.len());
    for line in code.split_inclusive(|byte| *byte == b'\n') {
        let is_ours = line.starts_with(b"// ") && line.trim_ascii_end().ends_with(end.as_bytes());
        clean.extend_from_slice(if is_ours { b"// @strongroom/functions\n" } else { line });
    }
    clean
}

fn run<'a>(
    deno: &Path,
    entry: &Path,
    arguments: impl IntoIterator<Item = &'a OsStr>,
    map: &Path,
) -> Result<Vec<u8>, BundleError> {
    let mut option = std::ffi::OsString::from("--import-map=");
    option.push(map);
    let output = Command::new(deno)
        .args(arguments)
        .args([OsStr::new("--quiet"), OsStr::new("--no-lock"), &option, entry.as_os_str()])
        .current_dir(entry.parent().unwrap_or(Path::new("/")))
        .env("NO_COLOR", "1")
        .env("RUST_BACKTRACE", "0")
        .env("DENO_NO_UPDATE_CHECK", "1")
        .stdin(Stdio::null())
        .output()
        .map_err(io("run Deno"))?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let reason = String::from_utf8_lossy(&output.stderr).replace("error: bundling failed", "");
    Err(BundleError::Refused { entry: entry.to_path_buf(), reason: reason.trim().to_owned() })
}

/// The project's own imports, with ours added; relative targets become absolute, since the map lies elsewhere.
fn import_map(entry: &Path, work: &Path) -> Result<Value, BundleError> {
    let mut imports = Map::new();
    let mut scopes = Value::Object(Map::new());
    if let Some(config) = nearest_config(entry) {
        let text = std::fs::read_to_string(&config).map_err(io("read the project's Deno configuration"))?;
        let parsed = serde_json::from_str(&without_comments(&text));
        let json: Value = parsed.map_err(|source| BundleError::Config { path: config.clone(), source })?;
        let base = config.parent().unwrap_or(Path::new("/"));
        for (name, target) in json.get("imports").and_then(Value::as_object).into_iter().flatten() {
            imports.insert(name.clone(), absolute(target, base));
        }
        if let Some(own) = json.get("scopes") {
            scopes = own.clone();
        }
    }
    let ours = format!("file://{}", work.join("functions.js").display());
    // also where the project maps it elsewhere, for its editor: what is bundled must fit this program
    imports.insert(PACKAGE.to_owned(), Value::String(ours));
    Ok(serde_json::json!({ "imports": imports, "scopes": scopes }))
}

fn nearest_config(entry: &Path) -> Option<PathBuf> {
    let candidates = entry.ancestors().skip(1).flat_map(|dir| CONFIG_NAMES.map(|name| dir.join(name)));
    candidates.into_iter().find(|path| path.is_file())
}

fn absolute(target: &Value, base: &Path) -> Value {
    match target.as_str() {
        Some(text) if text.starts_with("./") || text.starts_with("../") => {
            Value::String(format!("file://{}", base.join(text).display()))
        }
        _ => target.clone(),
    }
}

/// JSON with comments and trailing commas, made plain JSON.
fn without_comments(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    let mut in_string = false;
    while let Some(each) = chars.next() {
        match (in_string, each) {
            (true, '\\') => {
                plain.push(each);
                plain.extend(chars.next());
            }
            (_, '"') => {
                in_string = !in_string;
                plain.push(each);
            }
            (false, '/') if chars.peek() == Some(&'/') => while chars.next_if(|next| *next != '\n').is_some() {},
            (false, '/') if chars.peek() == Some(&'*') => {
                let mut last = ' ';
                for next in chars.by_ref().skip(1) {
                    if last == '*' && next == '/' {
                        break;
                    }
                    last = next;
                }
            }
            (false, '}' | ']') => {
                let kept = plain.trim_end();
                let kept = kept.strip_suffix(',').unwrap_or(kept).len();
                plain.truncate(kept);
                plain.push(each);
            }
            _ => plain.push(each),
        }
    }
    plain
}

#[derive(Deserialize)]
struct Graph {
    #[serde(default)]
    modules: Vec<Module>,
}

#[derive(Deserialize)]
struct Module {
    #[serde(default)]
    specifier: String,
    local: Option<PathBuf>,
}

fn inputs(graph: &[u8], work: &Path) -> Vec<PathBuf> {
    let graph: Graph = serde_json::from_slice(graph).unwrap_or(Graph { modules: Vec::new() });
    let own = graph.modules.into_iter().filter(|module| module.specifier.starts_with("file:"));
    own.filter_map(|module| module.local).filter(|path| !path.starts_with(work)).collect()
}

fn is_environment_file(path: &Path) -> bool {
    path.file_name().and_then(OsStr::to_str).is_some_and(|name| name == ".env" || name.starts_with(".env."))
}

fn io(doing: &'static str) -> impl Fn(std::io::Error) -> BundleError {
    move |source| BundleError::Io { doing, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_trailing_commas_go_and_strings_stay() {
        let text = "{ // one\n \"a\": \"x // y /* z */ \\\" ,}\", /* two */ \"b\": [1, 2, ], }";
        let json: Result<Value, _> = serde_json::from_str(&without_comments(text));
        assert_eq!(json.ok(), Some(serde_json::json!({"a": "x // y /* z */ \" ,}", "b": [1, 2]})));
    }

    #[test]
    fn environment_files_are_known_by_their_name() {
        for (name, is) in [(".env", true), (".env.production", true), ("a.env.ts", false), ("environment", false)] {
            assert_eq!(is_environment_file(&Path::new("/p").join(name)), is, "{name}");
        }
    }
}
