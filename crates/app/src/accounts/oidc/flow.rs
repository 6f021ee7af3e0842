//! What a browser keeps while its person is at the provider. Nothing of it is kept here.
//!
//! ```text
//! cookie = base64url(JSON {seed, until, purpose}) "." hex(MAC)
//! state  = HMAC("oidc.state", seed)      nonce = HMAC("oidc.nonce", seed)      verifier = HMAC("oidc.verifier", seed)
//! ```
//!
//! All three come from the seed under this instance's key: who knows the cookie does not know them, who knows one of them
//! knows no other, and who has none of this browser's cookies can bring no callback that fits.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use strongroom_model::Id;
use strongroom_seal::{Instance, keyed_digest, same_text};
use zeroize::Zeroizing;

/// How long a person may take at the provider.
pub(super) const LIFETIME: SignedDuration = SignedDuration::from_mins(10);
/// Longest text of a cookie that is looked at.
const MAX_BYTES: usize = 4_096;

/// What a sign-in at the provider is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Purpose {
    /// A person who is known by it comes in, and goes on to a page of this server.
    SignIn {
        /// Its address.
        next: String,
    },
    /// Somebody who was invited makes the account. The invitation's code was shown; its digest says which one it is.
    Accept {
        /// In hexadecimal.
        invitation: String,
    },
    /// A person who is signed in will come in by it too.
    Link {
        /// The session that began it.
        session: Id,
    },
}

/// A sign-in that a browser began.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Flow {
    seed: Id,
    until: Timestamp,
    pub(super) purpose: Purpose,
}

impl Flow {
    /// A new one. `seed` is random.
    pub(super) fn begin(seed: Id, now: Timestamp, purpose: Purpose) -> Self {
        Self { seed, until: now.checked_add(LIFETIME).unwrap_or(now), purpose }
    }

    /// What the browser keeps.
    pub(super) fn cookie(&self, instance: &Instance) -> Zeroizing<String> {
        let written = serde_json::to_vec(self).expect("a flow has text keys only");
        let body = URL_SAFE_NO_PAD.encode(written);
        let mac = mac(instance, &body);
        Zeroizing::new(format!("{body}.{mac}"))
    }

    /// What a browser kept, if this instance wrote it and it has not run out.
    pub(super) fn open(instance: &Instance, text: &str, now: Timestamp) -> Option<Self> {
        let (body, said) = text.split_once('.').filter(|_| text.len() <= MAX_BYTES)?;
        if !same_text(&mac(instance, body), said) {
            return None;
        }
        let written = URL_SAFE_NO_PAD.decode(body).ok()?;
        let flow: Self = serde_json::from_slice(&written).ok()?;
        (flow.until > now).then_some(flow)
    }

    /// What the provider hands back with its answer.
    pub(super) fn state(&self, instance: &Instance) -> String {
        self.derived(instance, "oidc.state")
    }

    /// What the provider writes into the proof.
    pub(super) fn nonce(&self, instance: &Instance) -> String {
        self.derived(instance, "oidc.nonce")
    }

    /// What only who began it can show with the code (RFC 7636).
    pub(super) fn verifier(&self, instance: &Instance) -> Zeroizing<String> {
        Zeroizing::new(self.derived(instance, "oidc.verifier"))
    }

    fn derived(&self, instance: &Instance, purpose: &str) -> String {
        hex::encode(keyed_digest(instance, purpose, self.seed.as_bytes()))
    }
}

fn mac(instance: &Instance, body: &str) -> String {
    hex::encode(keyed_digest(instance, "oidc.flow", body.as_bytes()))
}
