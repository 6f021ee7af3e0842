//! The named vectors of `docs/formats/vectors/second-factor.json`, as those of the other formats.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a broken vector file may stop the test")]

use std::sync::Mutex;

use serde_json::Value;
use strongroom_model::Id;
use strongroom_seal::{FactorSecret, Instance, Random, RootKey, SealError};

const VECTORS: &str = include_str!("../../../docs/formats/vectors/second-factor.json");

/// Random bytes that the vector names, each given once.
struct Known(Mutex<Vec<u8>>);

impl Random for Known {
    fn fill(&self, bytes: &mut [u8]) {
        let mut known = self.0.lock().unwrap();
        let rest = known.split_off(bytes.len());
        bytes.copy_from_slice(&std::mem::replace(&mut *known, rest));
    }
}

fn cases(kind: &str) -> Vec<Value> {
    let file: Value = serde_json::from_str(VECTORS).unwrap();
    file[kind].as_array().unwrap().clone()
}

fn bytes(value: &Value) -> Vec<u8> {
    hex::decode(value.as_str().unwrap()).unwrap()
}

fn id(value: &Value) -> Id {
    value.as_str().unwrap().parse().unwrap()
}

fn instance(case: &Value) -> Instance {
    RootKey::from_text(case["root"].as_str().unwrap()).unwrap().unlock(id(&case["instance"]))
}

fn open(case: &Value) -> Result<FactorSecret, SealError> {
    instance(case).open_factor(&id(&case["user"]), &bytes(&case["sealed"]))
}

#[test]
fn second_factors_seal_to_the_byte_open_and_know_their_codes() {
    for case in cases("opens") {
        let secret = open(&case).unwrap();
        assert_eq!(*secret.to_base32(), case["secret"].as_str().unwrap());
        let sealed =
            instance(&case).seal_factor(&id(&case["user"]), &secret, &Known(Mutex::new(bytes(&case["random"]))));
        assert_eq!(hex::encode(sealed.unwrap()), case["sealed"], "{}", case["id"]);
        let (code, at) = (case["code"].as_str().unwrap(), case["at"].as_u64().unwrap());
        assert_eq!(secret.step_of(code, at), Some(at / 30));
    }
}

#[test]
fn second_factors_that_were_moved_do_not_open() {
    let known = cases("opens");
    for refused in cases("refused") {
        let mut case = known.iter().find(|case| case["id"] == refused["of"]).unwrap().clone();
        for (field, value) in refused["instead"].as_object().unwrap() {
            case[field] = value.clone();
        }
        assert_eq!(open(&case).err(), Some(SealError::DoesNotOpen), "{}", refused["id"]);
    }
}
