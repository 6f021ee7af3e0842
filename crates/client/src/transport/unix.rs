//! A Unix socket: the running server of the local data directory.

use std::io;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use tokio::net::UnixStream;

use super::Answer;
use super::connection::{Kept, speak};
use crate::error::ClientError;

/// One server behind a socket file.
pub(crate) struct UnixTransport {
    path: PathBuf,
    kept: Kept,
}

impl UnixTransport {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path, kept: Kept::default() }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn name(&self) -> String {
        self.path.display().to_string()
    }

    pub(super) async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<Response<Answer>, ClientError> {
        let name = self.name();
        let sender = match self.kept.take().await {
            Some(sender) => sender,
            None => speak(UnixStream::connect(&self.path).await.map_err(|error| refused(&name, error))?, &name).await?,
        };
        self.kept.exchange(sender, request, &name).await
    }
}

fn refused(name: &str, source: io::Error) -> ClientError {
    match source.kind() {
        io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound => ClientError::Refused { address: name.to_owned() },
        _ => ClientError::Connect { address: name.to_owned(), source },
    }
}
