//! Signing in at an `OpenID` provider: authorization code with PKCE, state and nonce.
//!
//! ```text
//! begin ──> the browser keeps a cookie and goes to the provider
//! callback ──> the cookie is this browser's ── state fits ── not spent before ── the provider proves who for the code
//!          ──> (issuer, subject) ──> a person who is linked comes in · who was invited makes the account · a link
//! ```
//!
//! A person is known by issuer and subject. An e-mail address lets nobody in; it only keeps out.

mod flow;
mod linking;
mod provider;

use jiff::SignedDuration;
use strongroom_seal::same_text;
use strongroom_store::{StoreError, Tx};
use zeroize::Zeroizing;

use super::entering::{Entered, Visitor};
use crate::audit::Record;
use crate::caller::Caller;
use crate::error::Error;
use crate::open::App;
use flow::{Flow, Purpose};
use provider::ProviderError;

pub use linking::{Linked, linked, unlink};
pub use provider::ProviderConfig;

pub(super) use provider::Proof;

pub(super) use linking::{identity_row, insert};
pub(crate) use provider::Provider;

/// Where the provider sends browsers back to, below the public address.
pub const CALLBACK: &str = "/sign-in/oidc/callback";

/// Where a browser goes, and what it keeps until it is back.
pub struct Going {
    /// The provider's address.
    pub address: String,
    /// The cookie. It holds no credential.
    pub cookie: Zeroizing<String>,
    /// For so long.
    pub lifetime: SignedDuration,
}

/// What a browser brings back.
#[derive(Debug, Default)]
pub struct Callback {
    /// The code.
    pub code: Option<String>,
    /// What the browser was sent off with.
    pub state: Option<String>,
    /// Who sends it back (RFC 9207).
    pub issuer: Option<String>,
    /// Why there is no code.
    pub error: Option<String>,
}

/// What became of it.
pub enum Finished {
    /// A person came in.
    Entered {
        /// The session.
        entered: Box<Entered>,
        /// Where to go on to, on this server.
        next: String,
    },
    /// A person who is signed in is linked from now on.
    Linked,
}

/// What people know the provider by, if there is one.
pub fn provider_name(app: &App) -> Option<&str> {
    app.accounts.provider.as_ref().map(|provider| provider.config.name.as_str())
}

/// Begins a sign-in that leads on to `next`, which is an address on this server.
pub async fn begin(app: &App, visitor: &Visitor, next: &str) -> Result<Going, Error> {
    provider(app)?;
    app.accounts.limits.by_address(visitor.address)?;
    go(app, Purpose::SignIn { next: next.chars().take(1_024).collect() }).await
}

/// Begins to accept an invitation by a sign-in.
pub async fn begin_accepting(app: &App, visitor: &Visitor, code: &str) -> Result<Going, Error> {
    provider(app)?;
    super::users::invited(app, visitor, code).await?;
    go(app, Purpose::Accept { invitation: hex::encode(super::users::digest(&app.instance, code)) }).await
}

/// Begins to link one's account. The session must have begun just now: whoever finds it open adds no way in.
pub async fn begin_linking(app: &App, caller: &Caller) -> Result<Going, Error> {
    let session = linking::fresh_session(app, caller).await?;
    go(app, Purpose::Link { session }).await
}

async fn go(app: &App, purpose: Purpose) -> Result<Going, Error> {
    let provider = provider(app)?;
    let flow = Flow::begin(app.new_id(), app.clock.now(), purpose);
    let document = match provider.document(app).await {
        Ok(document) => document,
        Err(error) => return Err(app.provider_failed(&error, "none").await),
    };
    let address = provider.address(app, &document, &flow, &redirect_uri(app)?);
    Ok(Going { address, cookie: flow.cookie(&app.instance), lifetime: flow::LIFETIME })
}

fn provider(app: &App) -> Result<&Provider, Error> {
    app.accounts.provider.as_ref().ok_or_else(|| Error::not_found("a sign-in provider of this server"))
}

fn redirect_uri(app: &App) -> Result<String, Error> {
    Ok(format!("{}{CALLBACK}", app.reached_at()?))
}

/// Ends what a browser began. `kept` is its cookie; `caller` is who is signed in there, if anybody is.
pub async fn finish(
    app: &App,
    visitor: &Visitor,
    (kept, caller): (Option<&str>, Option<&Caller>),
    callback: Callback,
) -> Result<Finished, Error> {
    let provider = provider(app)?;
    app.accounts.limits.by_address(visitor.address)?;
    let now = app.clock.now();
    let flow = kept.and_then(|text| Flow::open(&app.instance, text, now));
    let is_own =
        |flow: &Flow| callback.state.as_ref().is_some_and(|state| same_text(state, &flow.state(&app.instance)));
    let Some(flow) = flow.filter(is_own) else {
        app.count_anonymous_denial(&visitor.source);
        return Err(not_begun());
    };
    spend(app, &flow).await?;
    let document = match provider.document(app).await {
        Ok(document) => document,
        Err(error) => return Err(app.provider_failed(&error, &visitor.request_id).await),
    };
    // another provider's answer that is passed off as this one's (RFC 9207)
    let is_named = callback.issuer.as_deref().map(|issuer| issuer == provider.config.issuer.as_str());
    if is_named == Some(false) || (is_named.is_none() && document.authorization_response_iss_parameter_supported) {
        app.count_anonymous_denial(&visitor.source);
        return Err(not_begun());
    }
    let Some(code) = callback.code.filter(|_| callback.error.is_none()) else {
        let name = &provider.config.name;
        return Err(Error::NotSignedIn(format!("{name} did not sign you in, or you turned back; nothing was changed")));
    };
    let proof = match provider.redeem(app, &flow, (&code, &redirect_uri(app)?)).await {
        Ok(proof) => proof,
        Err(error) => return Err(app.provider_failed(&error, &visitor.request_id).await),
    };
    if let Err(refusal) = may_come(provider, &proof) {
        return Err(app.refuse_proof(visitor, &proof, refusal).await?);
    }
    match flow.purpose {
        Purpose::SignIn { next } => {
            let entered = Box::new(linking::enter(app, visitor, &proof).await?);
            Ok(Finished::Entered { entered, next })
        }
        Purpose::Accept { invitation } => {
            let digest = hex::decode(invitation).map_err(|_| not_begun())?;
            let entered = super::users::accept_as(app, visitor, digest, proof).await?;
            Ok(Finished::Entered { entered: Box::new(entered), next: "/".to_owned() })
        }
        Purpose::Link { session } => {
            linking::link(app, caller, session, &proof).await?;
            Ok(Finished::Linked)
        }
    }
}

/// Each state serves once, also for who has the cookie.
async fn spend(app: &App, flow: &Flow) -> Result<(), Error> {
    let (state, now) = (flow.state(&app.instance), app.clock.now());
    let spent = app.store.write(move |tx: &mut dyn Tx| tx.remember_idempotent("oidc", &state, "", now)).await;
    match spent {
        Err(StoreError::Exists(_)) => Err(not_begun()),
        other => Ok(other?),
    }
}

/// Without the cookie of its own beginning, and after it has served, every callback is told the same.
fn not_begun() -> Error {
    Error::NotSignedIn(
        "this sign-in was not begun in this browser, was used already, or took longer than 10 minutes; begin it again"
            .to_owned(),
    )
}

/// Why somebody whom the provider proved does not come in.
#[derive(Debug, Clone, Copy)]
pub(super) enum Refusal {
    /// Nobody here is linked, or who is may not sign in.
    Unknown,
    /// The provider says that it does not vouch for the address, or says nothing where the address counts.
    Unverified,
    /// The address is of another domain than those that may.
    Domain,
    /// The invitation is for another address.
    OtherAddress,
}

/// Whether a proof may be used at all: an address that is not verified links and lets in nobody, and where domains are
/// named, only verified addresses in them do.
fn may_come(provider: &Provider, proof: &Proof) -> Result<(), Refusal> {
    if proof.is_verified == Some(false) {
        return Err(Refusal::Unverified);
    }
    let domains = &provider.config.domains;
    if domains.is_empty() {
        return Ok(());
    }
    let address = proof.verified_email().ok_or(Refusal::Unverified)?;
    let domain = address.rsplit_once('@').map(|(_, domain)| domain.to_ascii_lowercase());
    let is_named = domain.is_some_and(|domain| domains.contains(&domain));
    if is_named { Ok(()) } else { Err(Refusal::Domain) }
}

impl Proof {
    /// The address, if the provider vouches for it.
    pub(super) fn verified_email(&self) -> Option<&str> {
        self.email.as_deref().filter(|_| self.is_verified == Some(true))
    }
}

/// What stands behind an error, outermost first.
fn causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

impl App {
    /// What a visitor is told when the provider proved nobody; the cause is for whoever runs the server.
    async fn provider_failed(&self, error: &ProviderError, request_id: &str) -> Error {
        let name = provider_name(self).unwrap_or_default();
        let causes = causes(error);
        tracing::warn!(%error, causes, request_id, "the sign-in provider proved nobody");
        let text = format!("refused: a sign-in at {name}, request {request_id}: {error}");
        self.house_line("security", "warn", None, text).await;
        Error::Unavailable(format!(
            "{name} did not confirm who you are, and nothing was changed; begin again, and if it happens once more, an admin finds the cause in the server's log"
        ))
    }

    /// Records that somebody whom the provider proved does not come in, and says what to do.
    pub(super) async fn refuse_proof(
        &self,
        visitor: &Visitor,
        proof: &Proof,
        refusal: Refusal,
    ) -> Result<Error, Error> {
        let name = provider_name(self).unwrap_or_default();
        let (reason, text) = match refusal {
            Refusal::Unknown => (
                "not linked",
                format!(
                    "no account here that may sign in is linked with this account of {name}. If you have one, sign in with your password and link it on your account page; otherwise ask an admin for an invitation"
                ),
            ),
            Refusal::Unverified => (
                "address not verified",
                format!("{name} does not vouch for your e-mail address; verify it there, then begin again"),
            ),
            Refusal::Domain => (
                "other domain",
                "e-mail addresses of this domain do not sign in here; choose another account".to_owned(),
            ),
            Refusal::OtherAddress => (
                "other address than invited",
                format!(
                    "this invitation is for another e-mail address than {name} vouches for; choose the right account there, or accept the invitation with a password"
                ),
            ),
        };
        let target = serde_json::json!({ "provider": proof.issuer, "subject": proof.subject, "reason": reason });
        let line =
            format!("refused: a sign-in at {name} from {}, {reason}, request {}", visitor.source, visitor.request_id);
        self.house_line("security", "warn", None, line).await;
        let record =
            Record::of_visitor(self.clock.now(), visitor, ("anonymous", None), ("session.begin", false), &target);
        self.audit(record).await?;
        Ok(Error::NotSignedIn(text))
    }
}
