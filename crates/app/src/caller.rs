//! Who is asking, and with what power.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;
use strongroom_model::{Capability, EndUser, Grant, Id, NamespaceName, ProjectName, Scope, SecretName};

/// What a caller may do.
#[derive(Debug, Clone)]
pub enum Access {
    /// The local owner: proved by the owner token in the data directory.
    Owner,
    /// A token's grant.
    Token {
        /// The token.
        id: Id,
        /// The project that it was minted in: another one of the same name is not its own.
        home: Id,
        /// What it allows.
        grant: Arc<Grant>,
    },
    /// A person who signed in.
    Person {
        /// The person.
        user: Id,
        /// The project of the request, if the person is a member there.
        home: Option<Id>,
        /// What the person may do in that project: nothing where there is no membership.
        grant: Arc<Grant>,
        /// Whether the person manages the instance: users, projects, memberships. It opens no project's secrets.
        is_instance_admin: bool,
        /// All of the person's projects.
        memberships: Arc<Memberships>,
    },
    /// An end user, proved by a token of an issuer that the project trusts: his own secrets and nothing else.
    EndUser {
        /// The project's name.
        project: ProjectName,
        /// The project that trusts the issuer: another one of the same name is not its own.
        home: Id,
        /// Who.
        user: EndUser,
    },
}

/// A person's projects: the id of each, and what the person may do there.
pub type Memberships = HashMap<ProjectName, (Id, Arc<Grant>)>;

/// What holds a session's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SessionKind {
    /// A browser, in a cookie. It is delivered no values but by `reveal`, and every change needs its CSRF token.
    Browser,
    /// A command line, as a bearer.
    CommandLine,
}

impl SessionKind {
    /// The word in the store and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Browser => "browser",
            Self::CommandLine => "cli",
        }
    }
}

/// The session by which a caller came.
#[derive(Debug, Clone)]
pub struct Session {
    /// Its public id.
    pub id: Id,
    /// What holds it.
    pub kind: SessionKind,
    /// When its person last proved who he is.
    pub proved_at: Timestamp,
    /// When it ends, whatever happens.
    pub expires_at: Timestamp,
    /// What a page sends back with every change.
    pub csrf: Arc<str>,
}

/// What an end user may do with his own secrets.
pub(crate) const OF_END_USERS: [Capability; 3] =
    [Capability::SecretsList, Capability::SecretsWrite, Capability::SecretsDelete];

/// One request's caller, as authorisation and audit see it.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The name in the audit trail: `owner`, `token:NAME`, or for what a coding agent holds `agent:NAME`.
    pub actor: String,
    /// From where: an address, `socket`, or `process`.
    pub source: String,
    /// The request.
    pub request_id: String,
    /// What the caller may do.
    pub access: Access,
    /// The key under which a repeated request answers what the first one did.
    pub idempotency: Option<String>,
    /// The session by which the caller came; none for the local owner's token and for access tokens.
    pub session: Option<Arc<Session>>,
}

impl Caller {
    /// The local owner.
    pub fn owner(source: impl Into<String>, request_id: impl Into<String>) -> Self {
        Self {
            actor: "owner".to_owned(),
            source: source.into(),
            request_id: request_id.into(),
            access: Access::Owner,
            idempotency: None,
            session: None,
        }
    }

    /// Whether the caller holds `capability` somewhere in its own project (the owner everywhere).
    pub fn holds(&self, capability: Capability) -> bool {
        match &self.access {
            Access::Owner => true,
            Access::Token { grant, .. } | Access::Person { grant, .. } => grant.allows(capability),
            Access::EndUser { .. } => OF_END_USERS.contains(&capability),
        }
    }

    /// The person, if one signed in. The local owner is nobody's account.
    pub fn user(&self) -> Option<Id> {
        match &self.access {
            Access::Person { user, .. } => Some(*user),
            Access::Owner | Access::Token { .. } | Access::EndUser { .. } => None,
        }
    }

    /// Whether the caller manages the instance: its users, projects and memberships.
    pub fn is_instance_admin(&self) -> bool {
        match &self.access {
            Access::Owner => true,
            Access::Person { is_instance_admin, .. } => *is_instance_admin,
            Access::Token { .. } | Access::EndUser { .. } => false,
        }
    }

    /// What tells this caller from every other one, whatever they are called.
    pub fn identity(&self) -> String {
        match &self.access {
            Access::Owner => "owner".to_owned(),
            Access::Token { id, .. } => id.to_string(),
            Access::Person { user, .. } => format!("user {user}"),
            Access::EndUser { home, user, .. } => format!("end user {home} {}", user.as_str()),
        }
    }

    /// What the caller may do in `project`, and the id that the project must have; `None` for who may do everything.
    /// A grant for another project stands for "no member".
    pub(crate) fn grant_in(&self, project: &ProjectName) -> Option<Result<(Id, &Grant), NoMember>> {
        match &self.access {
            Access::Owner => None,
            Access::Token { home, grant, .. } if grant.project == *project => Some(Ok((*home, grant))),
            // a person stands in the one project that the request was turned to, or in none
            Access::Person { home: Some(home), grant, .. } if grant.project == *project => Some(Ok((*home, grant))),
            Access::Token { .. } | Access::Person { .. } | Access::EndUser { .. } => Some(Err(NoMember)),
        }
    }

    /// Turns a person to the project that the request is about. What [`Caller::grant`] and its like say is about that one.
    pub fn enter(&mut self, project: &ProjectName) {
        if let Access::Person { home, grant, memberships, .. } = &mut self.access {
            let found = memberships.get(project);
            *home = found.map(|(id, _)| *id);
            *grant = found.map_or_else(|| nothing_in(project.clone()), |(_, grant)| Arc::clone(grant));
        }
    }

    /// The token that the caller holds; none for the owner.
    pub(crate) fn token(&self) -> Option<Id> {
        match &self.access {
            Access::Owner | Access::Person { .. } | Access::EndUser { .. } => None,
            Access::Token { id, .. } => Some(*id),
        }
    }

    /// Whether the caller's limits let it see secrets of `scope` under `name`.
    pub fn reaches(&self, scope: &Scope, name: &SecretName) -> bool {
        self.reaches_scope(scope) && self.reaches_name(name)
    }

    /// Whether the caller's limits let it see secrets of `scope`.
    pub fn reaches_scope(&self, scope: &Scope) -> bool {
        self.grant().is_none_or(|grant| grant.reaches(scope))
    }

    /// Whether the caller is not limited to other names.
    pub fn reaches_name(&self, name: &SecretName) -> bool {
        self.grant().is_none_or(|grant| grant.reaches_name(name))
    }

    /// Whether the caller is not limited to other namespaces.
    pub fn reaches_namespace(&self, namespace: &NamespaceName) -> bool {
        self.grant().is_none_or(|grant| grant.reaches_namespace(namespace))
    }

    /// What limits the caller; nothing limits the owner, and an end user gets no further than `authz` lets him.
    pub fn grant(&self) -> Option<&Grant> {
        match &self.access {
            Access::Owner | Access::EndUser { .. } => None,
            Access::Token { grant, .. } | Access::Person { grant, .. } => Some(grant),
        }
    }

    /// Whether the caller may create namespaces and apps by mentioning them.
    pub fn creates_on_mention(&self) -> bool {
        match &self.access {
            Access::Owner => true,
            Access::Token { grant, .. } | Access::Person { grant, .. } => {
                grant.allows(Capability::Admin) && !grant.is_limited()
            }
            Access::EndUser { .. } => false,
        }
    }
}

/// The caller has no place in a project.
pub(crate) struct NoMember;

/// The grant of who is no member.
pub(crate) fn nothing_in(project: ProjectName) -> Arc<Grant> {
    Arc::new(Grant {
        project,
        namespaces: Vec::new(),
        app: None,
        names: Vec::new(),
        capabilities: Vec::new(),
        agent: false,
    })
}
