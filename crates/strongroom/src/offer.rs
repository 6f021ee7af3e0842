//! The local socket: how other commands reach the store that this process holds.

use std::os::unix::fs::PermissionsExt as _;

use tokio::net::UnixListener;

use crate::errors::Failure;
use crate::home::{Home, write_private};

/// Writes the proof of ownership that commands send, and listens on the socket of a data directory that is held.
pub(crate) fn listen(home: &Home, owner_token: &str) -> Result<UnixListener, Failure> {
    let unwritten = |error: &std::io::Error| Failure::failed("owner.token could not be written").because(error);
    write_private(&home.owner_token(), owner_token.as_bytes()).map_err(|error| unwritten(&error))?;
    socket(home)
}

/// Takes the socket away: the next command opens the store itself.
pub(crate) fn end(home: &Home) {
    std::fs::remove_file(home.socket()).ok();
}

fn socket(home: &Home) -> Result<UnixListener, Failure> {
    let path = home.socket();
    let failed = |error: &std::io::Error| {
        Failure::failed(format!("the socket {} cannot be made", path.display())).because(error)
    };
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed(&error)),
        _ => {}
    }
    let listener = UnixListener::bind(&path).map_err(|error| failed(&error))?;
    let private = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(&path, private).map_err(|error| failed(&error))?;
    Ok(listener)
}
