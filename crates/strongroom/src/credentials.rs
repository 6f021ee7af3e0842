//! What `strongroom login` keeps: one credential a server, in a file of the person's own. Each goes to its server alone.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::PathBuf;

use zeroize::Zeroizing;

use crate::context::Context;
use crate::errors::Failure;
use crate::home::write_private;

/// Credentials by origin, such as `https://secrets.example.com`.
pub(crate) struct Credentials {
    path: PathBuf,
    of: BTreeMap<String, Zeroizing<String>>,
}

impl Credentials {
    /// What is kept. A file that others could read or have written is refused.
    pub(crate) fn load(context: &Context) -> Result<Self, Failure> {
        let user = context.environment.path("HOME").ok_or_else(|| Failure::usage("HOME is not set"))?;
        let folder = if cfg!(target_os = "macos") {
            user.join("Library/Application Support/strongroom")
        } else {
            let config = context.environment.path("XDG_CONFIG_HOME").filter(|path| path.is_absolute());
            config.unwrap_or_else(|| user.join(".config")).join("strongroom")
        };
        let path = folder.join("credentials.json");
        let unread = |error: &std::io::Error| {
            Failure::failed(format!("the credentials in {} cannot be read", path.display())).because(error)
        };
        let metadata = match fs::metadata(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Self { path, of: BTreeMap::new() });
            }
            other => other.map_err(|error| unread(&error))?,
        };
        if metadata.mode() & 0o077 != 0 || metadata.uid() != rustix::process::geteuid().as_raw() {
            return Err(Failure::failed(format!("{} is open to others; nothing was sent", path.display()))
                .hint(format!("chmod 600 {}", path.display())));
        }
        let text = Zeroizing::new(fs::read_to_string(&path).map_err(|error| unread(&error))?);
        let read: BTreeMap<String, String> = serde_json::from_str(&text)
            .map_err(|_| Failure::failed(format!("{} is not what login wrote; remove it", path.display())))?;
        Ok(Self { path, of: read.into_iter().map(|(origin, token)| (origin, Zeroizing::new(token))).collect() })
    }

    /// The credential of a server.
    pub(crate) fn of(&self, origin: &str) -> Option<Zeroizing<String>> {
        self.of.get(origin).cloned()
    }

    /// Keeps a credential for its server.
    pub(crate) fn keep(mut self, origin: &str, token: &str) -> Result<(), Failure> {
        self.of.insert(origin.to_owned(), Zeroizing::new(token.to_owned()));
        self.write()
    }

    /// Forgets a server's credential.
    pub(crate) fn forget(&mut self, origin: &str) -> Result<(), Failure> {
        self.of.remove(origin);
        self.write()
    }

    fn write(&self) -> Result<(), Failure> {
        let plain: BTreeMap<&str, &str> = self.of.iter().map(|(origin, token)| (&**origin, token.as_str())).collect();
        let text = Zeroizing::new(serde_json::to_string_pretty(&plain).expect("text keys and values"));
        let folder = self.path.parent().unwrap_or(&self.path);
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
        made.and_then(|()| write_private(&self.path, text.as_bytes())).map_err(|error| {
            Failure::failed(format!("the credential could not be kept in {}", self.path.display())).because(&error)
        })
    }
}
