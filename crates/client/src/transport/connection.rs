//! One kept HTTP/1.1 connection, whatever carries it.

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Mutex;

use super::Answer;
use crate::error::ClientError;

/// A connection that is kept for the next request, if the other end agrees.
#[derive(Default)]
pub(super) struct Kept(Mutex<Option<SendRequest<Full<Bytes>>>>);

impl Kept {
    /// The kept connection, if it still stands.
    pub(super) async fn take(&self) -> Option<SendRequest<Full<Bytes>>> {
        let mut sender = self.0.lock().await.take()?;
        sender.ready().await.ok().map(|()| sender)
    }

    /// Sends over `sender` and keeps it. Nothing is sent twice: a request whose connection breaks has failed.
    pub(super) async fn exchange(
        &self,
        mut sender: SendRequest<Full<Bytes>>,
        request: Request<Full<Bytes>>,
        address: &str,
    ) -> Result<Response<Answer>, ClientError> {
        let answer = sender.send_request(request).await.map_err(|source| broken(address, source))?;
        *self.0.lock().await = Some(sender);
        Ok(answer.map(Answer::new))
    }
}

/// Speaks HTTP/1.1 over `stream`; the connection lives on a task of its own.
pub(super) async fn speak<S>(stream: S, address: &str) -> Result<SendRequest<Full<Bytes>>, ClientError>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (sender, connection) = handshake(TokioIo::new(stream)).await.map_err(|source| broken(address, source))?;
    tokio::spawn(async move {
        // The request that is under way gets the error.
        connection.await.ok();
    });
    Ok(sender)
}

fn broken(address: &str, source: hyper::Error) -> ClientError {
    ClientError::Broken { address: address.to_owned(), source: Box::new(source) }
}
