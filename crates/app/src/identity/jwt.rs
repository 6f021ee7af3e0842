//! Proofs of identity that others signed (RFC 7519): what is read of them, and when they are believed. Pure.
//!
//! ```text
//! header ──> kid picks among the issuer's own keys; alg must be one that the key's type allows ──> signature
//!        ──> iss equal, aud contains ours, exp and nbf within 60 s of the clock, sub a text ──> claims
//! ```
//!
//! Nothing in a token says where its key is: `jku`, `x5u`, `x5c` and `jwk` are not looked at. A key that an issuer publishes
//! is never used for HMAC, and `none` is no algorithm. `crit` is refused, since nothing critical is understood here.

use jiff::Timestamp;
use jsonwebtoken::crypto::verify as jwt_verify;
use jsonwebtoken::dangerous::insecure_decode_claims;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyOperations, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, decode_header};
use serde::Deserialize;
use serde_json::{Map, Value};

/// Longest token.
const MAX_TOKEN_BYTES: usize = 8_192;
/// Most keys of one issuer.
const MAX_KEYS: usize = 100;
/// How far clocks may differ.
const SKEW_SECONDS: i64 = 60;
/// Longest subject.
const MAX_SUBJECT_BYTES: usize = 255;
/// Shortest shared key: as long as the hash (RFC 7518, section 3.2).
pub(crate) const MIN_SHARED_KEY_BYTES: usize = 32;
/// What a token may call its type. One that was made for something else, such as a sign-out, is none of these.
const TYPES: [&str; 3] = ["jwt", "at+jwt", "application/at+jwt"];

const RSA: [Algorithm; 6] =
    [Algorithm::RS256, Algorithm::RS384, Algorithm::RS512, Algorithm::PS256, Algorithm::PS384, Algorithm::PS512];

/// Why a token is not believed. Says nothing of what stands in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JwtError {
    /// Not three parts that can be read, or too long.
    #[error("it is not a JSON Web Token")]
    Shape,
    /// A header that asks for something that is not done here.
    #[error("its header asks for what is not accepted here")]
    Header,
    /// `none`, or an algorithm that does not go with the key.
    #[error("its algorithm does not go with the issuer's key")]
    Algorithm,
    /// The issuer has no key of that id.
    #[error("the issuer has no such key")]
    UnknownKey,
    /// The signature does not fit.
    #[error("its signature does not fit")]
    Signature,
    /// Another issuer.
    #[error("its issuer is not the one that is trusted")]
    Issuer,
    /// For somebody else.
    #[error("it is not meant for this audience")]
    Audience,
    /// Its time is over.
    #[error("it has expired")]
    Expired,
    /// Its time has not come.
    #[error("it is not valid yet")]
    NotYet,
    /// A claim that is missing or of the wrong type.
    #[error("its claim {0} is missing or has the wrong type")]
    Claim(&'static str),
}

/// One key, with the algorithms that its type allows.
struct Key {
    id: Option<String>,
    verifier: DecodingKey,
    algorithms: Vec<Algorithm>,
}

/// The keys of one issuer. They wipe themselves.
pub(crate) struct KeySet(Vec<Key>);

/// A document that is no JSON Web Key Set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the document is no JSON Web Key Set with a key that can verify signatures")]
pub struct NoKeySet;

#[derive(Deserialize)]
struct Document {
    keys: Vec<Value>,
}

impl KeySet {
    /// Reads a JSON Web Key Set (RFC 7517). Keys of unknown kinds, for encryption, and shared ones are left out: what is
    /// published is no shared secret.
    pub(crate) fn published(document: &[u8]) -> Result<Self, NoKeySet> {
        let document: Document = serde_json::from_slice(document).map_err(|_| NoKeySet)?;
        if document.keys.len() > MAX_KEYS {
            return Err(NoKeySet);
        }
        let keys: Vec<_> = document.keys.into_iter().filter_map(Key::published).collect();
        if keys.is_empty() { Err(NoKeySet) } else { Ok(Self(keys)) }
    }

    /// One key that both sides know, for HS256.
    pub(crate) fn shared(secret: &[u8]) -> Self {
        Self(vec![Key { id: None, verifier: DecodingKey::from_secret(secret), algorithms: vec![Algorithm::HS256] }])
    }

    /// The keys that a token may have been signed with.
    fn for_token(&self, id: Option<&str>, algorithm: Algorithm) -> Result<Vec<&Key>, JwtError> {
        // a shared key has no id, whatever the token calls it
        let named = |key: &&Key| key.id.is_none() || id.is_none() || key.id.as_deref() == id;
        let named: Vec<_> = self.0.iter().filter(named).collect();
        if named.is_empty() {
            return Err(JwtError::UnknownKey);
        }
        let fitting: Vec<_> = named.into_iter().filter(|key| key.algorithms.contains(&algorithm)).collect();
        if fitting.is_empty() { Err(JwtError::Algorithm) } else { Ok(fitting) }
    }
}

impl Key {
    fn published(value: Value) -> Option<Self> {
        let jwk: Jwk = serde_json::from_value(value).ok()?;
        let common = &jwk.common;
        let signs = common.public_key_use.as_ref().is_none_or(|usage| *usage == PublicKeyUse::Signature);
        let checks = common.key_operations.as_ref().is_none_or(|all| all.contains(&KeyOperations::Verify));
        if !signs || !checks {
            return None;
        }
        let mut algorithms = match &jwk.algorithm {
            AlgorithmParameters::RSA(_) => RSA.to_vec(),
            AlgorithmParameters::EllipticCurve(curve) => match curve.curve {
                EllipticCurve::P256 => vec![Algorithm::ES256],
                EllipticCurve::P384 => vec![Algorithm::ES384],
                _ => return None,
            },
            AlgorithmParameters::OctetKeyPair(pair) if pair.curve == EllipticCurve::Ed25519 => vec![Algorithm::EdDSA],
            _ => return None,
        };
        if let Some(only) = common.key_algorithm {
            let only: Algorithm = only.to_string().parse().ok()?;
            algorithms.retain(|algorithm| *algorithm == only);
        }
        let verifier = DecodingKey::from_jwk(&jwk).ok().filter(|_| !algorithms.is_empty())?;
        Some(Self { id: common.key_id.clone(), verifier, algorithms })
    }
}

/// What must be true of a token besides its signature.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Expected<'a> {
    pub(crate) issuer: &'a str,
    pub(crate) audience: &'a str,
}

/// The claims of a token that is believed.
pub(crate) struct Claims {
    /// Who it is about.
    pub(crate) subject: String,
    /// Its end.
    pub(crate) expires_at: Timestamp,
    /// Everything that it says.
    pub(crate) all: Map<String, Value>,
}

/// The issuer that a token names, to find whose keys to try. Not believed by this.
pub(crate) fn named_issuer(token: &str) -> Result<String, JwtError> {
    check_size(token)?;
    text(&claims_of(token)?, "iss").map(str::to_owned)
}

/// Believes a token, or says why not.
pub(crate) fn verify(token: &str, keys: &KeySet, expected: Expected<'_>, now: Timestamp) -> Result<Claims, JwtError> {
    check_size(token)?;
    let header = decode_header(token).map_err(|_| JwtError::Shape)?;
    let is_jwt = header.typ.as_ref().is_none_or(|typ| TYPES.iter().any(|known| typ.eq_ignore_ascii_case(known)));
    let asks_more = header.crit.is_some() || header.enc.is_some() || header.zip.is_some();
    if !is_jwt || asks_more {
        return Err(JwtError::Header);
    }
    let candidates = keys.for_token(header.kid.as_deref(), header.alg)?;
    let (signed, signature) = token.rsplit_once('.').ok_or(JwtError::Shape)?;
    let fits = |key: &Key| jwt_verify(signature, signed.as_bytes(), &key.verifier, header.alg).unwrap_or(false);
    if !candidates.iter().any(|key| fits(key)) {
        return Err(JwtError::Signature);
    }
    // checked below by this instance's clock, and with their types
    let claims = claims_of(token)?;
    if text(&claims, "iss")? != expected.issuer {
        return Err(JwtError::Issuer);
    }
    check_audience(&claims, expected.audience)?;
    let expires = check_times(&claims, now)?;
    let subject = text(&claims, "sub")?.to_owned();
    if subject.is_empty() || subject.len() > MAX_SUBJECT_BYTES || subject.chars().any(char::is_control) {
        return Err(JwtError::Claim("sub"));
    }
    let expires_at = Timestamp::from_second(expires).map_err(|_| JwtError::Claim("exp"))?;
    Ok(Claims { subject, expires_at, all: claims })
}

/// What a token says, whoever signed it.
fn claims_of(token: &str) -> Result<Map<String, Value>, JwtError> {
    insecure_decode_claims(token).map_err(|_| JwtError::Shape)
}

fn check_size(token: &str) -> Result<(), JwtError> {
    let fits = token.len() <= MAX_TOKEN_BYTES && token.split('.').filter(|part| !part.is_empty()).count() == 3;
    if fits && token.matches('.').count() == 2 { Ok(()) } else { Err(JwtError::Shape) }
}

fn text<'a>(claims: &'a Map<String, Value>, name: &'static str) -> Result<&'a str, JwtError> {
    claims.get(name).and_then(Value::as_str).ok_or(JwtError::Claim(name))
}

/// `aud` is a text, or a list of texts (RFC 7519, section 4.1.3).
fn check_audience(claims: &Map<String, Value>, audience: &str) -> Result<(), JwtError> {
    let is_ours = match claims.get("aud") {
        Some(Value::String(one)) => one == audience,
        Some(Value::Array(all)) if all.iter().all(Value::is_string) => all.iter().any(|one| one == audience),
        _ => return Err(JwtError::Claim("aud")),
    };
    if is_ours { Ok(()) } else { Err(JwtError::Audience) }
}

/// Checks `exp`, `nbf` and `iat`, and gives the first in seconds.
fn check_times(claims: &Map<String, Value>, now: Timestamp) -> Result<i64, JwtError> {
    let now = now.as_second();
    let expires = seconds(claims, "exp")?.ok_or(JwtError::Claim("exp"))?;
    if expires <= now - SKEW_SECONDS {
        return Err(JwtError::Expired);
    }
    for name in ["nbf", "iat"] {
        if seconds(claims, name)?.is_some_and(|from| from > now + SKEW_SECONDS) {
            return Err(JwtError::NotYet);
        }
    }
    Ok(expires)
}

/// A `NumericDate`; the part of a second that it may have makes no difference here.
fn seconds(claims: &Map<String, Value>, name: &'static str) -> Result<Option<i64>, JwtError> {
    let Some(value) = claims.get(name) else { return Ok(None) };
    let Value::Number(number) = value else { return Err(JwtError::Claim(name)) };
    let whole = number.to_string().split('.').next().and_then(|whole| whole.parse::<i64>().ok());
    // beyond the year 9999 nothing is a date
    let fits = whole.filter(|whole| (0..=253_402_300_799).contains(whole));
    fits.map(Some).ok_or(JwtError::Claim(name))
}

#[cfg(test)]
#[path = "jwt_tests.rs"]
mod tests;
