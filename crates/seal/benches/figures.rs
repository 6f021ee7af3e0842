//! What one operation costs: `cargo bench -p strongroom-seal`. Prints nanoseconds, the best of several rounds.
#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]
#![expect(clippy::unwrap_used, reason = "a benchmark may stop")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use strongroom_model::{Id, Scope, SecretName};
use strongroom_seal::{RootKey, RowKind, SystemRandom, ValueContext, keyed_digest, open_value, seal_value, token};
use strongroom_secret::SecretValue;

const ROUNDS: u32 = 20;

fn figure(what: &str, repeats: u32, mut operation: impl FnMut()) {
    let best = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            (0..repeats).for_each(|_| operation());
            start.elapsed()
        })
        .min()
        .unwrap_or(Duration::ZERO);
    println!("{what:<40} {:>8} ns", (best / repeats).as_nanos());
}

fn main() {
    let rng = SystemRandom;
    let instance = RootKey::generate(&rng).unlock(Id::from_bytes([1; 16]));
    let key = instance.new_project_key(&rng);
    let (project, secret) = (Id::from_bytes([2; 16]), Id::from_bytes([3; 16]));
    let name: SecretName = "STRIPE_SECRET_KEY".parse().unwrap();
    let scopes = [
        ("namespace", Scope::Namespace("production".parse().unwrap())),
        ("user", Scope::User("5f0c1ad2-77b0".parse().unwrap())),
    ];
    for (kind, scope) in &scopes {
        let context = ValueContext { project: &project, scope, name: &name, secret: &secret, version: 7 };
        for bytes in [32, 256, 4096, 65_536] {
            let value = SecretValue::new("v".repeat(bytes)).unwrap();
            let envelope = seal_value(&key, 1, &context, &value, &rng).unwrap();
            figure(&format!("seal {bytes} B, {kind}"), 500, || {
                black_box(seal_value(&key, 1, &context, black_box(&value), &rng).unwrap());
            });
            figure(&format!("open {bytes} B, {kind}"), 500, || {
                black_box(open_value(&key, &context, black_box(&envelope)).unwrap());
            });
        }
    }
    let wrapped = instance.wrap(&project, 1, &key, &rng).unwrap();
    figure("unwrap a project key", 1000, || {
        black_box(instance.unwrap(&project, 1, black_box(&wrapped)).unwrap());
    });
    let row: Vec<&[u8]> = vec![&[7; 25]; 8];
    figure("row MAC, 8 fields of 25 B", 5000, || {
        black_box(instance.row_mac(RowKind::SecretHead, black_box(&row)));
    });
    figure("row MAC, 1 field of 200 B", 5000, || {
        black_box(instance.row_mac(RowKind::SecretHead, black_box(&[&[7; 200]])));
    });
    let link = instance.audit_link("node-1", 1, &[0; 32], &[7; 400]);
    figure("audit link, record of 400 B", 5000, || {
        black_box(instance.audit_link("node-1", 2, black_box(&link), &[7; 400]));
    });
    figure("keyed digest, 100 B", 5000, || {
        black_box(keyed_digest(&instance, "etag", black_box(&[7; 100])));
    });
    let new = token::generate(&rng);
    figure("token: parse and digest", 5000, || {
        black_box(instance.token_digest(token::parse(black_box(new.expose())).unwrap().expose()));
    });
    figure("token: generate", 1000, || {
        black_box(token::generate(&rng));
    });
}
