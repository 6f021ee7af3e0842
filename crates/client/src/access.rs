//! Tokens, and who one is.

use http::Method;
use strongroom_api::access::{CreateToken, CreatedToken, TokenItem, Whoami};

use crate::client::{Client, Project};
use crate::error::ClientError;
use crate::request::every;

impl Client {
    /// Who the credential belongs to, and what it may do.
    pub async fn whoami(&self) -> Result<Whoami, ClientError> {
        self.call(Method::GET, &["api", "v1", "whoami"]).send().await
    }
}

impl Project<'_> {
    /// The project's tokens.
    pub async fn tokens(&self) -> Result<Vec<TokenItem>, ClientError> {
        every(1_000, || self.call(Method::GET, &["tokens"])).await
    }

    /// Makes a token; the answer is the only place where it can be read.
    pub async fn create_token(&self, body: &CreateToken) -> Result<CreatedToken, ClientError> {
        self.call(Method::POST, &["tokens"]).json(body).send().await
    }

    /// Revokes a token at once.
    pub async fn revoke_token(&self, id: &str) -> Result<TokenItem, ClientError> {
        self.call(Method::DELETE, &["tokens", id]).send().await
    }
}
