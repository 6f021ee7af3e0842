//! How much processor time masking takes: `cargo bench -p strongroom-runtime --bench mask`. One line a measurement.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark")]

use std::sync::Arc;

use rustix::time::{ClockId, clock_gettime};
use strongroom_runtime::mask::{MaskSet, Masker};
use strongroom_secret::SecretValue;

const MEGABYTES: usize = 64;

fn main() {
    let words = "2026-11-22T01:02:03Z info GET /api/orders/4711 200 12 ms user=ada trace=9f86d081884c7d65 cache hit\n";
    let json = "{\"level\":\"info\",\"msg\":\"{\\\"order\\\":4711,\\\"path\\\":\\\"/a\\\\/b\\\"}\",\"url\":\"/x?q=a%20b%2Fc\"}\n";
    let coloured = "\u{1b}[32minfo\u{1b}[0m \u{1b}[1mGET\u{1b}[0m /api/orders/4711 200 in 12 ms, user=ada, cache hit\n";
    let base64 = "TWFueSBoYW5kcyBtYWtlIGxpZ2h0IHdvcmsuIE1hbnkgaGFuZHMgbWFrZSBsaWdodCB3b3JrLiBNYW55IGhhbmRz\n";
    for secrets in [1, 50, 5_000] {
        let values: Vec<SecretValue> =
            (0..secrets).map(|n| SecretValue::new(format!("sk_live_{n:08x}_{}", n * 7919)).unwrap()).collect();
        let set = Arc::new(MaskSet::new(&values));
        for (name, line) in [("words", words), ("json in json", json), ("coloured", coloured), ("base64", base64)] {
            measure(&set, secrets, name, line);
        }
    }
}

fn measure(set: &Arc<MaskSet>, secrets: usize, name: &str, line: &str) {
    let chunk = line.repeat(64 * 1024 / line.len());
    let mut masker = Masker::new(Arc::clone(set));
    let mut out = Vec::new();
    let before = cpu_nanos();
    let mut bytes = 0;
    while bytes < MEGABYTES << 20 {
        out.clear();
        masker.feed(chunk.as_bytes(), &mut out);
        bytes += chunk.len();
    }
    masker.finish(&mut out);
    let nanos = cpu_nanos() - before;
    let rate = u64::try_from(bytes).unwrap() * 1000 / nanos;
    println!("mask {name:<13} {secrets:>5} secrets {rate:>6} MB/s of processor time");
}

fn cpu_nanos() -> u64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    u64::try_from(time.tv_sec).unwrap() * 1_000_000_000 + u64::try_from(time.tv_nsec).unwrap()
}
