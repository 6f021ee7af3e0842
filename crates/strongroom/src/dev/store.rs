//! What the store resolves, as one answer with scopes, versions and values that belong together.

use std::collections::BTreeMap;

use strongroom_api::Code;
use strongroom_api::resolve::{MissingReason, ResolvedName};
use strongroom_client::{Client, ClientError, Selector, Workload};
use strongroom_secret::SecretValue;

use super::layers::{Numbered, Stored, StoredItem, Wants, number};

/// The scope of a value of which the store does not tell where it lies.
pub(super) const STORED: &str = "stored";
/// Two answers that belong to different epochs are asked for again so often.
const MAX_TRIES: usize = 20;

/// Where is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) project: String,
    pub(super) namespace: String,
}

/// What an app, or all functions and jobs, resolve. `wants` are those of every workload that shares the answer: values
/// are asked for by name unless one of them has no list. Each request for values stands in the audit trail.
pub(super) async fn fetch(
    client: &Client,
    place: &Place,
    wants: &[&Wants],
    before: &Stored,
) -> Result<Stored, ClientError> {
    let project = client.project(&place.project);
    let app = wants.iter().find_map(|wants| wants.app.as_deref());
    let workload = Workload { namespace: Some(&place.namespace), app };
    let lists: Option<Vec<_>> = wants.iter().map(|wants| wants.list.as_ref()).collect();
    let mut names: Vec<String> =
        lists.iter().flatten().copied().flatten().map(|entry| entry.name.to_string()).collect();
    names.sort();
    names.dedup();
    if lists.is_some() && names.is_empty() {
        // nothing is wanted, so nothing is asked for but where changes begin
        let about = project.resolution(workload).await?;
        return Ok(Stored { epoch: about.epoch, ..Stored::default() });
    }
    let mut tries = 0;
    loop {
        tries += 1;
        let about = project.resolution(workload).await?;
        let resolved = project.resolve(workload, &names).await?;
        if about.epoch != resolved.epoch && tries < MAX_TRIES {
            continue;
        }
        let mut about: BTreeMap<String, ResolvedName> =
            about.items.into_iter().map(|item| (item.name.clone(), item)).collect();
        let item = |(name, value): (String, SecretValue)| {
            let known = about.remove(&name);
            let version = known.as_ref().and_then(|known| known.version).unwrap_or(1);
            let number = number(before.items.get(&name).map(|item| &item.numbered), &value, version);
            // what the server's own environment puts in a stored value's place does not travel
            let scope = known.as_ref().map(|known| known.scope.clone()).filter(|scope| scope != "environment");
            let scope = scope.unwrap_or_else(|| STORED.to_owned());
            let expires_at = known.and_then(|known| known.expires_at);
            (name, StoredItem { numbered: Numbered { value, number }, scope, expires_at })
        };
        let items = resolved.secrets.0.into_iter().map(item).collect();
        let missing: BTreeMap<String, MissingReason> =
            resolved.missing.into_iter().map(|missing| (missing.name, missing.reason)).collect();
        return Ok(Stored { epoch: resolved.epoch, items, missing });
    }
}

/// Secrets of scope `system`; none for a credential that may not read them.
pub(super) async fn fetch_system(
    client: &Client,
    place: &Place,
) -> Result<Option<Vec<(String, SecretValue)>>, ClientError> {
    let selector = Selector { scope: Some("system"), namespace: None, app: None };
    match client.project(&place.project).export_secrets(selector).await {
        Ok(exported) => Ok(Some(exported.secrets.0)),
        Err(ClientError::Problem(problem)) if problem.code == Code::Forbidden => Ok(None),
        Err(error) => Err(error),
    }
}
