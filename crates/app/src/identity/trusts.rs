//! Platforms whose workloads sign in with a token of their own: which tokens a project believes, and what for.
//!
//! ```text
//! token ──> trust by name ──> its MAC ── its maker may still give as much ── signature, iss, aud, times ── each claim equal
//!       ──> a token of this project, for minutes
//! ```
//!
//! A claim is equal or it is not: the same JSON type and the same value, without patterns. A platform's token may be shown
//! again until it runs out; each time it is judged anew, and nothing that it gave before is lengthened.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use strongroom_api::trusts::TrustItem;
use strongroom_model::{Capability, Id, IssuerUrl, ProjectName, TrustName};
use strongroom_store::port::{TrustKind, TrustRow};
use strongroom_store::{Rows, StoreError, Tx};

use super::issuers::{Keys, Unproven, audience_fault, checked_url, insert};
use super::jwt::{Claims, Expected, KeySet};
use crate::accounts::Visitor;
use crate::audit::Record;
use crate::authz::Reach;
use crate::caller::Caller;
use crate::error::{Error, Fault};
use crate::keys::Project;
use crate::open::App;
use crate::rows::Authenticated as _;
use crate::tokens::{self, Issue, Minted, NewToken, Terms};

/// Most claims of one trust.
const MAX_CLAIMS: usize = 20;
/// Longest name and text of a claim.
const MAX_CLAIM_BYTES: usize = 512;
/// Largest set of keys that is kept in a row.
const MAX_JWKS_BYTES: usize = 16 * 1_024;
/// How long a sign-in may last: at least, unless told otherwise, at most.
const LEAST: Duration = Duration::from_mins(1);
/// See [`LEAST`].
pub const USUAL: Duration = Duration::from_mins(15);
const MOST: Duration = Duration::from_hours(12);

/// A platform that is known, with what distinguishes its customers from each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Preset {
    /// GitHub Actions.
    GitHub,
    /// GitLab CI/CD.
    GitLab,
    /// Service accounts of a Kubernetes cluster.
    Kubernetes,
}

const GITHUB: &str = "https://token.actions.githubusercontent.com";
const GITLAB: &str = "https://gitlab.com";

impl Preset {
    const ALL: [Self; 3] = [Self::GitHub, Self::GitLab, Self::Kubernetes];

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::GitHub => "github",
            Self::GitLab => "gitlab",
            Self::Kubernetes => "kubernetes",
        }
    }

    /// The preset that a word names.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|preset| preset.as_str() == word)
    }

    /// The issuer, where there is one for everybody.
    pub fn issuer(self) -> Option<&'static str> {
        match self {
            Self::GitHub => Some(GITHUB),
            Self::GitLab => Some(GITLAB),
            Self::Kubernetes => None,
        }
    }

    /// Claims of which one must be asked for: without it, any customer's workload would sign in.
    fn distinguishing(self) -> &'static [&'static str] {
        match self {
            Self::GitHub => &["repository", "repository_id", "sub"],
            Self::GitLab => &["project_path", "project_id", "sub"],
            Self::Kubernetes => &["sub"],
        }
    }

    /// The preset whose rules hold for an issuer, named or not.
    fn of_issuer(issuer: &IssuerUrl) -> Option<Self> {
        Self::ALL.into_iter().find(|preset| preset.issuer() == Some(issuer.as_str().trim_end_matches('/')))
    }
}

/// Where the keys of a platform come from.
#[derive(Debug)]
pub enum TrustKeys {
    /// The issuer says where, in its discovery document.
    Discovered,
    /// This address of a JSON Web Key Set.
    Url(String),
    /// These public keys.
    Given(Value),
}

/// A new trust.
#[derive(Debug)]
pub struct NewTrust {
    /// For people, and for who signs in.
    pub name: TrustName,
    /// Which platform it is, if it is a known one.
    pub preset: Option<Preset>,
    /// The `iss` of the tokens; the preset's unless given.
    pub issuer: Option<IssuerUrl>,
    /// What must be in their `aud`.
    pub audience: String,
    /// Where the keys are.
    pub keys: TrustKeys,
    /// What they must claim, each exactly.
    pub claims: BTreeMap<String, Value>,
    /// What the tokens may do that a sign-in gives, and from where. Its name and expiry are not looked at.
    pub token: NewToken,
    /// How long a sign-in lasts.
    pub lasts: Duration,
}

/// What a row says.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    issuer: IssuerUrl,
    audience: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    jwks_url: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    jwks: Option<Value>,
    claims: BTreeMap<String, Value>,
    lasts_seconds: u64,
    /// What the tokens of a sign-in say, with who gives it: it ends with his power to.
    terms: Terms,
    /// The end of the token that made it, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    until: Option<jiff::Timestamp>,
}

/// Trusts a platform. Needs `admin` in the whole project; nobody gives more than he has.
pub async fn add(
    app: &App,
    caller: &Caller,
    project: &ProjectName,
    new: NewTrust,
) -> Result<(TrustItem, Vec<String>), Error> {
    let owner = app.enter(caller, project, Capability::Admin, Reach::Project).await?;
    let issuer = checked(&new)?;
    let until = tokens::bounded(app, caller, &new.token, None).await?;
    let now = app.clock.now();
    let (jwks_url, jwks) = match new.keys {
        TrustKeys::Discovered => (Some(app.discovered(&issuer).await?), None),
        TrustKeys::Url(url) => (Some(checked_url(app, &url)?), None),
        TrustKeys::Given(keys) => (None, Some(keys)),
    };
    let mut warnings = Vec::new();
    if let Some(url) = &jwks_url
        && let Err(error) = app.identity.published.keys(url, now).await
    {
        if error.is_for_good() {
            return Err(Error::invalid("jwks_url", error));
        }
        warnings.push(format!("its keys could not be fetched just now, so nobody signs in by it yet: {error}"));
    }
    let terms = Terms::of(new.token.grant, new.token.from, caller);
    let lasts_seconds = new.lasts.as_secs();
    let written =
        Written { issuer, audience: new.audience, jwks_url, jwks, claims: new.claims, lasts_seconds, terms, until };
    let row = TrustRow {
        id: app.new_id(),
        project: owner.id,
        kind: TrustKind::Workloads,
        name: new.name.to_string(),
        record: serde_json::to_string(&written).expect("a trust has text keys only"),
        sealed: Vec::new(),
        created_at: now,
        created_by: caller.actor.clone(),
        mac: Vec::new(),
    }
    .signed(&app.instance);
    let target = serde_json::json!({ "trust": row.name, "iss": written.issuer, "audience": written.audience, "claims": written.claims, "capabilities": written.terms.grant.capabilities, "namespaces": written.terms.grant.namespaces });
    let record = Record::done(now, caller, Some(project), "trust.add", &target);
    let item = item(app, &row);
    insert(app, row, record).await?;
    Ok((item, warnings))
}

/// Everything that is wrong with a new trust, and its issuer if nothing is.
fn checked(new: &NewTrust) -> Result<IssuerUrl, Error> {
    let preset_issuer = new.preset.and_then(Preset::issuer).map(|text| text.parse().expect("a legal issuer"));
    let issuer = new.issuer.clone().or(preset_issuer);
    let mut faults: Vec<Fault> = audience_fault(&new.audience).into_iter().collect();
    if issuer.is_none() {
        faults.push(Fault::new("issuer", "say whose tokens these are: the iss that stands in them"));
    }
    let preset = new.preset.or_else(|| issuer.as_ref().and_then(Preset::of_issuer));
    faults.extend(claim_faults(&new.claims, preset));
    let grant = &new.token.grant;
    if grant.capabilities.is_empty() || grant.capabilities.contains(&Capability::Admin) {
        let detail = "name at least one capability, and not admin: a workload manages nobody's rights";
        faults.push(Fault::new("capabilities", detail));
    }
    if !(LEAST..=MOST).contains(&new.lasts) {
        faults.push(Fault::new("lasts", "a sign-in lasts from 1m to 12h"));
    }
    if let TrustKeys::Given(keys) = &new.keys {
        let text = keys.to_string();
        if text.len() > MAX_JWKS_BYTES {
            faults.push(Fault::new("jwks", format!("a key set has at most {MAX_JWKS_BYTES} bytes")));
        } else if let Err(error) = KeySet::published(text.as_bytes()) {
            faults.push(Fault::new("jwks", error));
        }
    }
    match issuer {
        Some(issuer) if faults.is_empty() => Ok(issuer),
        _ => Err(Error::Invalid(faults)),
    }
}

fn claim_faults(claims: &BTreeMap<String, Value>, preset: Option<Preset>) -> Vec<Fault> {
    let mut faults = Vec::new();
    if claims.is_empty() || claims.len() > MAX_CLAIMS {
        faults.push(Fault::new("claims", format!("name 1 to {MAX_CLAIMS} claims that the tokens must have")));
    }
    for (name, value) in claims {
        let at = format!("claims.{}", name.chars().take(64).collect::<String>());
        let is_name = (1..=MAX_CLAIM_BYTES).contains(&name.len()) && !name.chars().any(char::is_control);
        if !is_name || matches!(name.as_str(), "iss" | "aud" | "exp" | "nbf" | "iat" | "jti") {
            faults.push(Fault::new(&at, "this is no claim to ask for: issuer, audience and times are judged anyway"));
        }
        match value {
            Value::String(text) if text.contains('*') => {
                faults.push(Fault::new(&at, "a claim is compared as it is: there are no wildcards, and * stands for itself alone; name the whole value"));
            }
            Value::String(text) if text.is_empty() || text.len() > MAX_CLAIM_BYTES => {
                faults.push(Fault::new(&at, format!("the value of a claim has 1 to {MAX_CLAIM_BYTES} bytes")));
            }
            Value::String(_) | Value::Bool(_) => {}
            Value::Number(number) if number.is_i64() || number.is_u64() => {}
            _ => faults.push(Fault::new(&at, "a claim is compared with a text, a whole number, true or false")),
        }
    }
    let wanted = preset.map(Preset::distinguishing).unwrap_or_default();
    if !wanted.is_empty() && !wanted.iter().any(|name| claims.contains_key(*name)) {
        let detail =
            format!("name one of {}: without it, anybody's workload on that platform would sign in", wanted.join(", "));
        faults.push(Fault::new("claims", detail));
    }
    faults
}

/// The platforms that a project trusts.
pub async fn list(app: &App, caller: &Caller, project: &ProjectName) -> Result<Vec<TrustItem>, Error> {
    let owner = app.enter(caller, project, Capability::Admin, Reach::Project).await?;
    let rows = |rows: &mut dyn Rows| rows.trusts(&owner.id, TrustKind::Workloads).map_err(Error::from);
    Ok(app.store.read(rows).await?.iter().map(|row| item(app, row)).collect())
}

/// A damaged row shows none of its rights.
fn item(app: &App, row: &TrustRow) -> TrustItem {
    let written = row.verify(&app.instance).ok().and_then(|()| serde_json::from_str::<Written>(&row.record).ok());
    let state = if written.is_some() { "active" } else { "damaged" }.to_owned();
    let text = |of: fn(&Written) -> String| written.as_ref().map(of).unwrap_or_default();
    let grant = written.as_ref().map(|written| &written.terms.grant);
    TrustItem {
        name: row.name.clone(),
        issuer: text(|written| written.issuer.to_string()),
        audience: text(|written| written.audience.clone()),
        jwks_url: written.as_ref().and_then(|written| written.jwks_url.clone()),
        claims: written.as_ref().map(|written| written.claims.clone()).unwrap_or_default(),
        capabilities: grant.iter().flat_map(|grant| &grant.capabilities).map(ToString::to_string).collect(),
        namespaces: grant.iter().flat_map(|grant| &grant.namespaces).map(ToString::to_string).collect(),
        app: grant.and_then(|grant| grant.app.as_ref()).map(ToString::to_string),
        names: grant.iter().flat_map(|grant| &grant.names).map(ToString::to_string).collect(),
        from: written.iter().flat_map(|written| &written.terms.from).map(ToString::to_string).collect(),
        lasts_seconds: written.as_ref().map(|written| written.lasts_seconds).unwrap_or_default(),
        state,
        created_at: row.created_at,
        created_by: row.created_by.clone(),
    }
}

/// Trusts a platform no longer, and revokes what its workloads got, at once.
pub async fn delete(app: &App, caller: &Caller, project: &ProjectName, name: &TrustName) -> Result<u64, Error> {
    let owner = app.enter(caller, project, Capability::Admin, Reach::Project).await?;
    let (instance, id, wanted, now) = (Arc::clone(&app.instance), owner.id, name.clone(), app.clock.now());
    let (caller, place) = (caller.clone(), project.clone());
    let revoked = app
        .store
        .write(move |tx: &mut dyn Tx| -> Result<u64, Error> {
            let row = tx.trusts(&id, TrustKind::Workloads)?.into_iter().find(|row| row.name == wanted.as_str());
            let row = row.ok_or_else(|| Error::not_found(format!("trust {wanted}")))?;
            tx.delete_trust(&id, TrustKind::Workloads, wanted.as_str())?;
            let revoked = tokens::revoke_of_trust(tx, &instance, (&id, &row.id), now)?;
            let target = serde_json::json!({ "trust": wanted, "revoked_tokens": revoked });
            Record::done(now, &caller, Some(&place), "trust.delete", &target).append(tx, &instance)?;
            Ok(revoked)
        })
        .await?;
    app.forget_credentials();
    Ok(revoked)
}

/// A workload's sign-in with its platform's token. Every refusal looks alike from outside; the project's security log has the
/// cause.
pub async fn log_in(
    app: &App,
    visitor: &Visitor,
    (project, trust): (&ProjectName, &TrustName),
    jwt: &str,
) -> Result<Minted, Error> {
    app.accounts.limit_workloads(visitor.address).inspect_err(|_| app.count_anonymous_denial(&visitor.source))?;
    let owner = match app.projects.load(&*app.store, &app.instance, project).await {
        Err(Error::NotFound { .. }) => {
            app.count_anonymous_denial(&visitor.source);
            return Err(refused());
        }
        other => other?,
    };
    match proved(app, &owner, trust, jwt).await {
        Ok((row, written, claims)) => mint(app, visitor, (&owner, row), (written, &claims)).await,
        Err(Refusal::Failed(error)) => Err(error),
        Err(Refusal::NotBelieved(reason)) => {
            let text = format!(
                "refused: a login by {trust} from {}, request {}: {reason}",
                visitor.source, visitor.request_id
            );
            app.house_line_of("security", "warn", owner.id, text);
            app.count_anonymous_denial(&visitor.source);
            Err(refused())
        }
    }
}

fn refused() -> Error {
    Error::NotSignedIn(
        "this token signs nobody in here; an admin of the project finds the cause with: strongroom logs list --category security".to_owned(),
    )
}

enum Refusal {
    NotBelieved(String),
    Failed(Error),
}

impl<E: Into<Error>> From<E> for Refusal {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

/// The trust of this name and what the token says, if it is believed.
async fn proved(
    app: &App,
    owner: &Project,
    trust: &TrustName,
    jwt: &str,
) -> Result<(TrustRow, Written, Claims), Refusal> {
    let not = |reason: String| Refusal::NotBelieved(reason);
    let rows = app.store.read(|rows: &mut dyn Rows| rows.trusts(&owner.id, TrustKind::Workloads)).await?;
    let row = rows.into_iter().find(|row| row.name == trust.as_str());
    let row = row.ok_or_else(|| not("the project trusts nothing of this name".to_owned()))?;
    row.verify(&app.instance).map_err(Error::damaged(format!("trust {trust}")))?;
    let written: Written = serde_json::from_str(&row.record).map_err(|_| StoreError::Damaged("trust"))?;
    let keys = match (&written.jwks_url, &written.jwks) {
        (Some(url), _) => Keys::Published(url.clone()),
        (None, Some(given)) => {
            let keys = KeySet::published(given.to_string().as_bytes()).map_err(|_| StoreError::Damaged("trust"))?;
            Keys::Shared(Arc::new(keys))
        }
        (None, None) => return Err(StoreError::Damaged("trust").into()),
    };
    let expected = Expected { issuer: written.issuer.as_str(), audience: &written.audience };
    let claims = app.believe(jwt, &keys, expected).await.map_err(|error| match error {
        Unproven::Token(error) => not(error.to_string()),
        Unproven::Keys(error) => not(format!("the issuer's keys could not be had: {error}")),
        Unproven::NoIssuer => not("no issuer".to_owned()),
        Unproven::Failed(error) => Refusal::Failed(error),
    })?;
    let other: Vec<&str> = written
        .claims
        .iter()
        .filter(|(name, value)| !has(&claims, name, value))
        .map(|(name, _)| name.as_str())
        .collect();
    if !other.is_empty() {
        return Err(not(format!("these claims of it are others, or of another type: {}", other.join(", "))));
    }
    Ok((row, written, claims))
}

/// Whether a token claims exactly this: a text is no number, and a list with the value in it is not the value.
fn has(claims: &Claims, name: &str, value: &Value) -> bool {
    claims.all.get(name) == Some(value) || (name.starts_with('/') && pointed(claims, name) == Some(value))
}

fn pointed<'a>(claims: &'a Claims, pointer: &str) -> Option<&'a Value> {
    let (first, rest) = match pointer.strip_prefix('/')?.split_once('/') {
        Some((first, rest)) => (first, format!("/{rest}")),
        None => (pointer.strip_prefix('/')?, String::new()),
    };
    claims.all.get(&first.replace("~1", "/").replace("~0", "~"))?.pointer(&rest)
}

async fn mint(
    app: &App,
    visitor: &Visitor,
    (owner, row): (&Project, TrustRow),
    (written, claims): (Written, &Claims),
) -> Result<Minted, Error> {
    let now = app.clock.now();
    let lasts = SignedDuration::from_secs(i64::try_from(written.lasts_seconds).unwrap_or(0));
    let ends = now.checked_add(lasts).unwrap_or(now);
    let expires_at = written.until.map_or(ends, |until| ends.min(until));
    let issue = Issue {
        trust: row.id,
        name: row.name.clone(),
        terms: written.terms,
        expires_at,
        made_by: format!("{} as {}", row.name, claims.subject),
    };
    let (trust, iss, subject) = (row.name.clone(), written.issuer.clone(), claims.subject.clone());
    let (said_by, project, actor) = (visitor.clone(), owner.name.clone(), format!("token:{}", row.name));
    let record = move |id: Id| {
        let target = serde_json::json!({ "trust": trust, "iss": iss, "subject": subject, "token": id });
        Record::of_workload(now, &said_by, (&project, &actor), "login.jwt", &target)
    };
    let still = row;
    app.issue(
        owner,
        issue,
        move |tx| {
            // read again: it may have been taken away meanwhile
            let there = tx.trusts(&still.project, TrustKind::Workloads)?;
            if there.contains(&still) { Ok(()) } else { Err(refused()) }
        },
        record,
    )
    .await
}
