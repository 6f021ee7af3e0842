//! Who is asking, and with what power.

use std::sync::Arc;

use strongroom_model::{Capability, Grant, Id, NamespaceName, Scope, SecretName};

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
}

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
        }
    }

    /// Whether the caller holds `capability` somewhere in its own project (the owner everywhere).
    pub fn holds(&self, capability: Capability) -> bool {
        match &self.access {
            Access::Owner => true,
            Access::Token { grant, .. } => grant.allows(capability),
        }
    }

    /// The token that the caller holds; none for the owner.
    pub(crate) fn token(&self) -> Option<Id> {
        match &self.access {
            Access::Owner => None,
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

    /// What limits the caller; nothing limits the owner.
    pub fn grant(&self) -> Option<&Grant> {
        match &self.access {
            Access::Owner => None,
            Access::Token { grant, .. } => Some(grant),
        }
    }

    /// Whether the caller may create namespaces and apps by mentioning them.
    pub fn creates_on_mention(&self) -> bool {
        match &self.access {
            Access::Owner => true,
            Access::Token { grant, .. } => grant.allows(Capability::Admin) && !grant.is_limited(),
        }
    }
}
