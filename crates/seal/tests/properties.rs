//! What holds for every value, place, row and random generator.
#![expect(clippy::unwrap_used, reason = "a broken strategy may stop the test")]

use std::collections::HashSet;
use std::sync::Mutex;

use proptest::prelude::*;
use strongroom_model::{Id, Scope, SecretName};
use strongroom_seal::{
    Instance, ProjectKey, Random, RootKey, RowKind, SealError, SystemRandom, ValueContext, envelope_key_version,
    keyed_digest, open_value, same_value, seal_value, token,
};
use strongroom_secret::{MAX_VALUE_BYTES, SecretValue};

/// A generator that repeats itself, as in a cloned machine.
struct Stuck;

impl Random for Stuck {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(7);
    }
}

fn instance() -> Instance {
    RootKey::generate(&Stuck).unlock(Id::from_bytes([1; 16]))
}

fn key() -> ProjectKey {
    instance().new_project_key(&Stuck)
}

fn value(text: &str) -> SecretValue {
    SecretValue::new(text.to_owned()).unwrap()
}

#[derive(Debug, Clone, PartialEq)]
struct Place {
    project: Id,
    secret: Id,
    scope: Scope,
    name: SecretName,
    version: u64,
}

impl Place {
    fn context(&self) -> ValueContext<'_> {
        let Self { project, secret, scope, name, version } = self;
        ValueContext { project, scope, name, secret, version: *version }
    }
}

/// Few letters, so that neighbours often differ only in where one text ends.
fn scope() -> impl Strategy<Value = Scope> {
    let namespace = || "[ab]{1,3}".prop_map(|text| text.parse().unwrap());
    let app = || "[ab]{1,3}".prop_map(|text| text.parse().unwrap());
    prop_oneof![
        Just(Scope::Global),
        Just(Scope::System),
        namespace().prop_map(Scope::Namespace),
        (namespace(), app()).prop_map(|(namespace, app)| Scope::App(namespace, app)),
        "[ab]{1,3}".prop_map(|text| Scope::User(text.parse().unwrap())),
    ]
}

fn place() -> impl Strategy<Value = Place> {
    let id = || (0_u8..2).prop_map(|byte| Id::from_bytes([byte; 16]));
    let name = "[ab]{1,3}".prop_map(|text| text.parse::<SecretName>().unwrap());
    (id(), id(), scope(), name, 1_u64..3).prop_map(|(project, secret, scope, name, version)| Place {
        project,
        secret,
        scope,
        name,
        version,
    })
}

proptest! {
    #[test]
    fn a_value_opens_in_its_own_place_and_in_no_other(
        here in place(), there in place(), text in "[^\0]{0,100}", key_version: u32,
    ) {
        let key = key();
        let envelope = seal_value(&key, key_version, &here.context(), &value(&text), &SystemRandom).unwrap();
        prop_assert_eq!(envelope_key_version(&envelope), Ok(key_version));
        let opened = |place: &Place| open_value(&key, &place.context(), &envelope).map(|value| value.expose().to_owned());
        prop_assert_eq!(opened(&here), Ok(text));
        prop_assert_eq!(opened(&there).is_ok(), here == there);
    }

    #[test]
    fn hostile_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), place in place()) {
        prop_assert!(open_value(&key(), &place.context(), &bytes).is_err());
        let with_header = [b"SRV\x01".as_slice(), &bytes].concat();
        prop_assert!(open_value(&key(), &place.context(), &with_header).is_err());
        prop_assert!(instance().unwrap(&place.project, 1, &bytes).is_err());
        prop_assert!(instance().verify_row_mac(RowKind::Token, &[], &bytes).is_err());
        prop_assert!(RootKey::generate(&Stuck).unlock_carried(place.project, &bytes).is_err());
    }

    #[test]
    fn hostile_text_is_no_token_and_no_root_key(text in any::<String>()) {
        prop_assert!(token::parse(&text).is_err());
        if let Ok(key) = RootKey::from_text(&text) {
            prop_assert_eq!(RootKey::from_text(&key.to_text()).unwrap().fingerprint(), key.fingerprint());
        }
    }

    #[test]
    fn only_the_same_fields_have_the_same_mac(
        here in prop::collection::vec("[ab]{0,3}", 0..4), there in prop::collection::vec("[ab]{0,3}", 0..4),
    ) {
        let mac = |fields: &[String]| {
            let fields: Vec<&[u8]> = fields.iter().map(String::as_bytes).collect();
            instance().row_mac(RowKind::SecretHead, &fields)
        };
        prop_assert_eq!(mac(&here) == mac(&there), here == there);
    }

    #[test]
    fn purpose_and_bytes_do_not_run_together(here in "[ab]{0,3}", there in "[ab]{0,3}", cut in 0_usize..4) {
        let joined = format!("{here}{there}");
        let (purpose, rest) = joined.split_at(cut.min(joined.len()));
        let same = keyed_digest(&instance(), &here, there.as_bytes()) == keyed_digest(&instance(), purpose, rest.as_bytes());
        prop_assert_eq!(same, here == purpose);
    }

    #[test]
    fn equal_values_are_the_same(a in "[ab]{0,3}", b in "[ab]{0,3}") {
        prop_assert_eq!(same_value(&value(&a), &value(&b)), a == b);
    }

    #[test]
    fn a_fresh_token_is_read_and_a_changed_one_is_not(at in 0_usize..token::TOKEN_BYTES, letter in "[0-9A-Za-z_-]") {
        let new = token::generate(&SystemRandom);
        prop_assert_eq!(token::parse(new.expose()).unwrap().expose(), new.expose());
        let mut changed = new.expose().to_owned();
        changed.replace_range(at..=at, &letter);
        prop_assert_eq!(token::parse(&changed).is_ok(), changed == new.expose());
    }
}

fn at(scope: Scope) -> Place {
    let (project, secret) = (Id::from_bytes([2; 16]), Id::from_bytes([3; 16]));
    Place { project, secret, scope, name: "API_KEY".parse().unwrap(), version: 1 }
}

fn sealed(place: &Place, text: &str, rng: &dyn Random) -> Vec<u8> {
    seal_value(&key(), 1, &place.context(), &value(text), rng).unwrap()
}

fn salt(envelope: &[u8]) -> Vec<u8> {
    envelope.iter().copied().skip(8).take(32).collect()
}

#[test]
fn sealing_twice_never_repeats_a_salt() {
    let place = at(Scope::Global);
    let salts: HashSet<_> = (0..1000).map(|_| salt(&sealed(&place, "same", &SystemRandom))).collect();
    assert_eq!(salts.len(), 1000);
}

#[test]
fn a_generator_that_repeats_itself_still_gives_each_plaintext_its_own_key() {
    let texts = ["", "a", "b", "aa", "a much longer value than one block of thirty-two bytes"];
    let salts: HashSet<_> = texts.iter().map(|text| salt(&sealed(&at(Scope::Global), text, &Stuck))).collect();
    assert_eq!(salts.len(), texts.len());
    let places = [at(Scope::Global), at(Scope::System), at(Scope::User("a".parse().unwrap()))];
    let salts: HashSet<_> = places.iter().map(|place| salt(&sealed(place, "same", &Stuck))).collect();
    assert_eq!(salts.len(), places.len());
}

#[test]
fn a_generator_that_repeats_itself_still_wraps_each_key_under_its_own_key() {
    let (instance, project) = (instance(), Id::from_bytes([2; 16]));
    let other = instance.new_project_key(&SystemRandom);
    let first = instance.wrap(&project, 1, &key(), &Stuck).unwrap();
    assert_ne!(salt(&first), salt(&instance.wrap(&project, 1, &other, &Stuck).unwrap()));
    assert_ne!(salt(&first), salt(&instance.wrap(&project, 2, &key(), &Stuck).unwrap()));
}

#[test]
fn lengths_show_in_steps_of_32_bytes_only() {
    let length = |bytes: usize| sealed(&at(Scope::Global), &"x".repeat(bytes), &SystemRandom).len();
    assert_eq!([length(0), length(1), length(32)], [88; 3]);
    assert_eq!([length(33), length(64)], [120; 2]);
    assert_eq!(length(MAX_VALUE_BYTES), 56 + MAX_VALUE_BYTES);
}

#[test]
fn the_largest_value_opens() {
    let (place, text) = (at(Scope::Global), "x".repeat(MAX_VALUE_BYTES));
    let envelope = sealed(&place, &text, &SystemRandom);
    let opened = open_value(&key(), &place.context(), &envelope).unwrap();
    assert_eq!(opened.expose(), text);
    let longer = [envelope.as_slice(), &[0; 32]].concat();
    assert_eq!(envelope_key_version(&longer), Err(SealError::UnknownFormat));
}

#[test]
fn what_is_no_envelope_names_no_key_version() {
    let envelope = sealed(&at(Scope::Global), "text", &SystemRandom);
    for length in 0..envelope.len() {
        let cut: Vec<u8> = envelope.iter().copied().take(length).collect();
        assert_eq!(envelope_key_version(&cut), Err(SealError::UnknownFormat));
    }
}

#[test]
fn a_carried_secret_keeps_tokens_rows_and_audit_but_not_the_wrapping() {
    let (instance, project) = (instance(), Id::from_bytes([2; 16]));
    let wrapped = instance.wrap(&project, 1, &key(), &SystemRandom).unwrap();
    let new_root = RootKey::generate(&SystemRandom);
    let carried = instance.carry(&new_root, &SystemRandom).unwrap();
    let after = new_root.unlock_carried(*instance.id(), &carried).unwrap();
    assert_eq!(after.token_digest("srt_x"), instance.token_digest("srt_x"));
    assert_eq!(after.verify_row_mac(RowKind::Token, &[b"a"], &instance.row_mac(RowKind::Token, &[b"a"])), Ok(()));
    assert_eq!(after.audit_link("n", 1, &[0; 32], b"r"), instance.audit_link("n", 1, &[0; 32], b"r"));
    assert_eq!(keyed_digest(&after, "etag", b"x"), keyed_digest(&instance, "etag", b"x"));
    assert_eq!(after.unwrap(&project, 1, &wrapped).err(), Some(SealError::DoesNotOpen));
    let again = after.wrap(&project, 1, &key(), &SystemRandom).unwrap();
    assert!(after.unwrap(&project, 1, &again).is_ok());
}

#[test]
fn debug_and_errors_print_no_key() {
    let rng = Counting(Mutex::new(0x41));
    let root = RootKey::generate(&rng);
    let secret = root.to_text().to_string();
    let printed = format!("{root:?} {:?} {:?} {:?}", instance(), key(), token::generate(&SystemRandom));
    assert_eq!(printed, "RootKey(..) Instance(01010101010101010101010101010101, ..) ProjectKey(..) NewToken(..)");
    let refused = RootKey::from_text(&format!("{secret}{secret}")).unwrap_err();
    assert!(!format!("{refused} {refused:?}").contains(secret.trim_end_matches('=')));
}

/// Bytes that count up.
struct Counting(Mutex<u8>);

impl Random for Counting {
    fn fill(&self, bytes: &mut [u8]) {
        let mut next = self.0.lock().unwrap();
        for byte in bytes {
            *byte = *next;
            *next = next.wrapping_add(1);
        }
    }
}

#[test]
fn every_character_of_a_token_is_equally_likely() {
    let tokens: Vec<token::NewToken> = (0..2000).map(|_| token::generate(&SystemRandom)).collect();
    for character in ('0'..='9').chain('A'..='Z').chain('a'..='z') {
        let found: usize =
            tokens.iter().map(|token| random_part(token).filter(|other| *other == character).count()).sum();
        // 86,000 characters: 1387 expected of each, standard deviation 37; eight of them to either side.
        assert!((1087..=1687).contains(&found), "{character}: {found}");
    }
}

fn random_part(token: &token::NewToken) -> impl Iterator<Item = char> + '_ {
    token.expose().chars().skip(4).take(43)
}

#[test]
fn keys_can_be_shared_between_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<RootKey>();
    shared::<Instance>();
    shared::<ProjectKey>();
}

#[test]
fn no_key_can_be_cloned() {
    trait Ambiguous<Case> {
        fn compiles_once() {}
    }
    impl<T: ?Sized> Ambiguous<()> for T {}
    impl<T: Clone> Ambiguous<u8> for T {}
    // Were one of them `Clone`, both implementations would fit and the compiler would ask which.
    <RootKey as Ambiguous<_>>::compiles_once();
    <Instance as Ambiguous<_>>::compiles_once();
    <ProjectKey as Ambiguous<_>>::compiles_once();
    <token::NewToken as Ambiguous<_>>::compiles_once();
}

#[test]
fn a_chain_with_a_record_changed_exchanged_or_left_out_does_not_verify() {
    let instance = instance();
    let records: Vec<Vec<u8>> = (0_u8..5).map(|number| vec![number; 40]).collect();
    let chain = |records: &[Vec<u8>]| {
        let mut previous = [0; 32];
        let link = |(seq, record): (u64, &Vec<u8>)| {
            previous = instance.audit_link("node-1", seq, &previous, record);
            previous
        };
        (1..).zip(records).map(link).collect::<Vec<[u8; 32]>>()
    };
    let links = chain(&records);
    let verifies = |records: &[Vec<u8>], links: &[[u8; 32]]| {
        let before = std::iter::once(&[0; 32]).chain(links);
        let mut rows = (1..).zip(records).zip(before.zip(links));
        rows.all(|((seq, record), (before, link))| {
            instance.verify_audit_link("node-1", seq, before, record, link).is_ok()
        })
    };
    assert!(verifies(&records, &links));
    for at in 0..records.len() {
        let (mut changed, mut shorter, mut fewer) = (records.clone(), records.clone(), links.clone());
        changed.get_mut(at).unwrap().push(0);
        assert!(!verifies(&changed, &links));
        shorter.remove(at);
        fewer.remove(at);
        // Cutting the end is the one change that a chain alone cannot show.
        assert_eq!(verifies(&shorter, &fewer), at + 1 == records.len());
        let mut exchanged = (records.clone(), links.clone());
        exchanged.0.swap(at, (at + 1) % records.len());
        exchanged.1.swap(at, (at + 1) % records.len());
        assert!(!verifies(&exchanged.0, &exchanged.1));
    }
}
