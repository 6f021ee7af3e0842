//! Authorisation in one place, deny by default.

use std::sync::Arc;

use strongroom_model::{AppId, Capability, EndUser, NamespaceName, ProjectName, Scope, SecretName};

use crate::caller::{Access, Caller, NoMember, OF_END_USERS, SessionKind};
use crate::error::Error;
use crate::keys::Project;
use crate::open::App;

/// What an operation touches.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Reach<'a> {
    /// The project as a whole: the caller must not be limited to namespaces, an app or names.
    Project,
    /// Something in the project that is filtered or checked later.
    Anywhere,
    /// Everything in one namespace, whatever its name: the caller must not be limited to an app or to names. Deployed
    /// code reads all that resolves there, its log tells which names, and who destroys a thing destroys what is in it.
    Whole(&'a NamespaceName),
    /// One namespace, and for apps one app; names are filtered or checked later.
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
        let project = self.projects.load(&*self.store, &self.instance, name).await?;
        if let Access::EndUser { home, .. } = &caller.access {
            let other = || Error::not_found(format!("project {name}"));
            return if *home == project.id { Ok(project) } else { Err(other()) };
        }
        match caller.grant_in(name) {
            // a project that was made anew under the name is another one
            Some(Ok((home, _))) if home != project.id => return Err(Error::not_found(format!("project {name}"))),
            Some(Err(NoMember)) => return Err(Error::not_found(format!("project {name}"))),
            None | Some(Ok(_)) => {}
        }
        if let Err(error) = judge_protected(caller, &project, capability, reach) {
            self.audit_denial(caller, Some(name), capability.as_str()).await?;
            return Err(error);
        }
        Ok(project)
    }

    /// Refuses a caller who could do this nowhere in the project, before anything else of a request is looked at.
    pub async fn admit(&self, caller: &Caller, name: &ProjectName, capability: Capability) -> Result<(), Error> {
        self.enter(caller, name, capability, Reach::Anywhere).await.map(|_| ())
    }

    /// Refuses everyone but the local owner and the instance's admins.
    pub async fn require_instance_admin(&self, caller: &Caller, action: &str) -> Result<(), Error> {
        if caller.is_instance_admin() {
            return Ok(());
        }
        self.audit_denial(caller, None, action).await?;
        Err(Error::Forbidden("this needs an admin of the instance".to_owned()))
    }

    /// Refuses what delivers values to a browser's session: people get names, processes get values.
    pub(crate) async fn require_process(&self, caller: &Caller, project: &ProjectName) -> Result<(), Error> {
        if caller.session.as_ref().is_none_or(|session| session.kind != SessionKind::Browser) {
            return Ok(());
        }
        self.audit_denial(caller, Some(project), "values by session").await?;
        Err(Error::Forbidden(
            "values are not delivered to a browser's session; use a token or the command line".to_owned(),
        ))
    }

    /// Refuses names that the caller's token is not for.
    pub(crate) async fn require_names<'a>(
        &self,
        caller: &Caller,
        project: &ProjectName,
        names: impl IntoIterator<Item = &'a SecretName>,
    ) -> Result<(), Error> {
        if names.into_iter().all(|name| caller.reaches_name(name)) {
            return Ok(());
        }
        self.audit_denial(caller, Some(project), "names").await?;
        Err(Error::Forbidden("this token is limited to other secret names".to_owned()))
    }

    /// Refuses a caller whose token is for some names only, where all of them are at stake.
    pub(crate) async fn require_every_name(&self, caller: &Caller, project: &ProjectName) -> Result<(), Error> {
        if caller.grant().is_none_or(|grant| grant.names.is_empty()) {
            return Ok(());
        }
        self.audit_denial(caller, Some(project), "names").await?;
        Err(Error::Forbidden("this token is limited to other secret names".to_owned()))
    }
}

/// Whether the caller may do this in a project that he has entered. For what an answer holds besides; a refusal is no
/// denied attempt.
pub(crate) fn may(caller: &Caller, project: &Project, capability: Capability, reach: Reach<'_>) -> bool {
    judge(caller, &project.name, capability, reach).is_ok()
        && judge_protected(caller, project, capability, reach).is_ok()
}

/// What a protected namespace keeps from callers whose grant does not name it: values, and whatever changes or runs
/// something. Looking at names and logs, and calling a function (whose own `auth` says who may), is not among it. What
/// all namespaces share reaches the protected ones too, so changing that needs the grant for each of them.
fn judge_protected(caller: &Caller, project: &Project, capability: Capability, reach: Reach<'_>) -> Result<(), Error> {
    if project.settings.protected.is_empty() {
        return Ok(());
    }
    let grant = match caller.grant_in(&project.name) {
        None => return Ok(()),
        Some(Err(NoMember)) => return Err(Error::not_found(format!("project {}", project.name))),
        Some(Ok((_, grant))) => grant,
    };
    let looks = match capability {
        Capability::SecretsList | Capability::FunctionsInvoke | Capability::LogsRead | Capability::AuditRead => true,
        Capability::SecretsDeclare
        | Capability::SecretsWrite
        | Capability::SecretsDelete
        | Capability::ValuesRead
        | Capability::FunctionsDeploy
        | Capability::JobsRun
        | Capability::Admin => false,
    };
    if looks {
        return Ok(());
    }
    let mut closed = project.settings.protected.iter().filter(|namespace| !grant.is_explicit_in(namespace));
    match reach {
        Reach::Project | Reach::Anywhere | Reach::Read(Scope::Global | Scope::System | Scope::User(_)) => Ok(()),
        Reach::Whole(namespace)
        | Reach::Namespace(namespace, _)
        | Reach::Read(Scope::Namespace(namespace) | Scope::App(namespace, _))
        | Reach::Change(Scope::Namespace(namespace) | Scope::App(namespace, _)) => {
            match closed.find(|one| *one == namespace) {
                Some(namespace) => Err(Error::Forbidden(format!(
                    "the namespace {namespace} is protected: this needs a membership or token that names it"
                ))),
                None => Ok(()),
            }
        }
        Reach::Change(scope @ (Scope::Global | Scope::System | Scope::User(_))) => match closed.next() {
            Some(namespace) => Err(Error::Forbidden(format!(
                "scope {scope} reaches the namespace {namespace}, which is protected: change it for one namespace alone (--namespace NAME), or ask an admin of the project"
            ))),
            None => Ok(()),
        },
    }
}

fn judge(caller: &Caller, project: &ProjectName, capability: Capability, reach: Reach<'_>) -> Result<(), Error> {
    if let Access::EndUser { project: own, user, .. } = &caller.access {
        return judge_end_user((own, user), project, capability, reach);
    }
    let grant = match caller.grant_in(project) {
        None => return Ok(()),
        Some(Err(NoMember)) => return Err(Error::not_found(format!("project {project}"))),
        Some(Ok((_, grant))) => grant,
    };
    if !grant.allows(capability) {
        return Err(Error::Forbidden(format!("this needs the capability {capability}")));
    }
    let allowed = match reach {
        Reach::Anywhere => true,
        Reach::Project => !grant.is_limited(),
        Reach::Whole(namespace) => grant.reaches_namespace(namespace) && grant.app.is_none() && grant.names.is_empty(),
        Reach::Read(scope) | Reach::Change(scope @ Scope::App(..)) => grant.reaches(scope),
        Reach::Change(Scope::Global | Scope::System | Scope::User(_)) => {
            grant.namespaces.is_empty() && grant.app.is_none()
        }
        Reach::Namespace(namespace, app) => {
            grant.reaches_namespace(namespace) && grant.app.as_ref().is_none_or(|only| app == Some(only))
        }
        Reach::Change(Scope::Namespace(namespace)) => grant.reaches_namespace(namespace) && grant.app.is_none(),
    };
    if allowed {
        return Ok(());
    }
    Err(Error::Forbidden(format!("{} is limited to other namespaces, apps or names", what_limits(caller))))
}

/// What a refusal calls the caller's grant.
fn what_limits(caller: &Caller) -> &'static str {
    if caller.user().is_some() { "your membership" } else { "this token" }
}

/// An end user reaches his own secrets, in the project that trusts his issuer. Those that were set for his id before any
/// issuer was trusted are his too where it trusts one alone, which `identity` sees to.
fn judge_end_user(
    (home, own): (&ProjectName, &EndUser),
    project: &ProjectName,
    capability: Capability,
    reach: Reach<'_>,
) -> Result<(), Error> {
    if home != project {
        return Err(Error::not_found(format!("project {project}")));
    }
    match reach {
        Reach::Read(Scope::User(user)) | Reach::Change(Scope::User(user))
            if (user == own || *user == own.without_issuer()) && OF_END_USERS.contains(&capability) =>
        {
            Ok(())
        }
        _ => Err(Error::Forbidden("an end user reaches his own secrets alone".to_owned())),
    }
}
