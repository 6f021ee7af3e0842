//! The named vectors of `docs/formats/vectors/`, which `docs/formats/check_vectors.py` checks a second time with code
//! that shares nothing with this crate. The files are never regenerated: a format that changes gets a new number.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a broken vector file may stop the test")]

use std::sync::Mutex;

use serde_json::Value;
use strongroom_model::{Id, Scope, SecretName};
use strongroom_seal::{
    Instance, ProjectKey, Random, RootKey, RowKind, SealError, ValueContext, envelope_key_version, keyed_digest,
    open_value, seal_value, token,
};
use strongroom_secret::SecretValue;

/// Random bytes that the vector names, each given once.
struct Known(Mutex<Vec<u8>>);

impl Known {
    fn hex(digits: &Value) -> Self {
        Self(Mutex::new(bytes(digits)))
    }
}

impl Random for Known {
    fn fill(&self, bytes: &mut [u8]) {
        let mut known = self.0.lock().unwrap();
        assert!(known.len() >= bytes.len(), "the vector has too few random bytes");
        let rest = known.split_off(bytes.len());
        bytes.copy_from_slice(&std::mem::replace(&mut *known, rest));
    }
}

fn vectors(text: &str, kind: &str) -> Vec<Value> {
    let file: Value = serde_json::from_str(text).unwrap();
    let cases = file[kind].as_array().unwrap().clone();
    assert!(!cases.is_empty());
    cases
}

/// Each case of `refused` with the vector it changes, changed.
fn changed(cases: &[Value], refused: &[Value]) -> Vec<(String, Value, Value)> {
    let change = |case: &Value| {
        let original = cases.iter().find(|original| original["id"] == case["of"]).unwrap();
        let mut changed = original.clone();
        for (field, value) in case["instead"].as_object().unwrap() {
            changed[field] = value.clone();
        }
        (text(&case["id"]), original.clone(), changed)
    };
    refused.iter().map(change).collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

fn bytes(value: &Value) -> Vec<u8> {
    hex::decode(value.as_str().unwrap()).unwrap()
}

fn id(value: &Value) -> Id {
    value.as_str().unwrap().parse().unwrap()
}

fn version(value: &Value) -> u32 {
    u32::try_from(value.as_u64().unwrap()).unwrap()
}

fn root(value: &Value) -> RootKey {
    RootKey::from_text(value.as_str().unwrap()).unwrap()
}

fn project_key(digits: &Value) -> ProjectKey {
    RootKey::generate(&Known(Mutex::new(vec![0; 32])))
        .unlock(Id::from_bytes([0; 16]))
        .new_project_key(&Known::hex(digits))
}

/// Every bit flipped, every length cut, a byte more at either end.
fn damaged(original: &[u8]) -> impl Iterator<Item = Vec<u8>> + '_ {
    let flipped = (0..original.len() * 8).map(|bit| {
        let mut changed = original.to_vec();
        *changed.get_mut(bit / 8).unwrap() ^= 1 << (bit % 8);
        changed
    });
    let cut = (0..original.len()).map(|length| original.iter().copied().take(length).collect());
    flipped.chain(cut).chain([[original, &[0]].concat(), [&[0], original].concat()])
}

// ---- root keys -------------------------------------------------------------------------------------------------

const ROOT_KEY: &str = include_str!("../../../docs/formats/vectors/root-key.json");

#[test]
fn root_keys_are_read_in_every_spelling_and_known_again() {
    for case in vectors(ROOT_KEY, "keys") {
        let instance = id(&case["instance"]);
        for spelling in case["texts"].as_array().unwrap() {
            let key = root(spelling);
            assert_eq!(*key.to_text(), text(&case["texts"][0]));
            assert_eq!(key.fingerprint().to_string(), text(&case["fingerprint"]));
            assert_eq!(hex::encode(key.key_check_value(&instance)), text(&case["check"]));
            assert_eq!(key.verify_check(&instance, &bytes(&case["check"])), Ok(()));
        }
    }
}

#[test]
fn damaged_or_foreign_check_values_are_refused() {
    let cases = vectors(ROOT_KEY, "keys");
    for case in &cases {
        let (key, instance) = (root(&case["key"]), id(&case["instance"]));
        for changed in damaged(&bytes(&case["check"])) {
            assert_eq!(key.verify_check(&instance, &changed), Err(SealError::DoesNotOpen));
        }
        for other in cases.iter().filter(|other| other["id"] != case["id"]) {
            assert_eq!(key.verify_check(&instance, &bytes(&other["check"])), Err(SealError::DoesNotOpen));
        }
    }
}

#[test]
fn texts_that_are_no_root_key_are_refused_without_an_echo() {
    for case in vectors(ROOT_KEY, "refused") {
        let refused = RootKey::from_text(&text(&case["text"])).err();
        assert!(refused.is_some(), "{}", case["id"]);
        let message = refused.map(|error| format!("{error} {error:?}")).unwrap_or_default();
        let given = text(&case["text"]);
        let given = given.trim();
        assert!(given.len() < 8 || !message.contains(given), "{}", case["id"]);
    }
}

// ---- envelopes -------------------------------------------------------------------------------------------------

const ENVELOPE: &str = include_str!("../../../docs/formats/vectors/envelope.json");

struct Place {
    key: ProjectKey,
    project: Id,
    secret: Id,
    scope: Scope,
    name: SecretName,
    version: u64,
}

impl Place {
    fn of(case: &Value) -> Self {
        let part = |part: &str| case["scope"][part].as_str().unwrap();
        let scope = match part("kind") {
            "global" => Scope::Global,
            "namespace" => Scope::Namespace(part("namespace").parse().unwrap()),
            "app" => Scope::App(part("namespace").parse().unwrap(), part("app").parse().unwrap()),
            "system" => Scope::System,
            "user" => Scope::User(part("user").parse().unwrap()),
            other => panic!("unknown scope {other}"),
        };
        Self {
            key: project_key(&case["project_key"]),
            project: id(&case["project"]),
            secret: id(&case["secret"]),
            scope,
            name: text(&case["name"]).parse().unwrap(),
            version: case["version"].as_u64().unwrap(),
        }
    }

    fn context(&self) -> ValueContext<'_> {
        let Self { project, secret, scope, name, version, .. } = self;
        ValueContext { project, scope, name, secret, version: *version }
    }

    fn open(&self, envelope: &[u8]) -> Result<String, SealError> {
        open_value(&self.key, &self.context(), envelope).map(|value| value.expose().to_owned())
    }
}

#[test]
fn envelopes_seal_to_the_byte_and_open() {
    for case in vectors(ENVELOPE, "opens") {
        let place = Place::of(&case);
        let (value, key_version) = (SecretValue::new(text(&case["value"])).unwrap(), version(&case["key_version"]));
        let sealed = seal_value(&place.key, key_version, &place.context(), &value, &Known::hex(&case["random"]));
        assert_eq!(sealed.map(hex::encode), Ok(text(&case["envelope"])), "{}", case["id"]);
        assert_eq!(place.open(&bytes(&case["envelope"])), Ok(text(&case["value"])), "{}", case["id"]);
        assert_eq!(envelope_key_version(&bytes(&case["envelope"])), Ok(key_version));
    }
}

#[test]
fn an_envelope_with_any_bit_flipped_or_cut_anywhere_does_not_open() {
    for case in vectors(ENVELOPE, "opens") {
        let place = Place::of(&case);
        for changed in damaged(&bytes(&case["envelope"])) {
            assert_eq!(place.open(&changed), Err(SealError::DoesNotOpen), "{}", case["id"]);
        }
    }
}

#[test]
fn moved_and_forged_ciphertext_does_not_open() {
    let (opens, refused) = (vectors(ENVELOPE, "opens"), vectors(ENVELOPE, "refused"));
    for (name, _, case) in changed(&opens, &refused) {
        assert_eq!(Place::of(&case).open(&bytes(&case["envelope"])), Err(SealError::DoesNotOpen), "{name}");
    }
}

#[test]
fn no_envelope_opens_in_the_place_of_another() {
    let opens = vectors(ENVELOPE, "opens");
    for (here, case) in opens.iter().enumerate() {
        let place = Place::of(case);
        for (there, other) in opens.iter().enumerate() {
            let same_place = case["scope"] == other["scope"] && case["name"] == other["name"];
            let opened = place.open(&bytes(&other["envelope"]));
            assert_eq!(opened.is_ok(), here == there || same_place, "{} {}", case["id"], other["id"]);
        }
    }
}

// ---- wrapped keys ----------------------------------------------------------------------------------------------

const WRAPPED: &str = include_str!("../../../docs/formats/vectors/wrapped-key.json");

/// What opening gives, shown by a MAC that only the right key makes.
fn open_wrapped(case: &Value, sealed: &[u8]) -> Result<Vec<u8>, SealError> {
    let (root, instance) = (root(&case["root"]), id(&case["instance"]));
    if case["project"].is_null() {
        return root.unlock_carried(instance, sealed).map(|instance| instance.row_mac(RowKind::Token, &[]).to_vec());
    }
    root.unlock(instance).unwrap(&id(&case["project"]), version(&case["version"]), sealed).map(|key| shown(&key))
}

/// An envelope that only this key makes.
fn shown(key: &ProjectKey) -> Vec<u8> {
    let (zero, name) = (Id::from_bytes([0; 16]), "A".parse().unwrap());
    let context = ValueContext { project: &zero, scope: &Scope::Global, name: &name, secret: &zero, version: 1 };
    let value = SecretValue::new(String::new()).unwrap();
    seal_value(key, 1, &context, &value, &Known(Mutex::new(vec![0; 32]))).unwrap()
}

#[test]
fn keys_wrap_to_the_byte_and_open() {
    for case in vectors(WRAPPED, "opens") {
        let (instance, random) = (id(&case["instance"]), Known::hex(&case["random"]));
        let (sealed, expected) = if case["project"].is_null() {
            let old = root(&case["old_root"]).unlock(instance);
            (old.carry(&root(&case["root"]), &random), old.row_mac(RowKind::Token, &[]).to_vec())
        } else {
            let key = project_key(&case["key"]);
            let unlocked = root(&case["root"]).unlock(instance);
            (unlocked.wrap(&id(&case["project"]), version(&case["version"]), &key, &random), shown(&key))
        };
        assert_eq!(sealed.map(hex::encode), Ok(text(&case["sealed"])), "{}", case["id"]);
        assert_eq!(open_wrapped(&case, &bytes(&case["sealed"])), Ok(expected), "{}", case["id"]);
    }
}

#[test]
fn damaged_or_moved_wrapped_keys_do_not_open() {
    let (opens, refused) = (vectors(WRAPPED, "opens"), vectors(WRAPPED, "refused"));
    for case in &opens {
        for changed in damaged(&bytes(&case["sealed"])) {
            assert_eq!(open_wrapped(case, &changed), Err(SealError::DoesNotOpen), "{}", case["id"]);
        }
    }
    for (name, _, case) in changed(&opens, &refused) {
        assert_eq!(open_wrapped(&case, &bytes(&case["sealed"])), Err(SealError::DoesNotOpen), "{name}");
    }
}

// ---- MACs ------------------------------------------------------------------------------------------------------

const MAC: &str = include_str!("../../../docs/formats/vectors/mac.json");

fn mac(case: &Value) -> [u8; 32] {
    let instance = root(&case["root"]).unlock(id(&case["instance"]));
    match case["use"].as_str().unwrap() {
        "row" => with_row(case, |kind, fields| instance.row_mac(kind, fields)),
        "audit" => audit_link(&instance, case),
        "digest" => keyed_digest(&instance, case["purpose"].as_str().unwrap(), &bytes(&case["bytes"])),
        "token" => instance.token_digest(case["text"].as_str().unwrap()),
        other => panic!("unknown use {other}"),
    }
}

fn audit_link(instance: &Instance, case: &Value) -> [u8; 32] {
    let previous = bytes(&case["previous"]).try_into().unwrap();
    instance.audit_link(
        case["node"].as_str().unwrap(),
        case["seq"].as_u64().unwrap(),
        &previous,
        &bytes(&case["record"]),
    )
}

fn with_row<T>(case: &Value, operation: impl FnOnce(RowKind, &[&[u8]]) -> T) -> T {
    let kind = RowKind::ALL.into_iter().find(|kind| format!("{kind:?}") == text(&case["row"])).unwrap();
    let owned: Vec<Vec<u8>> = case["fields"].as_array().unwrap().iter().map(bytes).collect();
    let fields: Vec<&[u8]> = owned.iter().map(Vec::as_slice).collect();
    operation(kind, &fields)
}

#[test]
fn macs_are_as_specified() {
    for case in vectors(MAC, "macs") {
        assert_eq!(hex::encode(mac(&case)), text(&case["mac"]), "{}", case["id"]);
    }
}

#[test]
fn anything_else_has_another_mac() {
    let (macs, differs) = (vectors(MAC, "macs"), vectors(MAC, "differs"));
    for (name, original, case) in changed(&macs, &differs) {
        assert_ne!(hex::encode(mac(&case)), text(&original["mac"]), "{name}");
    }
}

#[test]
fn a_damaged_row_mac_does_not_verify() {
    let macs = vectors(MAC, "macs");
    for case in macs.iter().filter(|case| case["use"] == "row") {
        let instance = root(&case["root"]).unlock(id(&case["instance"]));
        let stored = bytes(&case["mac"]);
        let verified = |stored: &[u8]| with_row(case, |kind, fields| instance.verify_row_mac(kind, fields, stored));
        assert_eq!(verified(&stored), Ok(()));
        for changed in damaged(&stored) {
            assert_eq!(verified(&changed), Err(SealError::DoesNotOpen), "{}", case["id"]);
        }
    }
}

#[test]
fn every_kind_of_row_has_a_vector() {
    let macs = vectors(MAC, "macs");
    for kind in RowKind::ALL {
        assert!(macs.iter().any(|case| case["id"] == format!("kind {kind:?}")), "{kind:?}");
    }
}

// ---- tokens ----------------------------------------------------------------------------------------------------

const TOKEN: &str = include_str!("../../../docs/formats/vectors/token.json");

#[test]
fn tokens_are_made_and_read_as_specified() {
    for case in vectors(TOKEN, "tokens") {
        let expected = text(&case["text"]);
        assert_eq!(token::generate(&Known::hex(&case["random"])).expose(), expected, "{}", case["id"]);
        assert_eq!(token::parse(&expected).map(token::TokenText::expose), Ok(expected.as_str()));
    }
}

#[test]
fn malformed_tokens_are_refused() {
    for case in vectors(TOKEN, "refused") {
        assert!(token::parse(&text(&case["text"])).is_err(), "{}", case["id"]);
    }
}
