//! What an invocation for an end user brings along: his own secrets, opened, once the record of it is durable.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use strongroom_model::manifest::{UserSecrets, UserWins};
use strongroom_model::{EndUser, Expiry, Id, Scope, SecretName};
use strongroom_runtime::{BoxFuture, Entry as Held, EntryState, Keeper, Visitor};
use strongroom_secret::SecretValue;
use strongroom_store::Rows;

use super::own;
use crate::audit::Record;
use crate::caller::Caller;
use crate::error::Error;
use crate::functions::{Entry, Manifest};
use crate::open::App;

/// More deliveries than are worth remembering; then all are recorded anew.
const MAX_REMEMBERED: usize = 10_000;

/// Which versions of whose secrets were recorded as delivered to which deployment last.
#[derive(Default)]
pub(crate) struct Deliveries(Mutex<HashMap<String, Vec<(Id, u64)>>>);

impl Deliveries {
    fn holds(&self, to: &str, what: &[(Id, u64)]) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(to).is_some_and(|known| known == what)
    }

    fn remember(&self, to: String, what: Vec<(Id, u64)>) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MAX_REMEMBERED {
            all.clear();
        }
        all.insert(to, what);
    }
}

impl App {
    /// The end user of one invocation, with what is his now. Read and opened for this invocation alone: nothing of it is
    /// kept here.
    pub(crate) async fn visitor(
        self: &Arc<Self>,
        entry: &Entry,
        user: EndUser,
        execution_id: &str,
    ) -> Result<Arc<Visitor>, Error> {
        let (secrets, versions) = self.of_user(entry, &user).await?;
        let to = format!("{}\n{}", entry.spec.deployment, user.as_str());
        if !versions.is_empty() && !self.identity.deliveries.holds(&to, &versions) {
            self.record_delivery(entry, &user, &secrets).await?;
            // remembered once the record is durable
            self.identity.deliveries.remember(to, versions);
        }
        let own = |name: &SecretName| secrets.iter().any(|held| held.name == name.as_str());
        let listed = entry.manifest.workload().secrets.iter().flatten();
        let overrides = listed.filter(|listed| listed.user == Some(UserWins::Override) && own(&listed.name));
        let overrides = overrides.map(|listed| (listed.target().to_string(), listed.name.to_string())).collect();
        let may_write = matches!(
            &entry.manifest,
            Manifest::Function(manifest) if manifest.user_secrets == Some(UserSecrets::Write)
        );
        let (issuer, id) = (user.issuer().to_owned(), user.id().to_owned());
        let keeper = may_write.then(|| keeper(self, entry, user, execution_id));
        Ok(Arc::new(Visitor { issuer, id, secrets, overrides, keeper }))
    }

    /// A user's secrets, those that have a value or had one until it ran out; and the versions of those with a value.
    async fn of_user(&self, entry: &Entry, user: &EndUser) -> Result<(Vec<Held>, Vec<(Id, u64)>), Error> {
        let project = &entry.project;
        let (scope, unclaimed) = (Scope::User(user.clone()), Scope::User(user.without_issuer()));
        let reads_unclaimed = self.reads_unclaimed(project).await?;
        let rows = self
            .store
            .read(|rows: &mut dyn Rows| -> Result<_, Error> {
                let mut all = rows.sealed_in_scope(&project.id, &scope)?;
                if reads_unclaimed {
                    all.extend(rows.sealed_in_scope(&project.id, &unclaimed)?);
                }
                Ok(all)
            })
            .await?;
        let (mut held, mut versions): (Vec<Held>, Vec<_>) = (Vec::new(), Vec::new());
        for row in rows {
            // what was set with the issuer named comes first, and wins
            if row.envelope.is_none() || held.iter().any(|known| known.name == row.head.name.as_str()) {
                continue;
            }
            let (id, version) = (row.head.id, row.head.version);
            let (own, _) = self.open_alone(project, row, "user")?;
            if matches!(own.state, EntryState::Value(_)) {
                versions.push((id, version));
            }
            held.push(own);
        }
        Ok((held, versions))
    }

    async fn record_delivery(&self, entry: &Entry, user: &EndUser, secrets: &[Held]) -> Result<(), Error> {
        let with_value = |held: &&Held| matches!(held.state, EntryState::Value(_));
        let names: Vec<_> = secrets.iter().filter(with_value).map(|held| held.name.as_str()).collect();
        let target = serde_json::json!({
            entry.manifest.kind().as_str(): entry.name, "namespace": entry.namespace,
            "user": user.id(), "issuer": user.issuer(), "names": names
        });
        let record = Record::done(self.clock.now(), &entry.worker(), Some(&entry.project.name), "values.user", &target);
        self.audit(record).await
    }
}

/// Changes the secrets of this user, as code asks for it that runs for him.
fn keeper(app: &Arc<App>, entry: &Entry, user: EndUser, execution_id: &str) -> Keeper {
    let app = Arc::downgrade(app);
    let source = entry.worker().actor;
    let caller = Arc::new(own::caller(&entry.project, user, &source, execution_id));
    Arc::new(move |name, value| -> BoxFuture<'static, Result<u64, String>> {
        let (app, caller) = (app.upgrade(), Arc::clone(&caller));
        Box::pin(async move {
            let app = app.ok_or("the server is stopping")?;
            let name: SecretName = name.parse().map_err(|_| "that is no name of a secret".to_owned())?;
            keep(&app, &caller, name, value).await.map_err(|error| told(&error))
        })
    })
}

async fn keep(app: &Arc<App>, caller: &Caller, name: SecretName, value: Option<SecretValue>) -> Result<u64, Error> {
    let Some(value) = value else {
        return match own::remove(app, caller, name).await {
            // it is gone either way
            Ok(()) | Err(Error::NotFound { .. }) => Ok(0),
            Err(error) => Err(error),
        };
    };
    // a new value does not end when the one before it did
    let written = own::write(app, caller, name, value, Some(Expiry::Never)).await?;
    Ok(written.version.unwrap_or(0))
}

/// What went wrong, for the code. Never a value, and nothing of the store.
fn told(error: &Error) -> String {
    match error {
        Error::Invalid(faults) => {
            let faults: Vec<_> = faults.iter().map(|fault| fault.detail.as_str()).collect();
            faults.join("; ")
        }
        Error::Conflict(_) | Error::Forbidden(_) | Error::NotFound { .. } => error.to_string(),
        other => {
            tracing::error!(error = %other, "an end user's secret was not changed");
            "the secret could not be changed; the server's log has the cause".to_owned()
        }
    }
}
