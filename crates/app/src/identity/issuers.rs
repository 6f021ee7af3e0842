//! The issuers whose tokens a project takes as proof of who an end user is.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use strongroom_api::issuers::IssuerItem;
use strongroom_fetch::Target;
use strongroom_model::{Capability, EndUser, Id, IssuerUrl, ProjectName, Scope, SecretName, TrustName, UserId};
use strongroom_seal::{ValueContext, seal_value};
use strongroom_secret::SecretValue;
use strongroom_store::port::{TrustKind, TrustRow};
use strongroom_store::{Rows, StoreError, Tx};

use super::jwks::KeysError;
use super::jwt::{Claims, Expected, JwtError, KeySet, MIN_SHARED_KEY_BYTES, named_issuer, verify};
use crate::audit::Record;
use crate::authz::Reach;
use crate::caller::Caller;
use crate::error::{Error, Fault};
use crate::keys::Project;
use crate::open::App;
use crate::rows::Authenticated as _;

/// Most issuers of one project.
const MAX_ISSUERS: usize = 20;
/// Longest audience.
const MAX_AUDIENCE_BYTES: usize = 255;

/// A new issuer to trust.
#[derive(Debug)]
pub struct NewIssuer {
    /// For people.
    pub name: TrustName,
    /// The `iss` of its tokens.
    pub issuer: IssuerUrl,
    /// What must be in the `aud` of its tokens.
    pub audience: String,
    /// Where its keys are.
    pub keys: KeySource,
}

/// Where the keys of an issuer come from.
#[derive(Debug)]
pub enum KeySource {
    /// The issuer says where, in its discovery document.
    Discovered,
    /// This address of a JSON Web Key Set.
    Url(String),
    /// A key that both sides know, for HS256: at least 32 bytes.
    Shared(SecretValue),
}

/// What was added.
#[derive(Debug)]
pub struct Added {
    /// The issuer.
    pub item: IssuerItem,
    /// What may be wrong.
    pub warnings: Vec<String>,
}

/// What a row says.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Trusted {
    issuer: IssuerUrl,
    audience: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    jwks_url: Option<String>,
}

/// An issuer that can be asked about tokens.
pub(crate) struct Issuer {
    url: IssuerUrl,
    audience: String,
    keys: Keys,
}

pub(crate) enum Keys {
    Published(String),
    Shared(Arc<KeySet>),
}

/// The issuers of projects, loaded once.
#[derive(Default)]
pub(crate) struct Issuers {
    loaded: RwLock<HashMap<Id, Arc<Vec<Issuer>>>>,
    /// How often something was forgotten, so that what was read before is not kept after.
    forgotten: AtomicU64,
}

impl Issuers {
    /// Forgets a project's issuers: they changed.
    pub(crate) fn forget(&self, project: &Id) {
        let mut loaded = self.loaded.write().unwrap_or_else(PoisonError::into_inner);
        self.forgotten.fetch_add(1, Ordering::SeqCst);
        loaded.remove(project);
    }
}

/// Why nobody is known by a token.
#[derive(Debug, thiserror::Error)]
pub enum Unproven {
    /// The project trusts nobody.
    #[error("this project trusts no issuer of end users; add one with: strongroom issuers add")]
    NoIssuer,
    /// The token is not believed.
    #[error("the end user's token is not accepted: {0}")]
    Token(#[from] JwtError),
    /// The issuer's keys could not be had.
    #[error("the keys of the end user's issuer could not be had: {0}")]
    Keys(#[from] KeysError),
    /// The issuers could not be read.
    #[error(transparent)]
    Failed(#[from] Error),
}

/// Trusts an issuer. Needs `admin` in the whole project.
pub async fn add(app: &App, caller: &Caller, project: &ProjectName, new: NewIssuer) -> Result<Added, Error> {
    let owner = app.enter(caller, project, Capability::Admin, Reach::Project).await?;
    check(&new)?;
    let (id, now) = (app.new_id(), app.clock.now());
    let (jwks_url, sealed) = match &new.keys {
        KeySource::Discovered => (Some(app.discovered(&new.issuer).await?), Vec::new()),
        KeySource::Url(url) => (Some(checked_url(app, url)?), Vec::new()),
        KeySource::Shared(key) => (None, seal_key(app, &owner, &id, key)?),
    };
    let mut warnings = Vec::new();
    if let Some(url) = &jwks_url
        && let Err(error) = app.identity.published.keys(url, now).await
    {
        if error.is_for_good() {
            return Err(Error::invalid("jwks_url", error));
        }
        warnings.push(format!("its keys could not be fetched just now, so no token of it is accepted yet: {error}"));
    }
    let trusted = Trusted { issuer: new.issuer, audience: new.audience, jwks_url };
    let row = TrustRow {
        id,
        project: owner.id,
        kind: TrustKind::Users,
        name: new.name.to_string(),
        record: serde_json::to_string(&trusted).expect("an issuer has text keys only"),
        sealed,
        created_at: now,
        created_by: caller.actor.clone(),
        mac: Vec::new(),
    }
    .signed(&app.instance);
    let target = serde_json::json!({ "issuer": row.name, "iss": trusted.issuer, "audience": trusted.audience });
    let record = Record::done(now, caller, Some(project), "issuer.add", &target);
    let item = item(&row, &trusted);
    insert(app, row, record).await?;
    app.identity.issuers.forget(&owner.id);
    Ok(Added { item, warnings })
}

/// Writes a row of what is trusted, unless there are too many of its kind or its name is taken.
pub(super) async fn insert(app: &App, row: TrustRow, record: Record) -> Result<(), Error> {
    let instance = Arc::clone(&app.instance);
    app.store
        .write(move |tx: &mut dyn Tx| -> Result<(), Error> {
            if tx.trusts(&row.project, row.kind)?.len() >= MAX_ISSUERS {
                return Err(Error::conflict(format!("a project has at most {MAX_ISSUERS} of these"), None));
            }
            match tx.insert_trust(&row) {
                Err(StoreError::Exists(_)) => {
                    return Err(Error::conflict(format!("{} exists already; delete it first", row.name), None));
                }
                other => other?,
            }
            record.append(tx, &instance)
        })
        .await
}

fn check(new: &NewIssuer) -> Result<(), Error> {
    let mut faults = Vec::new();
    faults.extend(audience_fault(&new.audience));
    if let KeySource::Shared(key) = &new.keys
        && key.expose().len() < MIN_SHARED_KEY_BYTES
    {
        faults.push(Fault::new("shared_key", format!("a shared key has at least {MIN_SHARED_KEY_BYTES} bytes")));
    }
    if faults.is_empty() { Ok(()) } else { Err(Error::Invalid(faults)) }
}

/// What is wrong with an audience.
pub(super) fn audience_fault(audience: &str) -> Option<Fault> {
    let fits = (1..=MAX_AUDIENCE_BYTES).contains(&audience.len()) && !audience.chars().any(char::is_control);
    (!fits).then(|| Fault::new("audience", "an audience is 1 to 255 bytes of text, as it stands in the tokens' aud"))
}

/// An address of keys that may be asked.
pub(super) fn checked_url(app: &App, url: &str) -> Result<String, Error> {
    Target::parse(url, app.identity.published.reach()).map_err(|error| Error::invalid("jwks_url", error))?;
    Ok(url.to_owned())
}

impl App {
    /// Where an issuer says that its keys are.
    pub(super) async fn discovered(&self, issuer: &IssuerUrl) -> Result<String, Error> {
        self.identity.published.discover(issuer.as_str()).await.map_err(|error| {
            let detail = format!("the issuer did not say where its keys are ({error}); name the address of its keys");
            Error::invalid("jwks_url", detail)
        })
    }
}

fn key_place<'a>(project: &'a Project, id: &'a Id, name: &'a SecretName) -> ValueContext<'a> {
    ValueContext { project: &project.id, scope: &Scope::System, name, secret: id, version: 1 }
}

/// No secret has this id, so nothing else is ever sealed for this place.
fn key_name() -> SecretName {
    "SHARED_KEY".parse().expect("a legal name")
}

fn seal_key(app: &App, project: &Project, id: &Id, key: &SecretValue) -> Result<Vec<u8>, Error> {
    let (version, sealing) = project.sealing_key();
    let sealed = seal_value(sealing, version, &key_place(project, id, &key_name()), key, &*app.rng);
    sealed.map_err(Error::damaged("new shared key"))
}

/// The issuers that a project trusts.
pub async fn list(app: &App, caller: &Caller, project: &ProjectName) -> Result<Vec<IssuerItem>, Error> {
    let owner = app.enter(caller, project, Capability::Admin, Reach::Project).await?;
    let rows = app.store.read(|rows: &mut dyn Rows| rows.trusts(&owner.id, TrustKind::Users).map_err(Error::from));
    rows.await?.iter().map(|row| Ok(item(row, &read(app, row)?))).collect()
}

/// Trusts an issuer no longer. What is stored for its users stays, and nobody reads it until it is trusted again.
pub async fn delete(app: &App, caller: &Caller, project: &ProjectName, name: &TrustName) -> Result<(), Error> {
    let owner = app.enter(caller, project, Capability::Admin, Reach::Project).await?;
    let target = serde_json::json!({ "issuer": name });
    let record = Record::done(app.clock.now(), caller, Some(project), "issuer.delete", &target);
    let (instance, id, wanted) = (Arc::clone(&app.instance), owner.id, name.clone());
    app.store
        .write(move |tx: &mut dyn Tx| -> Result<(), Error> {
            if !tx.delete_trust(&id, TrustKind::Users, wanted.as_str())? {
                return Err(Error::not_found(format!("issuer {wanted}")));
            }
            record.append(tx, &instance)
        })
        .await?;
    app.identity.issuers.forget(&owner.id);
    Ok(())
}

/// What a row says, once it is proved to be what was written.
fn read(app: &App, row: &TrustRow) -> Result<Trusted, Error> {
    row.verify(&app.instance).map_err(Error::damaged(format!("issuer {}", row.name)))?;
    serde_json::from_str(&row.record).map_err(|_| Error::Store(StoreError::Damaged("issuer")))
}

fn item(row: &TrustRow, trusted: &Trusted) -> IssuerItem {
    IssuerItem {
        name: row.name.clone(),
        issuer: trusted.issuer.to_string(),
        audience: trusted.audience.clone(),
        jwks_url: trusted.jwks_url.clone(),
        shared_key: trusted.jwks_url.is_none(),
        created_at: row.created_at,
        created_by: row.created_by.clone(),
    }
}

/// The scope that an operator means: a user named by an id alone is one of the issuer that the project trusts. Tells nothing
/// to who has not been admitted to the project.
pub async fn claimed(
    app: &App,
    project: &ProjectName,
    scope: Scope,
    name: Option<&SecretName>,
) -> Result<Scope, Error> {
    if scope.user().is_none_or(|user| !user.issuer().is_empty()) {
        return Ok(scope);
    }
    let owner = app.projects.load(&*app.store, &app.instance, project).await?;
    app.claim_user(&owner, scope, name).await
}

impl App {
    /// The issuers of a project's end users, from memory or from the store. One row that is not what was written stops
    /// all of them: nobody can tell what it said.
    pub(crate) async fn issuers(&self, project: &Project) -> Result<Arc<Vec<Issuer>>, Error> {
        let known = &self.identity.issuers;
        if let Some(all) = known.loaded.read().unwrap_or_else(PoisonError::into_inner).get(&project.id) {
            return Ok(Arc::clone(all));
        }
        let forgotten = known.forgotten.load(Ordering::SeqCst);
        let rows =
            self.store.read(|rows: &mut dyn Rows| rows.trusts(&project.id, TrustKind::Users).map_err(Error::from));
        let all: Result<Vec<_>, Error> = rows.await?.iter().map(|row| self.issuer(project, row)).collect();
        let all = Arc::new(all?);
        let mut loaded = known.loaded.write().unwrap_or_else(PoisonError::into_inner);
        if known.forgotten.load(Ordering::SeqCst) == forgotten {
            loaded.insert(project.id, Arc::clone(&all));
        }
        Ok(all)
    }

    fn issuer(&self, project: &Project, row: &TrustRow) -> Result<Issuer, Error> {
        let Trusted { issuer, audience, jwks_url } = read(self, row)?;
        let keys = if let Some(url) = jwks_url {
            Keys::Published(url)
        } else {
            let key = project.open_at(&key_place(project, &row.id, &key_name()), &row.sealed)?;
            Keys::Shared(Arc::new(KeySet::shared(key.expose().as_bytes())))
        };
        Ok(Issuer { url: issuer, audience, keys })
    }

    /// The end user of a project that a token proves, and until when it does.
    pub(crate) async fn end_user(&self, project: &Project, token: &str) -> Result<(EndUser, Timestamp), Unproven> {
        let issuers = self.issuers(project).await?;
        if issuers.is_empty() {
            return Err(Unproven::NoIssuer);
        }
        let named = named_issuer(token)?;
        let mut refused = Unproven::Token(JwtError::Issuer);
        for issuer in issuers.iter().filter(|issuer| issuer.url.as_str() == named) {
            let expected = Expected { issuer: issuer.url.as_str(), audience: &issuer.audience };
            match self.believe(token, &issuer.keys, expected).await {
                Ok(claims) => {
                    let id: UserId = claims.subject.parse().map_err(|_| JwtError::Claim("sub"))?;
                    return Ok((EndUser::new(&issuer.url, &id), claims.expires_at));
                }
                Err(error) => refused = error,
            }
        }
        Err(refused)
    }

    /// Believes a token by these keys; published ones are looked for anew, if that may be, when it names another.
    pub(crate) async fn believe(&self, token: &str, keys: &Keys, expected: Expected<'_>) -> Result<Claims, Unproven> {
        let now = self.clock.now();
        let url = match keys {
            Keys::Shared(keys) => return Ok(verify(token, keys, expected, now)?),
            Keys::Published(url) => url,
        };
        let known = self.identity.published.keys(url, now).await?;
        match verify(token, &known, expected, now) {
            Err(JwtError::UnknownKey) => match self.identity.published.anew(url, &known, now).await {
                Ok(newer) => Ok(verify(token, &newer, expected, now)?),
                Err(KeysError::Pause) => Err(JwtError::UnknownKey.into()),
                Err(error) => Err(error.into()),
            },
            other => Ok(other?),
        }
    }

    /// The end user whom an operator means by an id alone: of the one issuer that the project trusts, or of none where it
    /// trusts none. What was set for that id before the issuer was trusted is found again.
    pub(crate) async fn claim_user(
        &self,
        project: &Project,
        scope: Scope,
        name: Option<&SecretName>,
    ) -> Result<Scope, Error> {
        let Scope::User(user) = &scope else { return Ok(scope) };
        if !user.issuer().is_empty() {
            return Ok(scope);
        }
        let Some(issuer) = self.only_issuer(project).await? else { return Ok(scope) };
        let id: UserId = user.id().parse().map_err(|error| Error::invalid("user", error))?;
        let claimed = Scope::User(EndUser::new(&issuer, &id));
        let Some(name) = name else { return Ok(claimed) };
        let is_unclaimed = self
            .store
            .read(|rows: &mut dyn Rows| -> Result<bool, Error> {
                let taken = rows.secret(&project.id, &claimed, name)?.is_some();
                Ok(!taken && rows.secret(&project.id, &scope, name)?.is_some())
            })
            .await?;
        Ok(if is_unclaimed { scope } else { claimed })
    }

    /// Whether a project trusts one issuer alone, so that its users are those for whom values were set without one.
    pub(crate) async fn reads_unclaimed(&self, project: &Project) -> Result<bool, Error> {
        match self.only_issuer(project).await {
            Err(Error::Invalid(_)) => Ok(false),
            other => other.map(|issuer| issuer.is_some()),
        }
    }

    /// The one issuer of a project's end users; none if there is none.
    async fn only_issuer(&self, project: &Project) -> Result<Option<IssuerUrl>, Error> {
        let issuers = self.issuers(project).await?;
        let Some(first) = issuers.first() else { return Ok(None) };
        if issuers.iter().all(|issuer| issuer.url == first.url) {
            return Ok(Some(first.url.clone()));
        }
        Err(Error::invalid("user", "this project trusts several issuers: say whose user it is with --issuer"))
    }
}
