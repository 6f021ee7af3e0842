//! Rows of ciphertext: the [`Store`] port and its implementations. Nothing here can hold or make plaintext.

pub mod conformance;
pub mod port;
pub mod sqlite;

pub use port::{ReadJob, Rows, Store, StoreError, Tx, Verdict, WriteJob};
