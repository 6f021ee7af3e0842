//! People: users, their memberships, sessions and invitations.

use jiff::Timestamp;
use strongroom_model::{AccountName, Id};

use super::StoreError;

/// A person who can sign in.
#[derive(Clone, PartialEq, Eq)]
pub struct UserRow {
    /// The user.
    pub id: Id,
    /// By which one signs in.
    pub name: AccountName,
    /// Whether the person manages the instance.
    pub is_admin: bool,
    /// Whether the person is kept out.
    pub is_disabled: bool,
    /// Rises with everything that ends the person's sessions.
    pub generation: u64,
    /// The password's hash with its parameters; empty where there is no password.
    pub password: String,
    /// The sealed secret of the second factor.
    pub factor: Option<Vec<u8>>,
    /// The last time step of which a code was accepted.
    pub factor_step: u64,
    /// Keyed digests of the recovery codes that are left, as JSON.
    pub recovery: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// Who made it.
    pub created_by: String,
    /// The last sign-in.
    pub signed_in_at: Option<Timestamp>,
    /// MAC over what gives authority.
    pub mac: Vec<u8>,
}

impl std::fmt::Debug for UserRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("UserRow").field("id", &self.id).field("name", &self.name).finish_non_exhaustive()
    }
}

/// A person's place in a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberRow {
    /// The project.
    pub project: Id,
    /// The person.
    pub user: Id,
    /// The membership as canonical JSON.
    pub access: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// Who made it.
    pub created_by: String,
    /// MAC over project, user and access.
    pub mac: Vec<u8>,
}

/// A signed-in session. What the browser or command line holds is nowhere; only its keyed digest is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionRow {
    /// The session's public id.
    pub id: Id,
    /// Whose.
    pub user: Id,
    /// Keyed digest of what the holder sends.
    pub digest: Vec<u8>,
    /// `browser` or `cli`.
    pub kind: String,
    /// The user's generation when it began: another one ends it.
    pub generation: u64,
    /// When it began.
    pub created_at: Timestamp,
    /// When the person last proved who he is.
    pub proved_at: Timestamp,
    /// When it ends, whatever happens.
    pub expires_at: Timestamp,
    /// The last use that was written down (batched, so up to a minute behind).
    pub last_used_at: Timestamp,
    /// The address that it began from.
    pub source: String,
    /// What the person sees it by: the browser's or machine's name.
    pub label: String,
    /// MAC over what gives authority.
    pub mac: Vec<u8>,
}

/// An invitation. Its code is nowhere; only its keyed digest is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvitationRow {
    /// The invitation's public id.
    pub id: Id,
    /// The account that it makes.
    pub name: AccountName,
    /// Keyed digest of its code.
    pub digest: Vec<u8>,
    /// What the account will be, and who invites, as canonical JSON.
    pub access: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// Who made it.
    pub created_by: String,
    /// When it runs out.
    pub expires_at: Timestamp,
    /// When it was accepted or withdrawn.
    pub closed_at: Option<Timestamp>,
    /// MAC over all that counts.
    pub mac: Vec<u8>,
}

/// Reading.
pub trait PeopleRows {
    /// How many users there are.
    fn count_users(&mut self) -> Result<u64, StoreError>;
    /// By name.
    fn user_by_name(&mut self, name: &AccountName) -> Result<Option<UserRow>, StoreError>;
    /// By id.
    fn user(&mut self, id: &Id) -> Result<Option<UserRow>, StoreError>;
    /// All, by name.
    fn users(&mut self) -> Result<Vec<UserRow>, StoreError>;
    /// A person's place in a project.
    fn member(&mut self, project: &Id, user: &Id) -> Result<Option<MemberRow>, StoreError>;
    /// A project's members, oldest first.
    fn members(&mut self, project: &Id) -> Result<Vec<MemberRow>, StoreError>;
    /// A person's memberships.
    fn memberships(&mut self, user: &Id) -> Result<Vec<MemberRow>, StoreError>;
    /// By digest; ended ones too.
    fn session_by_digest(&mut self, digest: &[u8]) -> Result<Option<SessionRow>, StoreError>;
    /// By id.
    fn session(&mut self, id: &Id) -> Result<Option<SessionRow>, StoreError>;
    /// A person's sessions, newest first.
    fn sessions(&mut self, user: &Id) -> Result<Vec<SessionRow>, StoreError>;
    /// By digest; closed and expired ones too.
    fn invitation_by_digest(&mut self, digest: &[u8]) -> Result<Option<InvitationRow>, StoreError>;
    /// All invitations, newest first.
    fn invitations(&mut self) -> Result<Vec<InvitationRow>, StoreError>;
}

/// Writing.
pub trait PeopleTx {
    /// Adds a user; `Exists` if the name is taken.
    fn insert_user(&mut self, row: &UserRow) -> Result<(), StoreError>;
    /// Replaces everything but id, name and who made it when. `false` if missing.
    fn update_user(&mut self, row: &UserRow) -> Result<bool, StoreError>;
    /// Erases a user with memberships and sessions. `false` if missing.
    fn delete_user(&mut self, id: &Id) -> Result<bool, StoreError>;
    /// Adds a member, or replaces access and MAC of one.
    fn put_member(&mut self, row: &MemberRow) -> Result<(), StoreError>;
    /// Erases a membership. `false` if missing.
    fn delete_member(&mut self, project: &Id, user: &Id) -> Result<bool, StoreError>;
    /// Adds a session.
    fn insert_session(&mut self, row: &SessionRow) -> Result<(), StoreError>;
    /// Replaces digest, proof, generation, expiry and MAC. `false` if missing.
    fn update_session(&mut self, row: &SessionRow) -> Result<bool, StoreError>;
    /// Moves `last_used_at` forward.
    fn touch_session(&mut self, id: &Id, at: Timestamp) -> Result<(), StoreError>;
    /// Erases a session. `false` if missing.
    fn delete_session(&mut self, id: &Id) -> Result<bool, StoreError>;
    /// Erases a person's sessions but one; returns how many.
    fn delete_sessions(&mut self, user: &Id, but: Option<&Id>) -> Result<u64, StoreError>;
    /// Erases sessions that ended before `before`; returns how many.
    fn prune_sessions(&mut self, before: Timestamp) -> Result<u64, StoreError>;
    /// Adds an invitation.
    fn insert_invitation(&mut self, row: &InvitationRow) -> Result<(), StoreError>;
    /// Replaces closing time and MAC. `false` if missing.
    fn update_invitation(&mut self, row: &InvitationRow) -> Result<bool, StoreError>;
    /// Erases invitations that were closed or ran out before `before`; returns how many.
    fn prune_invitations(&mut self, before: Timestamp) -> Result<u64, StoreError>;
}
