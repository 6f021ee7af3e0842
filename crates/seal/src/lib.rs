//! Keys, sealing and opening: the root key, project keys, value envelopes, row MACs, tokens and the audit chain.
//!
//! Synchronous and without I/O. AES-256-GCM, HKDF-SHA256 and HMAC-SHA256 come from `aws-lc-rs` and from nowhere else.
//! Randomness is an argument ([`Random`]): the server passes [`SystemRandom`], which is the library's; short commands pass
//! the kernel's, since the library's takes 20 ms to start. The bytes are specified in `docs/formats/`.
//!
//! ```text
//! RootKey ── unlock(instance id) ──> Instance ──┬─ wraps project keys          (wrapped.rs)
//!                                               └─ instance secret ──┬─ row MACs, audit links, keyed digests
//!                                                                    └─ token digests
//! ProjectKey ── [per-user key] ── HKDF(fresh salt) ──> value key ── AES-256-GCM ──> envelope (envelope.rs)
//! ```

mod bytes;
mod derive;
mod envelope;
mod error;
mod factor;
mod instance;
mod kept;
mod mac;
mod notice;
mod once;
mod password;
mod pkce;
mod random;
mod root;
mod run;
pub mod token;
mod wrapped;

pub use envelope::{ValueContext, envelope_key_version, open_value, same_value, seal_value};
pub use error::SealError;
pub use factor::FactorSecret;
pub use instance::{Instance, keyed_digest};
pub use kept::KeptKey;
pub use mac::{RowKind, same_text};
pub use notice::{NoticeKey, ShortKey};
pub use password::{PasswordCost, verify_password};
pub use pkce::code_challenge;
pub use random::{Random, SystemRandom};
pub use root::{Fingerprint, RootKey, RootKeyError};
pub use run::{RunContext, RunPart, open_run, run_key_version, seal_run};
pub use wrapped::ProjectKey;
