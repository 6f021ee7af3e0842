#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{EncodingKey, Header, encode};
use serde_json::json;

use super::*;

const ISSUER: &str = "https://login.example.com";
const EXPECTED: Expected<'static> = Expected { issuer: ISSUER, audience: "app" };
const NOW: i64 = 1_800_000_000;

fn now() -> Timestamp {
    Timestamp::from_second(NOW).unwrap()
}

fn ec() -> EncodingKey {
    let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new()).unwrap();
    EncodingKey::from_ec_der(document.as_ref())
}

fn ed() -> EncodingKey {
    let document = Ed25519KeyPair::generate_pkcs8v1(&SystemRandom::new()).unwrap();
    EncodingKey::from_ed_der(document.as_ref())
}

fn rsa() -> EncodingKey {
    let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
    let document = pair.as_der().unwrap();
    // the key of RFC 8017 stands behind 26 bytes of PKCS #8
    EncodingKey::from_rsa_der(&document.as_ref()[26..])
}

/// A published key of this id, without the algorithm that it may name.
fn published(key: &EncodingKey, algorithm: Algorithm, id: &str) -> Value {
    let mut jwk = serde_json::to_value(Jwk::from_encoding_key(key, algorithm).unwrap()).unwrap();
    jwk.as_object_mut().unwrap().remove("alg");
    jwk["kid"] = json!(id);
    jwk
}

fn set(keys: &[Value]) -> KeySet {
    KeySet::published(json!({ "keys": keys }).to_string().as_bytes()).unwrap()
}

fn claims() -> Value {
    json!({ "iss": ISSUER, "aud": "app", "sub": "u1", "exp": NOW + 600, "iat": NOW })
}

fn header(algorithm: Algorithm, id: &str) -> Header {
    Header { kid: Some(id.to_owned()), ..Header::new(algorithm) }
}

fn judged(token: &str, keys: &KeySet) -> Result<String, JwtError> {
    verify(token, keys, EXPECTED, now()).map(|claims| claims.subject)
}

/// The verdict on a token with these claims and a signature that fits.
fn said(claims: &Value) -> Result<String, JwtError> {
    let key = ec();
    let token = encode(&header(Algorithm::ES256, "k"), claims, &key).unwrap();
    judged(&token, &set(&[published(&key, Algorithm::ES256, "k")]))
}

fn with(name: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[name] = value;
    claims
}

#[test]
fn a_token_of_each_kind_of_key_is_believed() {
    let all = [(ec(), Algorithm::ES256), (ed(), Algorithm::EdDSA), (rsa(), Algorithm::RS256)];
    let keys: Vec<_> =
        all.iter().enumerate().map(|(n, (key, algorithm))| published(key, *algorithm, &n.to_string())).collect();
    let keys = set(&keys);
    for (n, (key, algorithm)) in all.iter().enumerate() {
        let token = encode(&header(*algorithm, &n.to_string()), &claims(), key).unwrap();
        assert_eq!(judged(&token, &keys).as_deref(), Ok("u1"), "{algorithm:?}");
        let unnamed = encode(&Header::new(*algorithm), &claims(), key).unwrap();
        assert_eq!(judged(&unnamed, &keys).as_deref(), Ok("u1"), "{algorithm:?} without a key id");
    }
    let shared = encode(&Header::new(Algorithm::HS256), &claims(), &EncodingKey::from_secret(&[7; 32])).unwrap();
    assert_eq!(judged(&shared, &KeySet::shared(&[7; 32])).as_deref(), Ok("u1"));
    assert_eq!(judged(&shared, &KeySet::shared(&[8; 32])), Err(JwtError::Signature));
}

#[test]
fn no_algorithm_and_one_of_another_kind_of_key_are_refused() {
    let key = rsa();
    let document = published(&key, Algorithm::RS256, "k");
    let keys = set(std::slice::from_ref(&document));
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    for none in ["none", "None", "NONE", "nOnE"] {
        for end in ["", "x"] {
            let token = format!("{}.{}.{end}", part(&json!({ "alg": none, "kid": "k" })), part(&claims()));
            assert_eq!(judged(&token, &keys), Err(JwtError::Shape), "{none}");
        }
    }
    // the public key as a shared one: its number, its document, its text
    for secret in
        [document["n"].as_str().unwrap().to_owned(), document.to_string(), json!({"keys":[document]}).to_string()]
    {
        let hmac = EncodingKey::from_secret(secret.as_bytes());
        let token = encode(&header(Algorithm::HS256, "k"), &claims(), &hmac).unwrap();
        assert_eq!(judged(&token, &keys), Err(JwtError::Algorithm));
    }
    let elsewhere = encode(&header(Algorithm::ES256, "k"), &claims(), &ec()).unwrap();
    assert_eq!(judged(&elsewhere, &keys), Err(JwtError::Algorithm));
    let signed = encode(&header(Algorithm::RS256, "k"), &claims(), &key).unwrap();
    assert_eq!(judged(&signed, &KeySet::shared(&[7; 32])), Err(JwtError::Algorithm));
}

#[test]
fn a_key_that_names_its_algorithm_takes_no_other() {
    let key = rsa();
    let mut document = published(&key, Algorithm::RS256, "k");
    document["alg"] = json!("PS256");
    let keys = set(&[document]);
    let token = |algorithm| encode(&header(algorithm, "k"), &claims(), &key).unwrap();
    assert_eq!(judged(&token(Algorithm::RS256), &keys), Err(JwtError::Algorithm));
    assert!(judged(&token(Algorithm::PS256), &keys).is_ok());
}

#[test]
fn where_a_token_says_that_its_key_is_is_not_looked_at() {
    let (ours, theirs) = (ec(), ec());
    let keys = set(&[published(&ours, Algorithm::ES256, "k")]);
    let own = Jwk::from_encoding_key(&theirs, Algorithm::ES256).unwrap();
    let forged = Header {
        jku: Some("https://evil.example/jwks.json".to_owned()),
        x5u: Some("https://evil.example/cert.pem".to_owned()),
        jwk: Some(own),
        ..header(Algorithm::ES256, "k")
    };
    let token = encode(&forged, &claims(), &theirs).unwrap();
    assert_eq!(judged(&token, &keys), Err(JwtError::Signature));
    assert!(judged(&encode(&forged, &claims(), &ours).unwrap(), &keys).is_ok());
}

#[test]
fn a_key_id_only_picks_among_the_issuers_keys() {
    let key = ec();
    let keys = set(&[published(&key, Algorithm::ES256, "k")]);
    for id in ["../../etc/passwd", "' OR 1=1 --", "https://evil.example/k", "K", ""] {
        let token = encode(&header(Algorithm::ES256, id), &claims(), &key).unwrap();
        assert_eq!(judged(&token, &keys), Err(JwtError::UnknownKey), "{id}");
    }
}

#[test]
fn shared_and_encrypting_keys_in_a_published_set_are_left_out() {
    let key = ec();
    let mut encrypting = published(&key, Algorithm::ES256, "k");
    encrypting["use"] = json!("enc");
    let shared = json!({ "kty": "oct", "k": URL_SAFE_NO_PAD.encode([7; 32]), "kid": "s", "alg": "HS256" });
    for keys in [json!([shared, encrypting]), json!([]), json!([{}]), json!("x")] {
        assert!(KeySet::published(json!({ "keys": keys }).to_string().as_bytes()).is_err());
    }
    let many: Vec<_> = (0..=MAX_KEYS).map(|n| published(&key, Algorithm::ES256, &n.to_string())).collect();
    assert!(KeySet::published(json!({ "keys": many }).to_string().as_bytes()).is_err());
}

#[test]
fn issuer_audience_subject_and_expiry_are_required_and_of_their_types() {
    for name in ["iss", "aud", "sub", "exp"] {
        let mut without = claims();
        without.as_object_mut().unwrap().remove(name);
        assert_eq!(said(&without), Err(JwtError::Claim(name)), "{name}");
        for wrong in [json!(null), json!(true), json!({}), json!([1])] {
            assert_eq!(said(&with(name, wrong.clone())), Err(JwtError::Claim(name)), "{name} {wrong}");
        }
    }
    for (name, wrong) in [("sub", json!(7)), ("sub", json!("")), ("sub", json!("a\nb")), ("exp", json!("1900000000"))] {
        assert_eq!(said(&with(name, wrong)), Err(JwtError::Claim(name)));
    }
    for (name, wrong) in [("exp", json!(-1)), ("exp", json!(1e300)), ("nbf", json!("x")), ("aud", json!(["app", 1]))] {
        assert_eq!(said(&with(name, wrong)), Err(JwtError::Claim(name)));
    }
    assert_eq!(said(&with("sub", json!("x".repeat(256)))), Err(JwtError::Claim("sub")));
}

#[test]
fn another_issuer_or_audience_is_refused_and_a_list_with_ours_is_not() {
    for wrong in ["https://login.example.com/", "https://LOGIN.example.com", "", "https://login.example.com.evil"] {
        assert_eq!(said(&with("iss", json!(wrong))), Err(JwtError::Issuer), "{wrong}");
    }
    for wrong in [json!("App"), json!("app "), json!([]), json!(["other", "app2"])] {
        assert_eq!(said(&with("aud", wrong.clone())), Err(JwtError::Audience), "{wrong}");
    }
    assert!(said(&with("aud", json!(["other", "app"]))).is_ok());
}

#[test]
fn clocks_may_differ_by_a_minute_and_no_more() {
    for (name, at, verdict) in [
        ("exp", NOW - 59, Ok("u1".to_owned())),
        ("exp", NOW - 60, Err(JwtError::Expired)),
        ("nbf", NOW + 60, Ok("u1".to_owned())),
        ("nbf", NOW + 61, Err(JwtError::NotYet)),
        ("iat", NOW + 61, Err(JwtError::NotYet)),
    ] {
        assert_eq!(said(&with(name, json!(at))), verdict, "{name} {}", at - NOW);
    }
}

#[test]
fn tokens_for_something_else_and_critical_extensions_are_refused() {
    let key = ec();
    let keys = set(&[published(&key, Algorithm::ES256, "k")]);
    for (typ, crit, fits) in [
        (Some("JWT"), None, true),
        (Some("at+jwt"), None, true),
        (None, None, true),
        (Some("logout+jwt"), None, false),
        (Some("JWT"), Some(vec!["b64".to_owned()]), false),
    ] {
        let header = Header { typ: typ.map(str::to_owned), crit, ..header(Algorithm::ES256, "k") };
        let token = encode(&header, &claims(), &key).unwrap();
        assert_eq!(judged(&token, &keys).is_ok(), fits, "{typ:?}");
    }
}

#[test]
fn a_changed_byte_anywhere_is_noticed() {
    let key = ec();
    let keys = set(&[published(&key, Algorithm::ES256, "k")]);
    let token = encode(&header(Algorithm::ES256, "k"), &claims(), &key).unwrap();
    for index in 0..token.len() {
        let mut bytes = token.clone().into_bytes();
        bytes[index] = if bytes[index] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(bytes).unwrap();
        assert!(changed == token || judged(&changed, &keys).is_err(), "byte {index}");
    }
    for text in ["", ".", "..", "a.b.c", "a.b.c.d", &format!("{token}."), &"a".repeat(9_000)] {
        assert!(judged(text, &keys).is_err(), "{text}");
    }
}
