//! Finds the Deno and Node programs, and installs them where they are wanted.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

mod install;
pub mod node;

pub use install::{InstallError, install, install_node};

/// The version that [`install`] brings.
pub const PINNED_VERSION: &str = "2.9.8";

/// The oldest version that the boot script was written for.
const OLDEST: (u32, u32) = (2, 9);

/// A Deno program that can be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deno {
    /// The program itself, never a wrapper script.
    pub program: PathBuf,
    /// Its version, such as `2.9.8`.
    pub version: String,
}

/// Why no Deno can be used.
#[derive(Debug, thiserror::Error)]
pub enum LocateError {
    /// Nothing was found anywhere.
    #[error("Deno was not found; install it with: strongroom runtime install")]
    Missing,
    /// The named program does not run.
    #[error("{path} is not a Deno program; install one with: strongroom runtime install")]
    NotDeno {
        /// Which program.
        path: PathBuf,
    },
    /// It is too old.
    #[error("{path} is Deno {version}, at least 2.9 is needed; install it with: strongroom runtime install")]
    TooOld {
        /// Which program.
        path: PathBuf,
        /// Its version.
        version: String,
    },
}

/// Where to look, in this order. The caller reads the environment.
#[derive(Debug, Clone, Default)]
pub struct Places {
    /// `STRONGROOM_DENO` or `STRONGROOM_NODE`. If it is given, nothing else is tried.
    pub named: Option<PathBuf>,
    /// The data directory: `runtime/deno` or `runtime/node` in it.
    pub home: Option<PathBuf>,
    /// The `PATH` to search.
    pub path: Option<std::ffi::OsString>,
}

/// The first usable Deno of these places.
pub fn find(places: &Places) -> Result<Deno, LocateError> {
    if let Some(named) = &places.named {
        return look_at(named);
    }
    let installed = places.home.iter().map(|home| program_in(home)).find(|path| path.is_file());
    if let Some(installed) = installed {
        return look_at(&installed);
    }
    let on_path = places.path.iter().flat_map(|path| std::env::split_paths(path)).map(|dir| dir.join("deno"));
    match on_path.into_iter().find(|path| path.is_file()) {
        Some(path) => look_at(&path),
        None => Err(LocateError::Missing),
    }
}

/// Where [`install`] puts the program in a data directory.
pub fn program_in(home: &Path) -> PathBuf {
    home.join("runtime").join("deno")
}

// Asks the program itself for its version and its path: what stands on PATH may be a wrapper.
fn look_at(path: &Path) -> Result<Deno, LocateError> {
    let not_deno = || LocateError::NotDeno { path: path.to_path_buf() };
    let script = "console.log(Deno.version.deno + '\\n' + Deno.execPath())";
    let asked = Command::new(path)
        .args([OsStr::new("eval"), OsStr::new("--no-config"), OsStr::new(script)])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output();
    let output = asked.ok().filter(|output| output.status.success()).ok_or_else(not_deno)?;
    let text = String::from_utf8(output.stdout).map_err(|_| not_deno())?;
    let (version, program) = text.trim_end().split_once('\n').ok_or_else(not_deno)?;
    let deno = Deno { program: PathBuf::from(program), version: version.to_owned() };
    if is_new_enough(&deno.version) {
        Ok(deno)
    } else {
        Err(LocateError::TooOld { path: deno.program, version: deno.version })
    }
}

fn is_new_enough(version: &str) -> bool {
    let mut parts = version.split('.').map(str::parse::<u32>);
    let (Some(Ok(major)), Some(Ok(minor))) = (parts.next(), parts.next()) else { return false };
    (major, minor) >= OLDEST
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        for (version, enough) in [("2.9.0", true), ("2.10.1", true), ("3.0.0", true), ("2.8.9", false), ("two", false)]
        {
            assert_eq!(is_new_enough(version), enough, "{version}");
        }
    }

    #[test]
    fn what_is_missing_or_no_deno_says_what_to_do() {
        let missing = find(&Places::default()).unwrap_err().to_string();
        assert!(missing.ends_with("strongroom runtime install"), "{missing}");
        let named = Places { named: Some(PathBuf::from("/bin/true")), ..Places::default() };
        assert!(matches!(find(&named), Err(LocateError::NotDeno { .. })));
    }
}
