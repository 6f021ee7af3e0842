//! The named vectors of `docs/formats/vectors/run-data.json`, as those of the other formats.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a broken vector file may stop the test")]

use std::sync::Mutex;

use serde_json::Value;
use strongroom_model::Id;
use strongroom_seal::{
    ProjectKey, Random, RootKey, RunContext, RunPart, SealError, open_run, run_key_version, seal_run,
};

const RUN_DATA: &str = include_str!("../../../docs/formats/vectors/run-data.json");

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
    let file: Value = serde_json::from_str(RUN_DATA).unwrap();
    file[kind].as_array().unwrap().clone()
}

fn bytes(value: &Value) -> Vec<u8> {
    hex::decode(value.as_str().unwrap()).unwrap()
}

fn project_key(case: &Value) -> ProjectKey {
    let unlocked = RootKey::generate(&Known(Mutex::new(vec![0; 32]))).unlock(Id::from_bytes([0; 16]));
    unlocked.new_project_key(&Known(Mutex::new(bytes(&case["key"]))))
}

/// Calls with the place that a vector names.
fn at<T>(case: &Value, operation: impl FnOnce(&RunContext) -> T) -> T {
    let id = |field: &str| -> Id { case[field].as_str().unwrap().parse().unwrap() };
    let part = if case["part"] == 1 { RunPart::Payload } else { RunPart::Result };
    operation(&RunContext { project: &id("project"), job: &id("job"), run: &id("run"), part })
}

fn open(case: &Value, sealed: &[u8]) -> Result<Vec<u8>, SealError> {
    at(case, |place| open_run(&project_key(case), place, sealed).map(|data| data.to_vec()))
}

#[test]
fn data_of_runs_seals_to_the_byte_and_opens() {
    for case in cases("opens") {
        let version = u32::try_from(case["key_version"].as_u64().unwrap()).unwrap();
        let (data, random) = (case["data"].as_str().unwrap().as_bytes(), Known(Mutex::new(bytes(&case["random"]))));
        let sealed = at(&case, |place| seal_run(&project_key(&case), version, place, data, &random)).unwrap();
        assert_eq!(hex::encode(&sealed), case["sealed"], "{}", case["id"]);
        assert_eq!(run_key_version(&sealed), Ok(version));
        assert_eq!(open(&case, &sealed).unwrap(), data);
    }
}

#[test]
fn data_that_was_moved_or_damaged_does_not_open() {
    let known = cases("opens");
    for refused in cases("refused") {
        let mut case = known.iter().find(|case| case["id"] == refused["of"]).unwrap().clone();
        for (field, value) in refused["instead"].as_object().unwrap() {
            case[field] = value.clone();
        }
        assert_eq!(open(&case, &bytes(&case["sealed"])), Err(SealError::DoesNotOpen), "{}", refused["id"]);
    }
    for case in known.iter().take(3) {
        let sealed = bytes(&case["sealed"]);
        for bit in 0..sealed.len() * 8 {
            let mut changed = sealed.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(open(case, &changed), Err(SealError::DoesNotOpen), "bit {bit} of {}", case["id"]);
        }
        for length in 0..sealed.len() {
            assert_eq!(open(case, &sealed[..length]), Err(SealError::DoesNotOpen), "{length} bytes of {}", case["id"]);
        }
    }
}
