//! Authorisation in one place, deny by default.

use std::sync::Arc;

use strongroom_model::{AppId, Capability, NamespaceName, ProjectName, Scope, SecretName};

use crate::caller::{Access, Caller};
use crate::error::Error;
use crate::keys::Project;
use crate::open::App;

/// What an operation touches.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Reach<'a> {
    /// The project as a whole: the caller must not be limited to namespaces.
    Project,
    /// Something in the project whose namespace is filtered or checked later.
    Anywhere,
    /// One namespace, and for apps one app.
    Namespace(&'a NamespaceName, Option<&'a AppId>),
    /// Reading one scope.
    Read(&'a Scope),
    /// Changing one scope: a caller limited to namespaces may not change what others share.
    Change(&'a Scope),
}

impl App {
    /// The project, if the caller may do this there. A project that is not the caller's own is not found.
    pub(crate) async fn enter(
        &self,
        caller: &Caller,
        name: &ProjectName,
        capability: Capability,
        reach: Reach<'_>,
    ) -> Result<Arc<Project>, Error> {
        let verdict = judge(caller, name, capability, reach);
        if let Err(error) = verdict {
            self.audit_denial(caller, Some(name), capability.as_str()).await?;
            return Err(error);
        }
        self.projects.load(&*self.store, &self.instance, name).await
    }

    /// Refuses a caller who could do this nowhere in the project, before anything else of a request is looked at.
    pub async fn admit(&self, caller: &Caller, name: &ProjectName, capability: Capability) -> Result<(), Error> {
        self.enter(caller, name, capability, Reach::Anywhere).await.map(|_| ())
    }

    /// Refuses everyone but the owner of the instance.
    pub(crate) async fn require_owner(&self, caller: &Caller, action: &str) -> Result<(), Error> {
        match caller.access {
            Access::Owner => Ok(()),
            Access::Token { .. } => {
                self.audit_denial(caller, None, action).await?;
                Err(Error::Forbidden("this needs the owner of the instance".to_owned()))
            }
        }
    }

    /// Refuses names that the caller's token is not for.
    pub(crate) async fn require_names<'a>(
        &self,
        caller: &Caller,
        project: &ProjectName,
        names: impl IntoIterator<Item = &'a SecretName>,
    ) -> Result<(), Error> {
        let Access::Token { grant, .. } = &caller.access else { return Ok(()) };
        if names.into_iter().all(|name| grant.reaches_name(name)) {
            return Ok(());
        }
        self.audit_denial(caller, Some(project), "names").await?;
        Err(Error::Forbidden("this token is limited to other secret names".to_owned()))
    }
}

fn judge(caller: &Caller, project: &ProjectName, capability: Capability, reach: Reach<'_>) -> Result<(), Error> {
    let Access::Token { grant, .. } = &caller.access else { return Ok(()) };
    if grant.project != *project {
        return Err(Error::not_found(format!("project {project}")));
    }
    if !grant.allows(capability) {
        return Err(Error::Forbidden(format!("this needs the capability {capability}")));
    }
    let namespace_limited = !grant.namespaces.is_empty() || grant.app.is_some();
    let allowed = match reach {
        Reach::Anywhere | Reach::Read(Scope::Global) => true,
        Reach::Project
        | Reach::Change(Scope::Global | Scope::System | Scope::User(_))
        | Reach::Read(Scope::System | Scope::User(_)) => !namespace_limited,
        Reach::Namespace(namespace, app) => {
            grant.reaches_namespace(namespace) && grant.app.as_ref().is_none_or(|only| app == Some(only))
        }
        Reach::Read(Scope::Namespace(namespace)) => grant.reaches_namespace(namespace),
        Reach::Change(Scope::Namespace(namespace)) => grant.reaches_namespace(namespace) && grant.app.is_none(),
        Reach::Read(Scope::App(namespace, app)) | Reach::Change(Scope::App(namespace, app)) => {
            grant.reaches_namespace(namespace) && grant.app.as_ref().is_none_or(|only| app == only)
        }
    };
    if allowed {
        return Ok(());
    }
    Err(Error::Forbidden("this token is limited to other namespaces or apps".to_owned()))
}
