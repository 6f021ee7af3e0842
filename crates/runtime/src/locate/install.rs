//! Installs the pinned Deno through a package client that is already on the machine.

use std::io::{self, Read};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use aws_lc_rs::digest::{Context, SHA256};

use super::{Deno, LocateError, PINNED_VERSION, look_at, program_in};

/// SHA-256 of the pinned program, by operating system and processor as Rust names them.
const PINNED: [(&str, &str, &str); 4] = [
    ("linux", "x86_64", "368bca08999e02c6911b8f248167b582276b1f547db5712b6e736d7eda1dbda7"),
    ("linux", "aarch64", "b484f780e5149ca05c673f1f79f7fb466f12a2295933bdad917af4a8a5c020e8"),
    ("macos", "x86_64", "5d206ba69742549cc161db06e86f1d93c5622e1dbc8ba9d15a618e538fbc92f4"),
    ("macos", "aarch64", "d1e99265e5e6ee096c5780d88ff7d3e6cfdf33b1953a118b4889cab8ca6980ba"),
];

/// Why Deno was not installed.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    /// Nothing is pinned for this machine.
    #[error("Deno {PINNED_VERSION} is not pinned for {os} on {arch}; install it by hand and set STRONGROOM_DENO")]
    Unsupported {
        /// Operating system.
        os: &'static str,
        /// Processor.
        arch: &'static str,
    },
    /// No package client brought it.
    #[error(
        "neither pip nor npm could bring Deno {PINNED_VERSION}; install it by hand and set STRONGROOM_DENO:\n{said}"
    )]
    NoClient {
        /// What they said.
        said: String,
    },
    /// What came is not what was pinned.
    #[error("the program that came is not the pinned one (SHA-256 {actual}); nothing was installed")]
    WrongSum {
        /// The sum of what came.
        actual: String,
    },
    /// A file could not be made.
    #[error("could not write to {path}")]
    Io {
        /// Where.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It does not run.
    #[error("the installed program does not run")]
    Unusable(#[source] LocateError),
}

/// Brings the pinned version into the data directory `home`, with `pip` or else `npm`, checks it and puts it where
/// [`super::find`] looks. Blocks, and uses the network.
pub fn install(home: &Path) -> Result<Deno, InstallError> {
    let (os, arch) = (std::env::consts::OS, std::env::consts::ARCH);
    let pinned = PINNED.iter().find(|(for_os, for_arch, _)| (*for_os, *for_arch) == (os, arch));
    let Some((_, _, sum)) = pinned else { return Err(InstallError::Unsupported { os, arch }) };
    let target = program_in(home);
    let dir = target.parent().unwrap_or(home).to_path_buf();
    let io = |source| InstallError::Io { path: dir.clone(), source };
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&dir).map_err(io)?;
    let work = tempfile::tempdir_in(&dir).map_err(io)?;
    let program = fetch(work.path())?;
    let actual = sha256(&program).map_err(io)?;
    if actual != *sum {
        return Err(InstallError::WrongSum { actual });
    }
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o700)).map_err(io)?;
    std::fs::rename(&program, &target).map_err(io)?;
    look_at(&target).map_err(InstallError::Unusable)
}

fn fetch(work: &Path) -> Result<PathBuf, InstallError> {
    let place = work.display().to_string();
    let pip_package = format!("deno=={PINNED_VERSION}");
    let npm_package = format!("deno@{PINNED_VERSION}");
    let pip = ["-m", "pip", "install", "--quiet", "--no-deps", "--only-binary=:all:", "--target", &place, &pip_package];
    let npm = ["install", "--silent", "--ignore-scripts", "--no-save", "--prefix", &place, &npm_package];
    let mut said = String::new();
    for (client, args) in [("python3", pip.as_slice()), ("npm", npm.as_slice())] {
        match Command::new(client).args(args).stdin(Stdio::null()).output() {
            Ok(output) if output.status.success() => {
                if let Some(program) = program_below(work) {
                    return Ok(program);
                }
            }
            Ok(output) => said.push_str(&String::from_utf8_lossy(&output.stderr)),
            Err(error) => said.extend([client, ": ", &error.to_string(), "\n"]),
        }
    }
    Err(InstallError::NoClient { said: said.trim().to_owned() })
}

// pip puts it into bin/, npm into the package of the platform.
fn program_below(work: &Path) -> Option<PathBuf> {
    let packages = std::fs::read_dir(work.join("node_modules/@deno")).ok();
    let in_packages = packages.into_iter().flatten().filter_map(Result::ok).map(|package| package.path().join("deno"));
    [work.join("bin/deno")].into_iter().chain(in_packages).find(|path| path.is_file())
}

fn sha256(path: &Path) -> io::Result<String> {
    let mut file = std::fs::File::open(path)?;
    let mut context = Context::new(&SHA256);
    let mut chunk = vec![0; 1 << 20];
    loop {
        let size = file.read(&mut chunk)?;
        if size == 0 {
            return Ok(hex::encode(context.finish()));
        }
        context.update(chunk.get(..size).unwrap_or_default());
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn the_sum_of_a_file_is_its_sha_256() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("abc"), "abc").unwrap();
        // FIPS 180-2, appendix B.1
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(sha256(&dir.path().join("abc")).unwrap(), expected);
    }
}
