//! The data directory: where it is, who holds it, and that nobody else can read it.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, Mode, OFlags, flock};
use strongroom_api::Code;

use crate::context::Context;
use crate::errors::Failure;

/// How long a second process waits for the first.
const LOCK_WAIT: Duration = Duration::from_secs(5);
const LOCK_STEP: Duration = Duration::from_millis(10);

/// A data directory. It may not exist yet.
#[derive(Debug, Clone)]
pub(crate) struct Home {
    path: PathBuf,
    is_named: bool,
}

/// The hold on a data directory; gone with the value, or with the process.
#[derive(Debug)]
pub(crate) struct Hold {
    _file: File,
}

/// Why a directory is not held.
pub(crate) enum Held {
    /// By this process now.
    Ours(Hold),
    /// By another; what it wrote about itself.
    Other(String),
}

impl Home {
    /// `--home`, else `STRONGROOM_HOME`, else the platform's data directory.
    pub(crate) fn locate(context: &Context) -> Result<Self, Failure> {
        let named = context.globals.home.clone().or_else(|| context.environment.path("STRONGROOM_HOME"));
        if let Some(path) = named {
            return Ok(Self { path: context.working_dir.join(path), is_named: true });
        }
        let user = context.environment.path("HOME").ok_or_else(|| {
            Failure::usage("there is no data directory: HOME is not set")
                .hint("name one with --home DIR or STRONGROOM_HOME")
        })?;
        let path = if cfg!(target_os = "macos") {
            user.join("Library/Application Support/strongroom")
        } else {
            let data = context.environment.path("XDG_DATA_HOME").filter(|path| path.is_absolute());
            data.unwrap_or_else(|| user.join(".local/share")).join("strongroom")
        };
        Ok(Self { path, is_named: false })
    }

    /// The directory.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the person named it, so that it is obvious which store is meant.
    pub(crate) fn is_named(&self) -> bool {
        self.is_named
    }

    /// The local server's socket.
    pub(crate) fn socket(&self) -> PathBuf {
        self.path.join("strongroom.sock")
    }

    /// The embedded store's database.
    pub(crate) fn database(&self) -> PathBuf {
        self.path.join("strongroom.db")
    }

    /// The default root key file.
    pub(crate) fn root_key(&self) -> PathBuf {
        self.path.join("root.key")
    }

    /// The running server's proof of ownership.
    pub(crate) fn owner_token(&self) -> PathBuf {
        self.path.join("owner.token")
    }

    /// Where the server listened last.
    pub(crate) fn last_address(&self) -> PathBuf {
        self.path.join("strongroom.address")
    }

    /// Whether a store has been made here.
    pub(crate) fn has_store(&self) -> bool {
        self.database().exists()
    }

    /// Refuses a directory that belongs to somebody else, who could have put a socket there that collects values.
    pub(crate) fn check_owner(&self) -> Result<(), Failure> {
        let owner = fs::metadata(&self.path).ok().map(|metadata| metadata.uid());
        if owner.is_none_or(|owner| owner == rustix::process::geteuid().as_raw()) {
            return Ok(());
        }
        let message = format!("the data directory {} belongs to another user", self.path.display());
        Err(Failure::new(Code::Forbidden, message)
            .hint("run the command as that user, or name a directory of your own with --home DIR"))
    }

    /// Makes the directory (0700), and from now on makes every file of this process 0600. Files that are there and
    /// looser are tightened. Gives back the umask that was in force.
    pub(crate) fn prepare(&self) -> Result<Mode, Failure> {
        self.check_owner()?;
        let before = rustix::process::umask(Mode::from_raw_mode(0o077));
        let failed = |error: &io::Error| {
            Failure::failed(format!("the data directory {} cannot be used", self.path.display()))
                .because(error)
                .hint("name another with --home DIR or STRONGROOM_HOME")
        };
        DirBuilder::new().recursive(true).mode(0o700).create(&self.path).map_err(|error| failed(&error))?;
        self.tighten().map_err(|error| failed(&error))?;
        Ok(before)
    }

    fn tighten(&self) -> io::Result<()> {
        restrict(&self.path, 0o700)?;
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            let is_ours = entry.file_name().to_str().is_some_and(|name| {
                ["strongroom.", "root.key", "owner.token"].iter().any(|start| name.starts_with(start))
            });
            if is_ours {
                match restrict_file(&entry.path()) {
                    // Whoever holds the directory may just have removed it.
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    result => result?,
                }
            }
        }
        Ok(())
    }

    /// Takes the exclusive hold, if nobody has it. The directory is prepared.
    pub(crate) fn try_hold(&self, kind: &str) -> Result<Held, Failure> {
        let path = self.path.join("strongroom.lock");
        let failed = |error: &io::Error| Failure::failed(format!("{} cannot be used", path.display())).because(error);
        // a link in its place is not written through
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let opened = rustix::fs::open(&path, flags, Mode::from_raw_mode(0o600));
        let mut file = opened.map(File::from).map_err(|error| failed(&error.into()))?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {
                let holder = format!("process {} ({kind})\n", std::process::id());
                let noted = file.set_len(0).and_then(|()| file.write_all(holder.as_bytes()));
                noted.map_err(|error| failed(&error))?;
                Ok(Held::Ours(Hold { _file: file }))
            }
            Err(error) if error == rustix::io::Errno::WOULDBLOCK => {
                let mut holder = String::new();
                file.take(200).read_to_string(&mut holder).ok();
                Ok(Held::Other(holder.trim().to_owned()))
            }
            Err(error) => Err(failed(&error.into())),
        }
    }

    /// What the holder wrote about itself, or the last one if nobody holds it.
    pub(crate) fn holder(&self) -> Option<String> {
        let text = fs::read_to_string(self.path.join("strongroom.lock")).ok()?;
        Some(text.trim().to_owned())
    }

    /// Waits up to five seconds for the hold. `or_else` is asked in between whether there is another way.
    pub(crate) fn hold<T>(
        &self,
        kind: &str,
        mut or_else: impl FnMut() -> Option<T>,
    ) -> Result<Result<Hold, T>, Failure> {
        let start = Instant::now();
        loop {
            let holder = match self.try_hold(kind)? {
                Held::Ours(hold) => return Ok(Ok(hold)),
                Held::Other(holder) => holder,
            };
            if let Some(other_way) = or_else() {
                return Ok(Err(other_way));
            }
            if start.elapsed() >= LOCK_WAIT {
                return Err(self.busy(&holder));
            }
            std::thread::sleep(LOCK_STEP);
        }
    }

    fn busy(&self, holder: &str) -> Failure {
        let holder = if holder.is_empty() { "another process" } else { holder };
        Failure::new(Code::Conflict, format!("the data directory {} is in use by {holder}", self.path.display())).hint(
            if holder.ends_with("(server)") {
                "a server runs there already; for another one, name another directory with --home DIR"
            } else if holder.ends_with("(dev)") {
                "stop that dev first; started after a server, it goes through it"
            } else {
                "wait until it is done, or name another directory with --home DIR"
            },
        )
    }
}

fn restrict_file(path: &Path) -> io::Result<()> {
    if fs::symlink_metadata(path)?.is_file() { restrict(path, 0o600) } else { Ok(()) }
}

fn restrict(path: &Path, mode: u32) -> io::Result<()> {
    let found = fs::symlink_metadata(path)?.permissions().mode() & 0o777;
    if found == mode { Ok(()) } else { fs::set_permissions(path, Permissions::from_mode(mode)) }
}

/// Writes a private file so that no reader ever sees half of it: a new file, synced, moved over the old one.
pub(crate) fn write_private(path: &Path, content: &[u8]) -> io::Result<()> {
    let fresh = path.with_extension(format!("{}.new", std::process::id()));
    write_new(&fresh, content)?;
    fs::rename(&fresh, path)?;
    sync_folder(path)
}

/// Writes a private file where none is yet, in one step: of two processes, one wins, and the other finds `false`.
pub(crate) fn create_private(path: &Path, content: &[u8]) -> io::Result<bool> {
    let fresh = path.with_extension(format!("{}.new", std::process::id()));
    write_new(&fresh, content)?;
    let linked = fs::hard_link(&fresh, path);
    fs::remove_file(&fresh)?;
    match linked {
        Ok(()) => sync_folder(path).map(|()| true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error),
    }
}

fn write_new(path: &Path, content: &[u8]) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(content)?;
    file.sync_all()
}

fn sync_folder(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}
