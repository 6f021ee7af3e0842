//! A service in the same process, so that the embedded store runs the very router that a server runs.

use std::future::Future;
use std::pin::Pin;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use http_body_util::Full;
use tower::{Service, ServiceExt as _};

use super::{Answer, BoxError};
use crate::error::ClientError;

type Exchange = Pin<Box<dyn Future<Output = Result<Response<Answer>, BoxError>> + Send>>;

/// Any HTTP service of this process, such as an `axum::Router`.
pub struct InProcess(Box<dyn Fn(Request<Full<Bytes>>) -> Exchange + Send + Sync>);

impl InProcess {
    /// Wraps a service. Each request goes to a clone of it.
    pub fn new<S, B>(service: S) -> Self
    where
        S: Service<Request<Full<Bytes>>, Response = Response<B>> + Clone + Send + Sync + 'static,
        S::Error: Into<BoxError>,
        S::Future: Send,
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        Self(Box::new(move |request| {
            let service = service.clone();
            Box::pin(
                async move { service.oneshot(request).await.map(|answer| answer.map(Answer::new)).map_err(Into::into) },
            )
        }))
    }

    pub(super) async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<Response<Answer>, ClientError> {
        (self.0)(request).await.map_err(|source| ClientError::Broken { address: "the local store".to_owned(), source })
    }
}
