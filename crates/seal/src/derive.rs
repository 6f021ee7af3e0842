//! Key derivation: HKDF-SHA256 (RFC 5869) and the labels that keep derived keys apart.

use aws_lc_rs::hkdf;
use strongroom_secret::KeyBytes;
use zeroize::Zeroizing;

/// What each derived key is for. One label, one use; a label never changes its meaning.
pub(crate) mod label {
    /// Salt of what is derived from a root key without an instance.
    pub(crate) const ROOT: &[u8] = b"strongroom/v1/root";
    pub(crate) const FINGERPRINT: &[u8] = b"strongroom/v1/fingerprint";
    pub(crate) const CHECK: &[u8] = b"strongroom/v1/key-check";
    pub(crate) const WRAPPING: &[u8] = b"strongroom/v1/wrapping";
    pub(crate) const INSTANCE_SECRET: &[u8] = b"strongroom/v1/instance-secret";
    pub(crate) const ROW_MAC: &[u8] = b"strongroom/v1/row-mac";
    pub(crate) const TOKEN: &[u8] = b"strongroom/v1/token";
    pub(crate) const AUDIT: &[u8] = b"strongroom/v1/audit";
    pub(crate) const DIGEST: &[u8] = b"strongroom/v1/digest";
    pub(crate) const WRAP_KEY: &[u8] = b"strongroom/v1/wrap-key";
    pub(crate) const CARRY_KEY: &[u8] = b"strongroom/v1/carry-key";
    pub(crate) const USER_KEY: &[u8] = b"strongroom/v1/user-key";
    pub(crate) const VALUE_KEY: &[u8] = b"strongroom/v1/value-key";
    pub(crate) const RUN_KEY: &[u8] = b"strongroom/v1/run-key";
    pub(crate) const KEPT_KEY: &[u8] = b"strongroom/v1/kept-key";
    pub(crate) const KEPT_NAME: &[u8] = b"strongroom/v1/kept-name";
    pub(crate) const KEPT_SEAL: &[u8] = b"strongroom/v1/kept-seal";
    pub(crate) const FACTOR: &[u8] = b"strongroom/v1/factor";
    pub(crate) const FACTOR_KEY: &[u8] = b"strongroom/v1/factor-key";
    pub(crate) const SALT_KEY: &[u8] = b"strongroom/v1/salt-key";
}

struct Bytes32;

impl hkdf::KeyType for Bytes32 {
    fn len(&self) -> usize {
        32
    }
}

/// `HKDF-Expand(HKDF-Extract(salt, key), info, 32)` with SHA-256 (RFC 5869, sections 2.2 and 2.3), `info` being its
/// parts in a row. The caller sees to it that the parts can be read in one way only: a label first, then fixed widths
/// or length prefixes.
pub(crate) fn derive(key: &KeyBytes, salt: &[u8], info: &[&[u8]]) -> KeyBytes {
    expand(key.expose(), salt, info)
}

/// As [`derive`] with the salt "", from text that holds 256 random bits in some writing, such as a token.
pub(crate) fn derive_from_text(text: &[u8], info: &[&[u8]]) -> KeyBytes {
    expand(text, b"", info)
}

fn expand(secret: &[u8], salt: &[u8], info: &[&[u8]]) -> KeyBytes {
    let mut output = Zeroizing::new([0_u8; 32]);
    hkdf::Salt::new(hkdf::HKDF_SHA256, salt)
        .extract(secret)
        .expand(info, Bytes32)
        .and_then(|material| material.fill(output.as_mut_slice()))
        .expect("32 bytes are fewer than the 255 blocks that RFC 5869, section 2.3 allows");
    KeyBytes::new(*output)
}
