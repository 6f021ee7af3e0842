//! The server itself.

use http::Method;
use strongroom_api::ServerAbout;

use crate::client::Client;
use crate::error::ClientError;

impl Client {
    /// Version, addresses and the root key's fingerprint.
    pub async fn server(&self) -> Result<ServerAbout, ClientError> {
        self.call(Method::GET, &["api", "v1", "server"]).send().await
    }
}
