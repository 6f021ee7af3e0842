//! Functions: listing and calling them.

use bytes::Bytes;
use http::{HeaderName, Method, StatusCode};
use http_body_util::BodyExt as _;
use strongroom_api::functions::{FunctionDetail, FunctionItem};

use crate::address::{Address, AddressSource};
use crate::client::{Client, Project};
use crate::error::ClientError;
use crate::request::every;
use crate::transport::Answer;

/// One call of a function.
#[derive(Debug, Clone)]
pub struct Invocation<'a> {
    /// The function's namespace.
    pub namespace: &'a str,
    /// The function.
    pub name: &'a str,
    /// The method.
    pub method: Method,
    /// What follows the function's name in the address: empty, or `/…` with an optional query, already encoded.
    pub path: &'a str,
    /// Further headers.
    pub headers: Vec<(HeaderName, String)>,
    /// The body.
    pub body: Bytes,
}

/// A function's answer: its head, and its body as it streams in.
pub struct Invoked {
    /// The status.
    pub status: StatusCode,
    address: String,
    body: Answer,
}

impl Invoked {
    /// The next piece of the body; none at its end.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, ClientError> {
        while let Some(frame) = self.body.frame().await {
            let frame = frame.map_err(|source| ClientError::Broken { address: self.address.clone(), source })?;
            if let Ok(chunk) = frame.into_data() {
                return Ok(Some(chunk));
            }
        }
        Ok(None)
    }
}

impl Project<'_> {
    /// The project's functions, or those of one namespace.
    pub async fn functions(&self, namespace: Option<&str>) -> Result<Vec<FunctionItem>, ClientError> {
        every(1_000, || self.call(Method::GET, &["functions"]).query("namespace", namespace)).await
    }

    /// One function: configuration, readings, deployments.
    pub async fn function(&self, name: &str, namespace: &str) -> Result<FunctionDetail, ClientError> {
        self.call(Method::GET, &["functions", name]).query("namespace", Some(namespace)).send().await
    }

    /// Calls a function: through this client where it reaches the functions itself, else at the address that the
    /// server names for them.
    pub async fn invoke(&self, invocation: Invocation<'_>) -> Result<Invoked, ClientError> {
        if self.client.address.is_none() {
            return invoke_through(self.client, self.name, invocation).await;
        }
        let about = self.client.server().await?;
        let nowhere = || ClientError::NoFunctions { address: self.client.name() };
        let url = about.functions_url.ok_or_else(nowhere)?;
        let address = Address::parse(&url, AddressSource::Server).map_err(|_| nowhere())?;
        let credential = self.client.credential.as_ref().map(|credential| credential.extended_to(&address));
        invoke_through(&Client::http(address, credential), self.name, invocation).await
    }
}

async fn invoke_through(client: &Client, project: &str, invocation: Invocation<'_>) -> Result<Invoked, ClientError> {
    let segments = ["fn", project, invocation.namespace, invocation.name];
    let mut call = client.call(invocation.method, &segments).raw_path(invocation.path).body(invocation.body);
    for (name, value) in invocation.headers {
        call = call.header(name, Some(&value));
    }
    let answer = call.exchange().await?;
    Ok(Invoked { status: answer.status(), address: client.name(), body: answer.into_body() })
}
