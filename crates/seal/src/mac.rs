//! HMAC-SHA256 (RFC 2104, FIPS 198-1) over fields that can be read in one way only.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;
use strongroom_secret::KeyBytes;

use crate::error::SealError;

/// The kind of a row under a MAC. Its code is part of what is authenticated, so that a row of one table never passes
/// for a row of another. Codes are never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RowKind {
    /// A secret's head: current version, expiry, deletion.
    SecretHead,
    /// An access token.
    Token,
    /// A deployment of a workload.
    Deployment,
    /// A function.
    Function,
    /// A project.
    Project,
    /// A wrapped project key and its state.
    ProjectKey,
    /// A namespace.
    Namespace,
    /// An app.
    App,
    /// A setting of the instance or a project.
    Setting,
    /// A member of a project.
    Member,
    /// A person who can sign in.
    User,
    /// A job.
    Job,
    /// A schedule of a job.
    Schedule,
    /// One version of a secret.
    SecretVersion,
    /// A trusted issuer of end users' tokens.
    Issuer,
    /// A one-time or fill-in link.
    Link,
    /// A signed-in session.
    Session,
    /// The head of an audit chain.
    AuditHead,
    /// A server node.
    Node,
    /// An invitation to make an account.
    Invitation,
    /// Who a person is at a sign-in provider.
    Identity,
}

impl RowKind {
    /// Every kind, in the order of their codes.
    pub const ALL: [Self; 21] = [
        Self::SecretHead,
        Self::Token,
        Self::Deployment,
        Self::Function,
        Self::Project,
        Self::ProjectKey,
        Self::Namespace,
        Self::App,
        Self::Setting,
        Self::Member,
        Self::User,
        Self::Job,
        Self::Schedule,
        Self::SecretVersion,
        Self::Issuer,
        Self::Link,
        Self::Session,
        Self::AuditHead,
        Self::Node,
        Self::Invitation,
        Self::Identity,
    ];

    fn code(self) -> u8 {
        match self {
            Self::SecretHead => 1,
            Self::Token => 2,
            Self::Deployment => 3,
            Self::Function => 4,
            Self::Project => 5,
            Self::ProjectKey => 6,
            Self::Namespace => 7,
            Self::App => 8,
            Self::Setting => 9,
            Self::Member => 10,
            Self::User => 11,
            Self::Job => 12,
            Self::Schedule => 13,
            Self::SecretVersion => 14,
            Self::Issuer => 15,
            Self::Link => 16,
            Self::Session => 17,
            Self::AuditHead => 18,
            Self::Node => 19,
            Self::Invitation => 20,
            Self::Identity => 21,
        }
    }
}

/// A key for HMAC-SHA256 with its two inner states computed ahead. The library wipes them when dropped.
pub(crate) struct MacKey(hmac::Key);

impl MacKey {
    pub(crate) fn new(key: &KeyBytes) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, key.expose()))
    }

    /// Of a key of any length that somebody else made.
    pub(crate) fn of_bytes(key: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, key))
    }

    /// The MAC of the parts in a row. The caller sees to it that they can be read in one way only.
    pub(crate) fn concatenated(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.0);
        for part in parts {
            context.update(part);
        }
        bytes_of(&context.sign())
    }

    /// The MAC of `tag || count as u32 || (length as u64 || field)*`, integers big-endian.
    pub(crate) fn fields(&self, tag: &[u8], fields: &[&[u8]]) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(tag);
        context.update(&u32::try_from(fields.len()).expect("no row has four billion fields").to_be_bytes());
        for field in fields {
            context.update(&u64::try_from(field.len()).expect("a length fits 64 bits").to_be_bytes());
            context.update(field);
        }
        bytes_of(&context.sign())
    }

    /// The MAC of a row: its kind's code as one byte, then its fields.
    pub(crate) fn row(&self, kind: RowKind, fields: &[&[u8]]) -> [u8; 32] {
        self.fields(&[kind.code()], fields)
    }
}

/// Whether `computed` is `stored`, in a time that depends on their lengths alone.
pub(crate) fn verify(computed: &[u8; 32], stored: &[u8]) -> Result<(), SealError> {
    verify_slices_are_equal(computed, stored).map_err(|_| SealError::DoesNotOpen)
}

/// Whether two texts are equal, in a time that depends on their lengths alone.
pub fn same_text(a: &str, b: &str) -> bool {
    verify_slices_are_equal(a.as_bytes(), b.as_bytes()).is_ok()
}

fn bytes_of(tag: &hmac::Tag) -> [u8; 32] {
    tag.as_ref().try_into().expect("HMAC-SHA256 is 32 bytes long")
}
