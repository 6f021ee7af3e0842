//! The provider: what it says of itself, where a browser is sent, and what it proves for a code.
//!
//! ```text
//! issuer ──> discovery document (its issuer must be ours) ──> addresses
//! code + verifier ──> token endpoint ──> ID token ──> the issuer's keys, iss, aud, azp, nonce, times ──> Proof
//! ```

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderValue, Method, header};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::Value;
use strongroom_fetch::{FetchError, Outgoing, Target, TargetError};
use strongroom_model::IssuerUrl;
use strongroom_seal::{code_challenge, same_text};
use strongroom_secret::SecretValue;
use zeroize::Zeroizing;

use super::flow::{Flow, Purpose};
use crate::identity::{Claims, Expected, Keys, KeysError, Unproven};
use crate::open::App;

/// What the provider says of itself is taken as current for so long.
const FRESH: SignedDuration = SignedDuration::from_hours(1);
/// Longest e-mail address, and longest code, that is looked at.
const MAX_TEXT_BYTES: usize = 255;
const MAX_CODE_BYTES: usize = 4_096;
/// A link wants a sign-in at the provider that is no older than this, where the provider says how old it is.
const LINK_AGE: SignedDuration = SignedDuration::from_mins(5);
/// How far clocks may differ.
const SKEW: SignedDuration = SignedDuration::from_secs(60);

/// An `OpenID` provider at which people sign in.
#[derive(Debug)]
pub struct ProviderConfig {
    /// Its issuer, as it stands in its tokens.
    pub issuer: IssuerUrl,
    /// What this instance is called there.
    pub client_id: String,
    /// What this instance proves itself with there; none for a public client, which has PKCE alone.
    pub client_secret: Option<SecretValue>,
    /// What people know it by.
    pub name: String,
    /// Domains of verified e-mail addresses that may sign in, in lower case; empty means that addresses do not count.
    pub domains: Vec<String>,
}

/// The provider with what it said of itself.
#[derive(Debug)]
pub(crate) struct Provider {
    pub(super) config: Arc<ProviderConfig>,
    said: tokio::sync::Mutex<Option<(Timestamp, Arc<Document>)>>,
}

/// A discovery document (`OpenID` Connect Discovery 1.0, section 3), as far as it is used.
#[derive(Debug, Deserialize)]
pub(super) struct Document {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    userinfo_endpoint: Option<String>,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
    /// RFC 9207.
    #[serde(default)]
    pub(super) authorization_response_iss_parameter_supported: bool,
}

/// Why the provider proved nobody. Says nothing of what stands in tokens and answers.
#[derive(Debug, thiserror::Error)]
pub(super) enum ProviderError {
    /// It could not be asked, or its discovery document is not its own.
    #[error("the provider could not be asked: {0}")]
    Keys(#[from] KeysError),
    /// Discovery.
    #[error("its discovery document is not that of the configured issuer, or lacks an address")]
    Discovery,
    /// An address of it cannot be used.
    #[error("its discovery document names an address that may not be used: {0}")]
    Target(#[from] TargetError),
    /// No answer.
    #[error("the provider did not answer: {0}")]
    Fetch(#[from] FetchError),
    /// It refused the code, or this client.
    #[error("the provider's token endpoint answered with status {status}, {reason}")]
    Refused {
        /// The status.
        status: u16,
        /// Its own word for it, of letters and underscores.
        reason: String,
    },
    /// It answered with something else.
    #[error("the provider's answer is not what the standard asks for: {0}")]
    Answer(&'static str),
    /// Its token is not believed.
    #[error("{0}")]
    Token(Box<Unproven>),
}

/// Who somebody is at the provider.
pub(in crate::accounts) struct Proof {
    pub(in crate::accounts) issuer: String,
    pub(in crate::accounts) subject: String,
    /// The e-mail address that the provider names.
    pub(in crate::accounts) email: Option<String>,
    /// Whether the provider vouches for it; none where it says nothing.
    pub(in crate::accounts) is_verified: Option<bool>,
}

impl Provider {
    pub(crate) fn new(config: Arc<ProviderConfig>) -> Self {
        Self { config, said: tokio::sync::Mutex::default() }
    }

    /// What the provider says of itself, asked for at most once an hour. One that names another issuer is not believed.
    pub(super) async fn document(&self, app: &App) -> Result<Arc<Document>, ProviderError> {
        let now = app.clock.now();
        let mut said = self.said.lock().await;
        if let Some((_, document)) = said.as_ref().filter(|(at, _)| now.duration_since(*at) < FRESH) {
            return Ok(Arc::clone(document));
        }
        let url = format!("{}/.well-known/openid-configuration", self.config.issuer.as_str().trim_end_matches('/'));
        let body = app.identity.published.get(&url).await?;
        let document: Document = serde_json::from_slice(&body).map_err(|_| ProviderError::Discovery)?;
        if document.issuer != self.config.issuer.as_str() {
            return Err(ProviderError::Discovery);
        }
        let reach = app.identity.published.reach();
        for address in [&document.authorization_endpoint, &document.token_endpoint, &document.jwks_uri] {
            Target::parse(address, reach)?;
        }
        let document = Arc::new(document);
        *said = Some((now, Arc::clone(&document)));
        Ok(document)
    }

    /// Where a browser goes to sign in.
    pub(super) fn address(&self, app: &App, document: &Document, flow: &Flow, redirect_uri: &str) -> String {
        let (instance, challenge) = (&app.instance, code_challenge(&flow.verifier(&app.instance)));
        let mut query = form_urlencoded::Serializer::new(String::new());
        query
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.config.client_id)
            .append_pair("redirect_uri", redirect_uri)
            .append_pair("scope", "openid email")
            .append_pair("state", &flow.state(instance))
            .append_pair("nonce", &flow.nonce(instance))
            .append_pair("code_challenge", &challenge)
            .append_pair("code_challenge_method", "S256");
        if matches!(flow.purpose, Purpose::Link { .. }) {
            query.append_pair("max_age", &LINK_AGE.as_secs().to_string());
        }
        let endpoint = &document.authorization_endpoint;
        let joint = if endpoint.contains('?') { '&' } else { '?' };
        format!("{endpoint}{joint}{}", query.finish())
    }

    /// Who came back with `code`.
    pub(super) async fn redeem(
        &self,
        app: &App,
        flow: &Flow,
        (code, redirect_uri): (&str, &str),
    ) -> Result<Proof, ProviderError> {
        if code.is_empty() || code.len() > MAX_CODE_BYTES {
            return Err(ProviderError::Answer("a code"));
        }
        let document = self.document(app).await?;
        let verifier = flow.verifier(&app.instance);
        let outgoing = self.token_request(&document, (code, redirect_uri, &verifier));
        let target = Target::parse(&document.token_endpoint, app.identity.published.reach())?;
        let answer = app.identity.published.send(&target, outgoing).await?;
        if !answer.status.is_success() {
            return Err(ProviderError::Refused { status: answer.status.as_u16(), reason: reason(&answer.body) });
        }
        let tokens: Tokens = serde_json::from_slice(&answer.body).map_err(|_| ProviderError::Answer("tokens"))?;
        let (id_token, access_token) = (Zeroizing::new(tokens.id_token), tokens.access_token.map(Zeroizing::new));
        let issuer = self.config.issuer.as_str();
        let expected = Expected { issuer, audience: &self.config.client_id };
        let believed = app.believe(&id_token, &Keys::Published(document.jwks_uri.clone()), expected).await;
        let claims = believed.map_err(|error| ProviderError::Token(Box::new(error)))?;
        self.check(app, flow, &claims)?;
        let mut email = Email::of(|name| claims.all.get(name));
        if email.address.is_none()
            && let (Some(url), Some(token)) = (&document.userinfo_endpoint, &access_token)
        {
            email = userinfo(app, url, token, &claims.subject).await?;
        }
        let Email { address, is_verified } = email;
        Ok(Proof { issuer: issuer.to_owned(), subject: claims.subject, email: address, is_verified })
    }

    fn token_request(&self, document: &Document, (code, redirect_uri, verifier): (&str, &str, &str)) -> Outgoing {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("grant_type", "authorization_code")
            .append_pair("code", code)
            .append_pair("redirect_uri", redirect_uri)
            .append_pair("code_verifier", verifier);
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        let takes = |method: &str| {
            document.token_endpoint_auth_methods_supported.as_ref().map(|all| all.iter().any(|one| one == method))
        };
        match &self.config.client_secret {
            // the default of the standard, where the provider names none
            Some(secret) if takes("client_secret_basic").unwrap_or(true) => {
                let escaped = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
                let pair = Zeroizing::new(format!("{}:{}", escaped(&self.config.client_id), escaped(secret.expose())));
                let basic = Zeroizing::new(format!("Basic {}", STANDARD.encode(pair.as_bytes())));
                if let Ok(mut value) = HeaderValue::from_str(&basic) {
                    value.set_sensitive(true);
                    headers.insert(header::AUTHORIZATION, value);
                }
            }
            Some(secret) => {
                form.append_pair("client_id", &self.config.client_id).append_pair("client_secret", secret.expose());
            }
            None => {
                form.append_pair("client_id", &self.config.client_id);
            }
        }
        Outgoing { method: Method::POST, headers, body: Zeroizing::new(form.finish().into_bytes()) }
    }

    /// What an ID token must say beside what every token must (`OpenID` Connect Core 1.0, section 3.1.3.7).
    fn check(&self, app: &App, flow: &Flow, claims: &Claims) -> Result<(), ProviderError> {
        let text = |name: &str| claims.all.get(name).and_then(Value::as_str);
        if !text("nonce").is_some_and(|nonce| same_text(nonce, &flow.nonce(&app.instance))) {
            return Err(ProviderError::Answer("the nonce of this sign-in"));
        }
        let is_for_several = claims.all.get("aud").and_then(Value::as_array).is_some_and(|all| all.len() > 1);
        let azp = claims.all.get("azp");
        if (is_for_several || azp.is_some()) && azp.and_then(Value::as_str) != Some(self.config.client_id.as_str()) {
            return Err(ProviderError::Answer("azp"));
        }
        let proved = claims.all.get("auth_time").and_then(Value::as_i64).map(Timestamp::from_second).transpose();
        let proved = proved.map_err(|_| ProviderError::Answer("auth_time"))?;
        let is_old = |at: Timestamp| app.clock.now().duration_since(at) > LINK_AGE + SKEW;
        if matches!(flow.purpose, Purpose::Link { .. }) && proved.is_some_and(is_old) {
            return Err(ProviderError::Answer("a sign-in of the last five minutes"));
        }
        Ok(())
    }
}

#[derive(Deserialize)]
struct Tokens {
    id_token: String,
    access_token: Option<String>,
}

/// The provider's word for why it refuses, if it is one: nothing else of its answer is told.
fn reason(body: &[u8]) -> String {
    let answer: Option<Value> = serde_json::from_slice(body).ok();
    let word = answer.as_ref().and_then(|answer| answer.get("error")).and_then(Value::as_str);
    let is_word = |word: &&str| word.len() <= 40 && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    word.filter(is_word).unwrap_or("without a reason").to_owned()
}

struct Email {
    address: Option<String>,
    is_verified: Option<bool>,
}

impl Email {
    /// Only the JSON `true` vouches for an address: no text and no number does.
    fn of<'a>(claim: impl Fn(&str) -> Option<&'a Value>) -> Self {
        let fits = |text: &&str| (3..=MAX_TEXT_BYTES).contains(&text.len()) && !text.chars().any(char::is_control);
        let address = claim("email").and_then(Value::as_str).filter(fits).map(str::to_owned);
        let is_verified = claim("email_verified").map(|said| *said == Value::Bool(true));
        Self { address, is_verified }
    }
}

/// Providers that keep the ID token small tell the address here (`OpenID` Connect Core 1.0, section 5.3).
async fn userinfo(app: &App, url: &str, token: &str, subject: &str) -> Result<Email, ProviderError> {
    let target = Target::parse(url, app.identity.published.reach())?;
    let mut outgoing = Outgoing::get();
    let bearer = Zeroizing::new(format!("Bearer {token}"));
    let mut value = HeaderValue::from_str(&bearer).map_err(|_| ProviderError::Answer("an access token"))?;
    value.set_sensitive(true);
    outgoing.headers.insert(header::AUTHORIZATION, value);
    let answer = app.identity.published.send(&target, outgoing).await?;
    if !answer.status.is_success() {
        return Err(ProviderError::Refused { status: answer.status.as_u16(), reason: reason(&answer.body) });
    }
    let said: Value = serde_json::from_slice(&answer.body).map_err(|_| ProviderError::Answer("userinfo"))?;
    if said.get("sub").and_then(Value::as_str) != Some(subject) {
        return Err(ProviderError::Answer("the same person in userinfo"));
    }
    Ok(Email::of(|name| said.get(name)))
}
