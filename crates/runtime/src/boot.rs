//! The JavaScript side, written to disk at start so that Deno can load it.

use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

const FILES: [(&str, &str); 9] = [
    ("boot.js", include_str!("js/boot.js")),
    ("environment.js", include_str!("js/environment.js")),
    ("frames.js", include_str!("js/frames.js")),
    ("handlers.js", include_str!("js/handlers.js")),
    ("jobs.js", include_str!("js/jobs.js")),
    ("reads.js", include_str!("js/reads.js")),
    ("secrets.js", include_str!("js/secrets.js")),
    ("snapshot.js", include_str!("js/snapshot.js")),
    ("state.js", include_str!("js/state.js")),
];

/// Writes the files into `dir`, which belongs to this runtime alone; gives the path of the first one to run.
pub(crate) fn write(dir: &Path) -> io::Result<PathBuf> {
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    for (name, text) in FILES {
        std::fs::write(dir.join(name), text)?;
    }
    Ok(dir.join("boot.js"))
}
