//! Where the root key comes from: the environment, a file, a command's output, or `root.key` in the data directory.

use std::path::Path;
use std::process::{Command, Stdio};

use strongroom_api::Code;
use strongroom_seal::{RootKey, SystemRandom};
use zeroize::Zeroizing;

use crate::context::Context;
use crate::errors::Failure;
use crate::home::{Home, create_private};

/// A key file is 44 or 64 characters and a line end; much more than that is something else.
const MAX_KEY_FILE_BYTES: u64 = 4096;

/// What is known about the store that the key is for.
pub(crate) enum Instance {
    /// There is none yet: a key may be made.
    New,
    /// It was made with the key of this fingerprint.
    MadeWith(String),
}

/// The root key, and whether it was made just now.
pub(crate) struct Provided {
    /// The key.
    pub(crate) key: RootKey,
    /// Whether this start made it.
    pub(crate) is_new: bool,
}

/// Asks the one provider that is configured. The default one makes a key, but never for a store that has one.
pub(crate) fn provide(context: &Context, home: &Home, instance: &Instance) -> Result<Provided, Failure> {
    let environment = &context.environment;
    let names = ["STRONGROOM_ROOT_KEY", "STRONGROOM_ROOT_KEY_FILE", "STRONGROOM_ROOT_KEY_COMMAND"];
    let given: Vec<_> = names.into_iter().filter(|name| environment.path(name).is_some()).collect();
    if given.len() > 1 {
        return Err(Failure::usage(format!(
            "{} are both set; the root key comes from one of them",
            given.join(" and ")
        )));
    }
    let text = if let Some(text) = environment.secret("STRONGROOM_ROOT_KEY") {
        text
    } else if let Some(path) = environment.path("STRONGROOM_ROOT_KEY_FILE") {
        read(&path, instance)?
    } else if let Some(command) = environment.text("STRONGROOM_ROOT_KEY_COMMAND") {
        output_of(command)?
    } else {
        return default_file(home, instance);
    };
    let source = given.first().copied().unwrap_or("the root key");
    parse(&text, source).map(|key| Provided { key, is_new: false })
}

fn default_file(home: &Home, instance: &Instance) -> Result<Provided, Failure> {
    let path = home.root_key();
    let mut is_new = false;
    if matches!(instance, Instance::New) && !path.exists() {
        let key = RootKey::generate(&SystemRandom);
        let text = Zeroizing::new(format!("{}\n", key.to_text().as_str()));
        let failed =
            |error: &std::io::Error| Failure::failed(format!("{} cannot be made", path.display())).because(error);
        is_new = create_private(&path, text.as_bytes()).map_err(|error| failed(&error))?;
    }
    let text = read(&path, instance)?;
    parse(&text, &path.display().to_string()).map(|key| Provided { key, is_new })
}

fn read(path: &Path, instance: &Instance) -> Result<Zeroizing<String>, Failure> {
    let wanted = match instance {
        Instance::New => String::new(),
        Instance::MadeWith(fingerprint) => format!("; the store was made with the root key {fingerprint}"),
    };
    let failed = |error: &std::io::Error| {
        Failure::failed(format!("the root key file {} cannot be read{wanted}", path.display()))
            .because(error)
            .hint("put the key file back, or name it with STRONGROOM_ROOT_KEY_FILE; without it nothing can be opened")
    };
    let length = std::fs::metadata(path).map_err(|error| failed(&error))?.len();
    if length > MAX_KEY_FILE_BYTES {
        return Err(Failure::usage(format!(
            "the root key file {} is {length} bytes long; it holds no key",
            path.display()
        )));
    }
    std::fs::read_to_string(path).map(Zeroizing::new).map_err(|error| failed(&error))
}

fn output_of(command: &str) -> Result<Zeroizing<String>, Failure> {
    let mut shell = Command::new("/bin/sh");
    shell.arg("-c").arg(command).stdin(Stdio::null()).stderr(Stdio::inherit());
    shell.env_remove("STRONGROOM_TOKEN");
    let failed = || Failure::failed("STRONGROOM_ROOT_KEY_COMMAND gave no root key");
    let output = shell.output().map_err(|error| failed().because(&error))?;
    let bytes = Zeroizing::new(output.stdout);
    if !output.status.success() {
        return Err(failed().because(&std::io::Error::other(output.status.to_string())));
    }
    let text = str::from_utf8(&bytes).map_err(|_| failed())?;
    Ok(Zeroizing::new(text.to_owned()))
}

fn parse(text: &str, source: &str) -> Result<RootKey, Failure> {
    RootKey::from_text(text)
        .map_err(|error| Failure::new(Code::Unavailable, format!("{source} does not hold a root key")).because(&error))
}
