//! Users, members, invitations, and the one-time address of the local pages.

use http::Method;
use strongroom_api::people::{
    BeginLogin, BegunLogin, ClaimLogin, CommandLineSession, CreatedInvitation, InvitationItem, Invite, MemberChange,
    MemberItem, Opening, PutMember, SignIn, UpdateUser, UserItem,
};

use crate::client::{Client, Project};
use crate::error::ClientError;
use crate::request::every;

impl Client {
    /// Signs in by name and password, for a command line: the answer is the only place where its token can be read.
    pub async fn sign_in(&self, body: &SignIn) -> Result<CommandLineSession, ClientError> {
        self.call(Method::POST, &["api", "v1", "session"]).anonymous().json(body).send().await
    }

    /// Begins a login through a browser.
    pub async fn begin_login(&self, body: &BeginLogin) -> Result<BegunLogin, ClientError> {
        self.call(Method::POST, &["api", "v1", "logins"]).anonymous().json(body).send().await
    }

    /// The session, once a person has confirmed the login; none before.
    pub async fn claim_login(&self, body: &ClaimLogin) -> Result<Option<CommandLineSession>, ClientError> {
        self.call(Method::POST, &["api", "v1", "logins", "claim"]).anonymous().json(body).send_unless_waiting().await
    }

    /// Ends the session whose token this client sends.
    pub async fn sign_out(&self) -> Result<(), ClientError> {
        let answer = self.call(Method::DELETE, &["api", "v1", "session"]).exchange().await?;
        if answer.status().is_success() {
            return Ok(());
        }
        Err(ClientError::NotStrongroom { address: self.name(), status: answer.status().as_u16() })
    }

    /// Everybody who has an account.
    pub async fn users(&self) -> Result<Vec<UserItem>, ClientError> {
        every(1_000, || self.call(Method::GET, &["api", "v1", "users"])).await
    }

    /// Disables or enables an account, or makes its person an admin of the instance or not.
    pub async fn update_user(&self, name: &str, body: &UpdateUser) -> Result<UserItem, ClientError> {
        self.call(Method::PATCH, &["api", "v1", "users", name]).json(body).send().await
    }

    /// Removes somebody's second factor.
    pub async fn remove_factor(&self, name: &str) -> Result<UserItem, ClientError> {
        self.call(Method::DELETE, &["api", "v1", "users", name, "factor"]).send().await
    }

    /// Deletes an account.
    pub async fn delete_user(&self, name: &str) -> Result<UserItem, ClientError> {
        self.call(Method::DELETE, &["api", "v1", "users", name]).send().await
    }

    /// Invitations, newest first.
    pub async fn invitations(&self) -> Result<Vec<InvitationItem>, ClientError> {
        every(1_000, || self.call(Method::GET, &["api", "v1", "invitations"])).await
    }

    /// Invites somebody; the answer is the only place where the address can be read.
    pub async fn invite(&self, body: &Invite) -> Result<CreatedInvitation, ClientError> {
        self.call(Method::POST, &["api", "v1", "invitations"]).json(body).send().await
    }

    /// Withdraws an invitation.
    pub async fn withdraw_invitation(&self, id: &str) -> Result<InvitationItem, ClientError> {
        self.call(Method::DELETE, &["api", "v1", "invitations", id]).send().await
    }

    /// An address that signs one browser in as the local owner.
    pub async fn open_pages(&self) -> Result<Opening, ClientError> {
        self.call(Method::POST, &["api", "v1", "session", "opening"]).send().await
    }
}

impl Project<'_> {
    /// The project's members.
    pub async fn members(&self) -> Result<Vec<MemberItem>, ClientError> {
        every(1_000, || self.call(Method::GET, &["members"])).await
    }

    /// Makes somebody a member, or changes what a member is.
    pub async fn put_member(&self, name: &str, body: &PutMember) -> Result<MemberChange, ClientError> {
        self.call(Method::PUT, &["members", name]).json(body).send().await
    }

    /// Ends a membership.
    pub async fn remove_member(&self, name: &str) -> Result<MemberChange, ClientError> {
        self.call(Method::DELETE, &["members", name]).send().await
    }
}
