//! Which provider people sign in at, besides with a password.

use std::sync::Arc;

use clap::Args;
use strongroom_app::accounts::oidc::ProviderConfig;
use strongroom_secret::SecretValue;

use crate::context::Context;
use crate::errors::Failure;

#[derive(Args)]
pub(super) struct SignInArgs {
    /// The issuer of an `OpenID` provider at which people sign in, such as `https://accounts.google.com`; else `STRONGROOM_OIDC_ISSUER`
    #[arg(long = "oidc-issuer", value_name = "URL")]
    issuer: Option<String>,
    /// What this instance is called at the provider; else `STRONGROOM_OIDC_CLIENT_ID`
    #[arg(long = "oidc-client-id", value_name = "ID")]
    client_id: Option<String>,
    /// A file with the secret that the provider gave for it; else `STRONGROOM_OIDC_CLIENT_SECRET_FILE`, or the secret
    /// itself in `STRONGROOM_OIDC_CLIENT_SECRET`
    #[arg(long = "oidc-client-secret-file", value_name = "FILE")]
    client_secret_file: Option<String>,
    /// What people know the provider by, on the sign-in page; else `STRONGROOM_OIDC_NAME` [default: the issuer's host]
    #[arg(long = "oidc-name", value_name = "NAME")]
    name: Option<String>,
    /// Only verified e-mail addresses of this domain sign in; may be repeated; else `STRONGROOM_OIDC_DOMAINS`, separated
    /// by commas [default: addresses do not count]
    #[arg(long = "oidc-domain", value_name = "DOMAIN")]
    domain: Vec<String>,
}

const MAX_NAME_CHARACTERS: usize = 40;

impl SignInArgs {
    /// The provider, if one is configured.
    pub(super) fn provider(&self, context: &Context) -> Result<Option<Arc<ProviderConfig>>, Failure> {
        let environment = &context.environment;
        let chosen = |option: &Option<String>, variable: &str| {
            option.clone().or_else(|| environment.text(variable).map(str::to_owned))
        };
        let issuer = chosen(&self.issuer, "STRONGROOM_OIDC_ISSUER");
        let client_id = chosen(&self.client_id, "STRONGROOM_OIDC_CLIENT_ID");
        let (issuer, client_id) = match (issuer, client_id) {
            (Some(issuer), Some(client_id)) => (issuer, client_id),
            (None, None) => return Ok(None),
            _ => return Err(Failure::usage("--oidc-issuer and --oidc-client-id go together: the provider gives both")),
        };
        if client_id.len() > 255 || !client_id.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Failure::usage("--oidc-client-id is 1 to 255 visible ASCII characters"));
        }
        let uri: Option<http::Uri> = issuer
            .parse()
            .ok()
            .filter(|uri: &http::Uri| uri.query().is_none() && matches!(uri.scheme_str(), Some("https" | "http")));
        let host = uri.as_ref().and_then(http::Uri::host).filter(|_| !issuer.contains(['#', '@'])).map(str::to_owned);
        let (Some(host), Ok(issuer)) = (host, issuer.parse()) else {
            return Err(Failure::usage(
                "--oidc-issuer is an address such as https://login.example.com, as it stands in the provider's tokens",
            ));
        };
        let name = chosen(&self.name, "STRONGROOM_OIDC_NAME").unwrap_or(host);
        if name.chars().count() > MAX_NAME_CHARACTERS || name.chars().any(char::is_control) {
            return Err(Failure::usage(format!("--oidc-name is 1 to {MAX_NAME_CHARACTERS} characters")));
        }
        let client_secret = self.secret(context)?;
        Ok(Some(Arc::new(ProviderConfig { issuer, client_id, client_secret, name, domains: self.domains(context)? })))
    }

    fn secret(&self, context: &Context) -> Result<Option<SecretValue>, Failure> {
        let environment = &context.environment;
        let direct = environment.secret("STRONGROOM_OIDC_CLIENT_SECRET");
        let named = environment.text("STRONGROOM_OIDC_CLIENT_SECRET_FILE");
        let text = match (direct, self.client_secret_file.as_deref().or(named)) {
            (Some(_), Some(_)) => {
                return Err(Failure::usage(
                    "the provider's client secret stands in a file and in STRONGROOM_OIDC_CLIENT_SECRET; leave one of them out",
                ));
            }
            (Some(text), None) => text,
            (None, Some(file)) => {
                let read = std::fs::read_to_string(file).map(zeroize::Zeroizing::new);
                read.map_err(|error| {
                    Failure::usage(format!("the client secret's file {file} cannot be read")).because(&error)
                })?
            }
            (None, None) => return Ok(None),
        };
        let secret = SecretValue::new(text.trim().to_owned()).ok().filter(|secret| !secret.expose().is_empty());
        secret.map(Some).ok_or_else(|| Failure::usage("the provider's client secret is empty"))
    }

    fn domains(&self, context: &Context) -> Result<Vec<String>, Failure> {
        let listed = context.environment.text("STRONGROOM_OIDC_DOMAINS").unwrap_or_default();
        let all: Vec<&str> = match self.domain.as_slice() {
            [] => listed.split(',').collect(),
            given => given.iter().map(String::as_str).collect(),
        };
        let all = all.into_iter().map(str::trim).filter(|domain| !domain.is_empty());
        all.map(|domain| {
            let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-');
            let is_domain =
                domain.len() <= 253 && domain.contains('.') && domain.bytes().all(fits) && !domain.starts_with('.');
            let wrong = || {
                Failure::usage(format!("--oidc-domain {domain:?} is no domain such as example.com"))
                    .hint("a domain stands for itself alone, not for what lies below it; there are no wildcards")
            };
            if is_domain { Ok(domain.to_ascii_lowercase()) } else { Err(wrong()) }
        })
        .collect()
    }
}
