//! Secrets as files: in memory-backed storage, behind a link, gone in the end.
//!
//! ```text
//! DIR ──link──> BASE/strongroom-UID/ID/1/NAME     0600 in 0700; the next values are ID/2, and the link is moved over
//!               BASE/strongroom-UID/ID.lock       held by the process; a free one marks what a dead process left
//! ```

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use strongroom_seal::Random as _;
use strongroom_secret::SecretValue;

use crate::chance::KernelRandom;
use crate::context::Context;
use crate::errors::Failure;

/// A mounted folder. Removed with the value.
pub(super) struct Mount {
    link: PathBuf,
    tree: PathBuf,
    lock: PathBuf,
    generation: u64,
    _held: File,
}

impl Mount {
    /// Prepares a place behind `folder`, which must not be there yet. Removes what dead processes left.
    pub(super) fn new(context: &Context, folder: &Path, may_be_on_disk: bool) -> Result<Self, Failure> {
        let link = context.working_dir.join(folder);
        let base = base(context, may_be_on_disk)?;
        let failed = |error: io::Error| Failure::failed(format!("{} cannot be used", base.display())).because(&error);
        own_folder(&base).map_err(failed)?;
        clear_stale(&base);
        check_free(&link, &base)?;
        let mut bytes = [0_u8; 8];
        KernelRandom.fill(&mut bytes);
        let id = hex::encode(bytes);
        let (tree, lock) = (base.join(&id), base.join(format!("{id}.lock")));
        let held = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&lock).map_err(failed)?;
        flock(&held, FlockOperation::NonBlockingLockExclusive).map_err(|error| failed(error.into()))?;
        DirBuilder::new().mode(0o700).create(&tree).map_err(failed)?;
        Ok(Self { link, tree, lock, generation: 0, _held: held })
    }

    /// What is to be removed if this process cannot do it.
    pub(super) fn paths(&self) -> [&Path; 3] {
        [&self.link, &self.tree, &self.lock]
    }

    /// Puts these secrets there, each a file. Readers see all of the old ones or all of the new ones.
    pub(super) fn fill(&mut self, secrets: &[(String, SecretValue)]) -> Result<(), Failure> {
        self.try_fill(secrets).map_err(|error| {
            Failure::failed(format!("the secrets could not be mounted at {}", self.link.display())).because(&error)
        })
    }

    fn try_fill(&mut self, secrets: &[(String, SecretValue)]) -> io::Result<()> {
        let before = self.tree.join(self.generation.to_string());
        self.generation += 1;
        let fresh = self.tree.join(self.generation.to_string());
        DirBuilder::new().mode(0o700).create(&fresh)?;
        for (name, value) in secrets {
            let mut options = OpenOptions::new();
            let mut file = options.write(true).create_new(true).mode(0o600).open(fresh.join(name))?;
            file.write_all(value.expose().as_bytes())?;
        }
        let beside = self.tree.join("link");
        match fs::remove_file(&beside) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        if self.generation == 1 {
            symlink(&fresh, &self.link)?;
            return Ok(());
        }
        let next = self.link.with_extension(format!("{}.next", std::process::id()));
        symlink(&fresh, &next)?;
        fs::rename(&next, &self.link)?;
        fs::remove_dir_all(before)
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let is_ours = fs::read_link(&self.link).is_ok_and(|target| target.starts_with(&self.tree));
        if is_ours {
            fs::remove_file(&self.link).ok();
        }
        // a process that is still killed later finds nothing; the lock goes last, so that nothing is left unmarked
        fs::remove_dir_all(&self.tree).ok();
        fs::remove_file(&self.lock).ok();
    }
}

/// A folder in memory; on a disk only if that is accepted.
fn base(context: &Context, may_be_on_disk: bool) -> Result<PathBuf, Failure> {
    let user = rustix::process::geteuid().as_raw();
    let named = context.environment.path("XDG_RUNTIME_DIR").filter(|path| path.is_absolute());
    let candidates: Vec<_> = named.into_iter().chain([PathBuf::from("/dev/shm")]).collect();
    let in_memory = candidates.iter().find(|path| is_in_memory(path) && is_writable(path));
    let base = match in_memory {
        Some(found) => found.clone(),
        None if may_be_on_disk => std::env::temp_dir(),
        None => {
            return Err(Failure::failed(
                "there is no folder in memory here: neither XDG_RUNTIME_DIR nor /dev/shm is one",
            )
            .hint("to accept files on a disk until the command ends, add --mount-on-disk"));
        }
    };
    Ok(base.join(format!("strongroom-{user}")))
}

fn is_writable(path: &Path) -> bool {
    rustix::fs::access(path, rustix::fs::Access::WRITE_OK).is_ok()
}

#[cfg(target_os = "linux")]
fn is_in_memory(path: &Path) -> bool {
    // TMPFS_MAGIC and RAMFS_MAGIC of statfs(2)
    rustix::fs::statfs(path).is_ok_and(|found| [0x0102_1994, 0x8584_58f6].contains(&found.f_type))
}

#[cfg(not(target_os = "linux"))]
fn is_in_memory(_: &Path) -> bool {
    false
}

/// Makes a private folder; refuses one that somebody else could have put there.
fn own_folder(path: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    let found = fs::symlink_metadata(path)?;
    let is_private = found.is_dir() && found.permissions().mode().trailing_zeros() >= 6;
    if is_private && found.uid() == rustix::process::geteuid().as_raw() {
        return Ok(());
    }
    Err(io::Error::other("it belongs to another user, or others may enter it"))
}

/// Removes what processes left that were killed: their locks are free.
fn clear_stale(base: &Path) {
    let Ok(entries) = fs::read_dir(base) else { return };
    let locks =
        entries.flatten().map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|end| end == "lock"));
    for lock in locks {
        let Ok(file) = File::open(&lock) else { continue };
        if flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok() {
            fs::remove_dir_all(lock.with_extension("")).ok();
            fs::remove_file(&lock).ok();
        }
    }
}

/// The folder must not be there; a link of ours whose target is gone may.
fn check_free(link: &Path, base: &Path) -> Result<(), Failure> {
    let Ok(found) = fs::symlink_metadata(link) else { return Ok(()) };
    let target = fs::read_link(link).unwrap_or_default();
    if found.is_symlink() && target.starts_with(base) {
        if target.exists() {
            return Err(Failure::usage(format!("--mount {}: another run uses it now", link.display())));
        }
        return fs::remove_file(link)
            .map_err(|error| Failure::failed(format!("{} cannot be replaced", link.display())).because(&error));
    }
    Err(Failure::usage(format!("--mount {}: there is something already", link.display()))
        .hint("name a folder that is not there yet; it is made for the command and removed with it"))
}
