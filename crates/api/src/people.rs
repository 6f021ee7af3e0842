//! People: setup, sessions, members.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::value::Plaintext;

/// `POST /api/v1/setup`.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetUp {
    /// The code of the address that the server printed.
    pub code: String,
    /// The account's name: an e-mail address or a plain name.
    pub name: String,
    /// At least 12 characters.
    pub password: Plaintext,
}

/// `POST /api/v1/session`.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignIn {
    /// The account's name.
    pub name: String,
    /// The password.
    pub password: Plaintext,
    /// The code of the second factor, or a recovery code. Without it an account that has a factor answers
    /// `second_factor_required`, once the password is right.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<Plaintext>,
    /// Whether a command line signs in: the answer then has the session's token, and no cookie.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub command_line: bool,
}

/// A command line's session; its token is shown once, and is sent as a bearer.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct CommandLineSession {
    /// The token.
    pub token: Plaintext,
    /// Whose session it is.
    #[serde(flatten)]
    pub session: SessionItem,
}

/// `POST /api/v1/logins`: a command line begins to sign in through a browser.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BeginLogin {
    /// What the person will know it by: the machine's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
}

/// A login that waits for its person.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct BegunLogin {
    /// What the command line claims the session with; it shows it to nobody.
    pub device_code: Plaintext,
    /// What the person types in the browser.
    pub user_code: String,
    /// The page where it is typed.
    pub url: String,
    /// How many seconds to wait between two claims.
    pub interval: u64,
    /// When both codes run out.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
}

/// `POST /api/v1/logins/claim`.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ClaimLogin {
    /// The device code of the login.
    pub device_code: Plaintext,
}

/// A login that nobody has confirmed yet.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct WaitingLogin {
    /// How many seconds to wait before the next claim.
    pub interval: u64,
}

/// Who is signed in. Answers that begin a session set its cookie.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct SessionItem {
    /// The session's public id.
    pub id: String,
    /// `browser` or `cli`.
    pub kind: String,
    /// As it stands in the audit trail: `user:NAME`, or `owner` for the local owner.
    pub actor: String,
    /// The account's name; null for the local owner.
    pub name: Option<String>,
    /// Whether the person manages the instance.
    pub is_instance_admin: bool,
    /// The person's projects, and what the person may do in each.
    pub projects: Vec<OwnProject>,
    /// What every change by this session carries in the header `X-CSRF-Token`.
    pub csrf_token: String,
    /// When the person last proved who he is.
    #[schema(value_type = String, format = DateTime)]
    pub proved_at: Timestamp,
    /// When it ends, whatever happens.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
}

/// One of a person's projects.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct OwnProject {
    /// The project.
    pub project: String,
    /// What the person may do there.
    pub capabilities: Vec<String>,
    /// The namespaces that the membership is limited to; empty means all.
    pub namespaces: Vec<String>,
}

/// `PUT /members/{name}`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PutMember {
    /// `owner`, `admin`, `developer` or `viewer`.
    pub role: String,
    /// The namespaces that the membership is limited to; empty means all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub namespaces: Vec<String>,
}

/// A member of a project.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct MemberItem {
    /// The account's name.
    pub name: String,
    /// `owner`, `admin`, `developer` or `viewer`; `damaged` where the stored record is not what was written.
    pub role: String,
    /// The namespaces that the membership is limited to; empty means all.
    pub namespaces: Vec<String>,
    /// Whether the account is disabled.
    pub disabled: bool,
    /// When the membership began.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// Who made it.
    pub created_by: String,
}

/// What changing or ending a membership did.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct MemberChange {
    /// The member, as it is now, or was.
    #[serde(flatten)]
    pub member: MemberItem,
    /// `added`, `changed`, `unchanged` or `removed`.
    pub status: String,
    /// Tokens that ended with it: minted by this person, and more than he may mint now.
    pub revoked_tokens: u64,
}

/// `POST /api/v1/session/opening`: for the local owner.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Opening {
    /// The address that signs one browser in, once, within two minutes.
    pub url: Plaintext,
}

/// An account.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct UserItem {
    /// The account's name.
    pub name: String,
    /// `active`, `disabled`, or `damaged` where the stored record is not what was written.
    pub state: String,
    /// Whether the person manages the instance.
    pub is_instance_admin: bool,
    /// Whether a sign-in also takes a code.
    pub has_second_factor: bool,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// Who made it.
    pub created_by: String,
    /// The last sign-in.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub signed_in_at: Option<Timestamp>,
}

/// `PATCH /api/v1/users/{name}`: what is given changes.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateUser {
    /// Whether nobody comes in by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disabled: Option<bool>,
    /// Whether the person manages the instance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance_admin: Option<bool>,
}

/// `POST /api/v1/invitations`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Invite {
    /// The account's name: an e-mail address or a plain name.
    pub name: String,
    /// Whether the account will manage the instance.
    #[serde(default)]
    pub instance_admin: bool,
    /// The project to be a member of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// The role there: `owner`, `admin`, `developer` or `viewer`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// The namespaces that the membership is limited to; empty means all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub namespaces: Vec<String>,
}

/// An invitation's record. Its code is not in it.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct InvitationItem {
    /// Its public id.
    pub id: String,
    /// The account's name.
    pub name: String,
    /// `open`, `closed` (accepted or withdrawn), `expired`, or `damaged`.
    pub state: String,
    /// Whether the account will manage the instance.
    pub is_instance_admin: bool,
    /// The role in the project that it leads to.
    pub role: Option<String>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// Who made it.
    pub created_by: String,
    /// When it runs out.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
}

/// A new invitation; the address is shown once.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct CreatedInvitation {
    /// Where the invited person chooses a password.
    pub url: Plaintext,
    /// Its record.
    #[serde(flatten)]
    pub item: InvitationItem,
}

/// `POST /api/v1/invitations/accept`.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AcceptInvitation {
    /// The last part of the invitation's address.
    pub code: Plaintext,
    /// At least 12 characters.
    pub password: Plaintext,
}

/// `PUT /api/v1/session/password`.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangePassword {
    /// The present one.
    pub password: Plaintext,
    /// At least 12 characters.
    pub new_password: Plaintext,
}

/// `GET /api/v1/session/factor`: one's own second factor.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct FactorItem {
    /// Whether a sign-in also takes a code.
    pub is_set_up: bool,
    /// Recovery codes that are left.
    pub recovery_codes: u64,
}

/// A second factor that is being set up: it counts once a code confirms it.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct NewFactor {
    /// For typing into an authenticator app.
    pub secret: Plaintext,
    /// The same for scanning: `otpauth://totp/…`.
    pub url: Plaintext,
}

/// A code of the second factor, or a recovery code.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FactorCode {
    /// Six digits, or a recovery code. Each serves once.
    pub code: Plaintext,
}

/// Recovery codes; this answer is the only place where they can be read.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct RecoveryCodes {
    /// Each lets its holder in once in place of a code of the app.
    pub recovery_codes: Vec<Plaintext>,
}

/// A second factor that is set up now. Every session has ended, and this one has begun anew.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct ConfirmedFactor {
    /// Each lets its holder in once in place of a code of the app. This answer is the only place where they can be read.
    pub recovery_codes: Vec<Plaintext>,
    /// The session.
    #[serde(flatten)]
    pub session: SessionItem,
}

/// One of one's own sessions.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct OwnSession {
    /// Its public id.
    pub id: String,
    /// `browser` or `cli`.
    pub kind: String,
    /// The browser's or machine's name, as it said it.
    pub label: String,
    /// The address that it began from.
    pub source: String,
    /// Whether it is the one that asks.
    pub is_this: bool,
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// Last use, at most a minute behind.
    #[schema(value_type = String, format = DateTime)]
    pub last_used_at: Timestamp,
    /// When it ends, whatever happens.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
}
