//! Packs the description of the API, which the program serves.

use std::error::Error;
use std::io::Write as _;
use std::path::Path;
use std::{env, fs};

use flate2::Compression;
use flate2::write::GzEncoder;

const DOCUMENT: &str = "../../docs/openapi.json";

#[expect(clippy::disallowed_methods, reason = "how cargo tells a build script where to write")]
fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={DOCUMENT}");
    let document: serde_json::Value = serde_json::from_slice(&fs::read(DOCUMENT)?)?;
    let mut packed = GzEncoder::new(Vec::new(), Compression::best());
    packed.write_all(document.to_string().as_bytes())?;
    let out = env::var_os("OUT_DIR").ok_or("cargo names no folder to write to")?;
    fs::write(Path::new(&out).join("openapi.json.gz"), packed.finish()?)?;
    Ok(())
}
