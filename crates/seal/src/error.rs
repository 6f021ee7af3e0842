//! How sealing and opening fail: alike, whatever the reason.

/// Why bytes were not sealed or opened. It never says which check failed, and carries no bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The stored bytes are not what this key once made for this place: another key, another place, changed or cut
    /// bytes, or never ours.
    #[error("the stored bytes do not open with this key in this place")]
    DoesNotOpen,
    /// The bytes do not begin like an envelope of a format that this program knows. Said only by
    /// [`envelope_key_version`](crate::envelope_key_version), which reads what anyone can read.
    #[error("the stored bytes are no envelope of a known format")]
    UnknownFormat,
    /// The cryptographic library refused to seal, or the place cannot be encoded. No valid input leads here.
    #[error("the value could not be sealed")]
    DoesNotSeal,
}
