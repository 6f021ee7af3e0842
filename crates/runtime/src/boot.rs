//! The JavaScript side, written to disk at start so that Deno and Node can load it. What differs between the two is in
//! `platform.js`; everything else is the same.

use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use crate::spec::Engine;

const SHARED: [(&str, &str); 10] = [
    ("boot.js", include_str!("js/boot.js")),
    ("environment.js", include_str!("js/environment.js")),
    ("frames.js", include_str!("js/frames.js")),
    ("handlers.js", include_str!("js/handlers.js")),
    ("jobs.js", include_str!("js/jobs.js")),
    ("reads.js", include_str!("js/reads.js")),
    ("secrets.js", include_str!("js/secrets.js")),
    ("snapshot.js", include_str!("js/snapshot.js")),
    ("state.js", include_str!("js/state.js")),
    ("user.js", include_str!("js/user.js")),
];
const DENO: [(&str, &str); 1] = [("platform.js", include_str!("js/deno/platform.js"))];
const NODE: [(&str, &str); 4] = [
    ("platform.js", include_str!("js/node/platform.js")),
    ("connect.js", include_str!("js/node/connect.js")),
    ("http.js", include_str!("js/node/http.js")),
    ("package.json", "{\"type\":\"module\"}"),
];

/// Where the boot scripts lie.
pub(crate) struct Boot(PathBuf);

impl Boot {
    /// Writes the files into `dir`, which belongs to this runtime alone.
    pub(crate) fn write(dir: &Path) -> io::Result<Self> {
        for (name, own) in [("deno", DENO.as_slice()), ("node", NODE.as_slice())] {
            let dir = dir.join(name);
            std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&dir)?;
            for (name, text) in SHARED.iter().chain(own) {
                std::fs::write(dir.join(name), text)?;
            }
        }
        Ok(Self(dir.to_path_buf()))
    }

    /// The first script to run.
    pub(crate) fn of(&self, engine: Engine) -> PathBuf {
        let dir = match engine {
            Engine::Deno => "deno",
            Engine::Node => "node",
        };
        self.0.join(dir).join("boot.js")
    }
}
