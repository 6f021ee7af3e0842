//! The last good values, sealed, for when the server is away. Never for when it refuses.

use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use strongroom_api::Code;
use strongroom_api::resolve::Resolved;
use strongroom_client::ClientError;
use strongroom_seal::KeptKey;
use zeroize::Zeroizing;

use crate::chance::KernelRandom;
use crate::context::Context;
use crate::errors::Failure;
use crate::home::write_private;
use crate::words::length;

/// A server's clock may be a little ahead of ours.
const CLOCK_SLACK: Duration = Duration::from_mins(5);

/// The kept values of one token and place.
pub(super) struct Cache {
    key: KeptKey,
    file: PathBuf,
    max_age: Duration,
}

#[derive(Serialize)]
struct Saved<'a> {
    saved_at: Timestamp,
    resolved: &'a Resolved,
}

#[derive(Deserialize)]
struct Kept {
    saved_at: Timestamp,
    resolved: Resolved,
}

impl Cache {
    /// The cache for this token, server, project, namespace, app and names.
    pub(super) fn new(context: &Context, place: &[&str], max_age: Duration) -> Result<Self, Failure> {
        let token = context.environment.secret("STRONGROOM_TOKEN").unwrap_or_default();
        let key = KeptKey::new(&token, place);
        let file = folder(context)?.join(key.file_name());
        Ok(Self { key, file, max_age })
    }

    /// Keeps an answer.
    pub(super) fn keep(&self, context: &Context, resolved: &Resolved) {
        let saved = Saved { saved_at: (context.now)(), resolved };
        // enough for every value as an escape a byte, so that no smaller buffer is left behind unwiped
        let sizes = resolved.secrets.0.iter().map(|(name, value)| name.len() + 6 * value.len() + 16);
        let mut plain = Zeroizing::new(Vec::with_capacity(sizes.sum::<usize>() + 64 * 1024));
        let kept = serde_json::to_writer(&mut *plain, &saved)
            .map_err(io::Error::other)
            .and_then(|()| self.key.seal(&plain, &KernelRandom).map_err(io::Error::other))
            .and_then(|sealed| prepare(&self.file).and_then(|()| write_private(&self.file, &sealed)));
        if let Err(error) = kept {
            context.output.talk(&format!("warning: the values could not be kept for when the server is away: {error}"));
        }
    }

    /// The kept values, if they are still good; says how old they are. `why` is how the server is away.
    pub(super) fn recall(&self, context: &Context, why: &str) -> Result<Resolved, String> {
        let sealed = match std::fs::read(&self.file) {
            Ok(sealed) => sealed,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err("no values were kept".to_owned()),
            Err(error) => return Err(format!("the kept values cannot be read: {error}")),
        };
        let plain = self.key.open(&sealed).map_err(|_| "the kept values do not open; they are not used".to_owned())?;
        let kept: Kept = serde_json::from_slice(&plain).map_err(|_| "the kept values have another form".to_owned())?;
        let now = (context.now)();
        // an age below zero is a clock that was set back, which could keep old values for ever
        let age = now.duration_since(kept.saved_at).as_secs();
        let allowed = i64::try_from(self.max_age.as_secs()).unwrap_or(i64::MAX);
        let slack = i64::try_from(CLOCK_SLACK.as_secs()).unwrap_or(0);
        if age < -slack {
            return Err("the kept values are from the future; is the clock right?".to_owned());
        }
        if age > allowed {
            return Err(format!("the kept values are {} old, more than --cache-max-age allows", length(age)));
        }
        if kept.resolved.valid_until.is_some_and(|until| until <= now) {
            return Err("one of the kept values has expired since".to_owned());
        }
        // stderr must tell, also with -q: these may be old
        crate::output::say(&format!("warning: {why}; using the values of {} ago", length(age)));
        Ok(kept.resolved)
    }

    /// The server has refused: what it once gave must not be used any more.
    pub(super) fn clear(&self, context: &Context) {
        match std::fs::remove_file(&self.file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                context.output.talk(&format!("warning: {} could not be removed: {error}", self.file.display()));
            }
            _ => {}
        }
    }
}

/// Whether the server is away, as against one that answers with a refusal.
pub(super) fn is_away(error: &ClientError) -> bool {
    match error {
        ClientError::Refused { .. }
        | ClientError::UnknownHost { .. }
        | ClientError::Connect { .. }
        | ClientError::TimedOut { .. }
        | ClientError::Broken { .. } => true,
        // what a proxy says whose server is away
        ClientError::NotStrongroom { status, .. } => matches!(status, 502..=504),
        // a problem of Strongroom's own is an answer: what it cannot prove or record, it refuses
        _ => false,
    }
}

/// Whether the server says that this caller may not, or not any more.
pub(super) fn is_refusal(error: &ClientError) -> bool {
    let refusals = [Code::Unauthenticated, Code::Forbidden, Code::NotFound];
    error.problem().is_some_and(|problem| refusals.contains(&problem.code))
}

fn folder(context: &Context) -> Result<PathBuf, Failure> {
    let user = || context.environment.path("HOME");
    let base = if cfg!(target_os = "macos") {
        user().map(|user| user.join("Library/Caches"))
    } else {
        let named = context.environment.path("XDG_CACHE_HOME").filter(|path| path.is_absolute());
        named.or_else(|| user().map(|user| user.join(".cache")))
    };
    let base = base.ok_or_else(|| {
        Failure::usage("there is no folder to keep values in: HOME is not set").hint("leave out --cache-max-age")
    })?;
    Ok(base.join("strongroom/run"))
}

/// Makes the folder (0700); refuses one that belongs to somebody else.
fn prepare(file: &Path) -> io::Result<()> {
    let Some(folder) = file.parent() else { return Ok(()) };
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let owner = std::fs::symlink_metadata(folder)?.uid();
    if owner == rustix::process::geteuid().as_raw() {
        return Ok(());
    }
    Err(io::Error::other(format!("{} belongs to another user", folder.display())))
}
