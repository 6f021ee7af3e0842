//! Finds a Node that has what the sandbox needs.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::Places;

/// The version that [`super::install_node`] brings.
pub const PINNED_NODE_VERSION: &str = "24.19.0";

/// The oldest version whose permission model is not experimental; 23 has it from 23.5 on.
const OLDEST: (u32, u32) = (22, 13);
const OLDEST_23: (u32, u32) = (23, 5);

/// A Node program that can be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// The program itself, never a wrapper script.
    pub program: PathBuf,
    /// Its version, such as `24.19.0`.
    pub version: String,
    /// The first part of its version.
    pub major: u32,
}

/// Why no Node can be used.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// Nothing was found anywhere.
    #[error("Node was not found; install it with: strongroom runtime install node")]
    Missing,
    /// The named program does not run.
    #[error("{path} is not a Node program; install one with: strongroom runtime install node")]
    NotNode {
        /// Which program.
        path: PathBuf,
    },
    /// It lacks the permission model.
    #[error(
        "{path} is Node {version}, whose permission model is missing or experimental: 22.13 or newer is needed (of 23: 23.5); install one with: strongroom runtime install node"
    )]
    TooOld {
        /// Which program.
        path: PathBuf,
        /// Its version.
        version: String,
    },
}

/// The first usable Node of these places: what is named, or else what is installed in the data directory, or else what
/// is on the `PATH`, where a version that cannot be used is passed over if a later one can.
pub fn find(places: &Places) -> Result<Node, NodeError> {
    if let Some(named) = &places.named {
        return look_at(named);
    }
    if let Some(installed) = places.home.as_deref().map(node_in).filter(|path| path.is_file()) {
        return look_at(&installed);
    }
    let on_path = places.path.iter().flat_map(std::env::split_paths).map(|dir| dir.join("node"));
    let mut refused = NodeError::Missing;
    for path in on_path.filter(|path| path.is_file()) {
        match look_at(&path) {
            Ok(node) => return Ok(node),
            Err(error) if matches!(refused, NodeError::Missing) => refused = error,
            Err(_) => {}
        }
    }
    Err(refused)
}

/// Where [`super::install_node`] puts the program in a data directory.
pub fn node_in(home: &Path) -> PathBuf {
    home.join("runtime").join("node")
}

// Asks the program itself for its version and its path: what stands on PATH may be a wrapper.
pub(super) fn look_at(path: &Path) -> Result<Node, NodeError> {
    let not_node = || NodeError::NotNode { path: path.to_path_buf() };
    let asked = Command::new(path)
        .args(["-p", "process.versions.node + '\\n' + process.execPath"])
        .env_remove("NODE_OPTIONS")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output();
    let output = asked.ok().filter(|output| output.status.success()).ok_or_else(not_node)?;
    let text = String::from_utf8(output.stdout).map_err(|_| not_node())?;
    let (version, program) = text.trim_end().split_once('\n').ok_or_else(not_node)?;
    let (major, minor) = parts(version).ok_or_else(not_node)?;
    let program = PathBuf::from(program);
    if has_permissions(major, minor) {
        Ok(Node { program, version: version.to_owned(), major })
    } else {
        Err(NodeError::TooOld { path: program, version: version.to_owned() })
    }
}

fn parts(version: &str) -> Option<(u32, u32)> {
    let mut parts = version.split('.').map(str::parse::<u32>);
    Some((parts.next()?.ok()?, parts.next()?.ok()?))
}

fn has_permissions(major: u32, minor: u32) -> bool {
    let oldest = if major == OLDEST_23.0 { OLDEST_23 } else { OLDEST };
    (major, minor) >= oldest
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::os::unix::fs::PermissionsExt;

    use super::*;

    /// A program that answers as a Node of this version would.
    fn pretend(dir: &Path, version: &str) {
        std::fs::create_dir_all(dir).unwrap();
        let path = dir.join("node");
        std::fs::write(&path, format!("#!/bin/sh\nprintf '%s\\n%s\\n' {version} \"$0\"\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    #[test]
    fn only_versions_with_a_stable_permission_model_are_taken() {
        let taken = [(22, 13), (22, 20), (23, 5), (24, 0), (26, 10)];
        let refused = [(18, 20), (20, 20), (22, 12), (23, 4)];
        assert!(taken.iter().all(|(major, minor)| has_permissions(*major, *minor)));
        assert!(!refused.iter().any(|(major, minor)| has_permissions(*major, *minor)));
    }

    #[test]
    fn an_old_one_on_the_path_is_passed_over_or_named() {
        let dir = tempfile::tempdir().unwrap();
        let (old, new) = (dir.path().join("old"), dir.path().join("new"));
        pretend(&old, "20.20.2");
        pretend(&new, "24.1.0");
        let path = |dirs: &[&PathBuf]| Places { path: std::env::join_paths(dirs).ok(), ..Places::default() };
        assert_eq!(find(&path(&[&old, &new])).unwrap().major, 24);
        let refused = find(&path(&[&old])).unwrap_err().to_string();
        assert!(refused.contains("Node 20.20.2") && refused.ends_with("strongroom runtime install node"), "{refused}");
        assert!(find(&Places::default()).unwrap_err().to_string().ends_with("strongroom runtime install node"));
        let named = Places { named: Some(PathBuf::from("/bin/true")), ..Places::default() };
        assert!(matches!(find(&named), Err(NodeError::NotNode { .. })));
    }
}
