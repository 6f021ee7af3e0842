//! Pages of secrets: names and metadata, and where a project allows it the last characters of values.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use strongroom_api::secrets::{SecretItem, SecretLine, State};
use strongroom_model::{
    AppId, Capability, EndUser, Grant, NameList, NamespaceName, ProjectName, Scope, ScopeKind, SecretName,
};
use strongroom_store::port::{PageEnd, ReadFact, SecretFilter, SecretRow, VersionRow};
use strongroom_store::{Rows, StoreError};

use super::read::{by_name, used_by, verify};
use super::{state, to_line};
use crate::authz::Reach;
use crate::caller::Caller;
use crate::error::Error;
use crate::keys::Project;
use crate::open::App;

/// Which secrets to list.
#[derive(Debug, Clone, Default)]
pub struct ListQuery {
    /// Only this kind of scope; none means global, namespace and app.
    pub scope: Option<ScopeKind>,
    /// Only what lives in this namespace.
    pub namespace: Option<NamespaceName>,
    /// Only this app's secrets.
    pub app: Option<AppId>,
    /// The end user, for user scope.
    pub user: Option<EndUser>,
    /// Only names that contain this text.
    pub search: Option<String>,
    /// Only those in this state now.
    pub state: Option<State>,
    /// Where the page before ended.
    pub after: Option<PageEnd>,
    /// At most this many.
    pub limit: usize,
}

impl ListQuery {
    fn scopes(&self) -> Vec<ScopeKind> {
        match (self.scope, &self.app, &self.namespace) {
            (Some(kind), _, _) => vec![kind],
            (None, Some(_), _) => vec![ScopeKind::App],
            (None, None, Some(_)) => vec![ScopeKind::Namespace, ScopeKind::App],
            (None, None, None) => Vec::new(),
        }
    }

    fn filter(&self) -> SecretFilter {
        SecretFilter {
            scopes: self.scopes(),
            namespace: self.namespace.clone(),
            app: self.app.clone(),
            user: self.user.clone(),
            search: self.search.clone(),
            after: self.after.clone(),
            limit: self.limit + 1,
        }
    }
}

/// Lets a caller in who may list what `query` asks for.
async fn enter(app: &App, caller: &Caller, project: &ProjectName, query: &ListQuery) -> Result<Arc<Project>, Error> {
    let scope = match (query.scope, &query.namespace, &query.app) {
        (Some(ScopeKind::User), ..) if query.user.is_some() => query.user.clone().map(Scope::User),
        (Some(ScopeKind::System | ScopeKind::User), ..) => Some(Scope::System),
        (_, Some(namespace), Some(app)) => Some(Scope::App(namespace.clone(), app.clone())),
        (_, Some(namespace), None) => Some(Scope::Namespace(namespace.clone())),
        (_, None, _) => None,
    };
    let reach = scope.as_ref().map_or(Reach::Anywhere, Reach::Read);
    app.enter(caller, project, Capability::SecretsList, reach).await
}

/// Whether the store's own filter finds exactly what is listed.
fn is_plain(caller: &Caller, query: &ListQuery) -> bool {
    query.state.is_none() && !caller.grant().is_some_and(Grant::is_limited)
}

/// A page as [`list`] gives it, line by line: nothing is kept of a thousand secrets but what `each` makes of them. Returns
/// where the next page begins.
pub async fn list_lines(
    app: &App,
    caller: &Caller,
    project: &ProjectName,
    query: ListQuery,
    each: &mut (dyn FnMut(SecretLine<'_>) + Send),
) -> Result<Option<PageEnd>, Error> {
    let entered = enter(app, caller, project, &query).await?;
    if !is_plain(caller, &query) || entered.settings.value_hints {
        let (items, next) = list(app, caller, project, query).await?;
        for item in &items {
            each(item.line());
        }
        return Ok(next);
    }
    let (filter, limit, now) = (query.filter(), query.limit, app.clock.now());
    let overrides = app.environment_names(&entered);
    let (mut shown, mut last, mut more) = (0, None, false);
    app.store
        .read(|rows: &mut dyn Rows| -> Result<(), Error> {
            let readers = by_name(rows.all_readers(&entered.id)?);
            rows.view_secrets(&entered.id, &filter, &mut |view| {
                if shown == limit {
                    more = true;
                    return ControlFlow::Break(());
                }
                let used_by = readers.get(view.name).map_or(0, |facts| used_by(caller, view.namespace, facts));
                let overridden = overrides.iter().any(|name| name.as_str() == view.name);
                each(SecretLine { overridden, ..to_line(&view, used_by, now) });
                shown += 1;
                if shown == limit {
                    last = Some((view.name.to_owned(), view.id));
                }
                ControlFlow::Continue(())
            })?;
            Ok(())
        })
        .await?;
    let Some((name, id)) = last.filter(|_| more) else { return Ok(None) };
    let name = name.parse().map_err(|_| StoreError::Damaged("secrets.name"))?;
    Ok(Some((name, id)))
}

/// A page of secrets that the caller reaches, and where the next one begins. System and user secrets only when asked for by
/// scope.
pub async fn list(
    app: &App,
    caller: &Caller,
    project: &ProjectName,
    query: ListQuery,
) -> Result<(Vec<SecretItem>, Option<PageEnd>), Error> {
    let project = enter(app, caller, project, &query).await?;
    let (heads, next, readers) = heads(app, caller, &project, &query).await?;
    let now = app.clock.now();
    let count =
        |head: &SecretRow| readers.get(&head.name).map_or(0, |facts| used_by(caller, head.view().namespace, facts));
    let hints = if project.settings.value_hints { app.hints(caller, &project, &heads).await? } else { Vec::new() };
    let present = |head: &SecretRow| app.present(&project, head, count(head), now);
    let mut items: Vec<_> = heads.iter().map(present).collect();
    for (item, hint) in items.iter_mut().zip(hints) {
        item.hint = hint;
    }
    Ok((items, next))
}

/// The same page, names alone.
pub async fn list_names(
    app: &App,
    caller: &Caller,
    project: &ProjectName,
    query: ListQuery,
) -> Result<(NameList, Option<PageEnd>), Error> {
    let project = enter(app, caller, project, &query).await?;
    if is_plain(caller, &query) {
        let filter = SecretFilter { limit: query.limit, ..query.filter() };
        return Ok(app.store.read(|rows: &mut dyn Rows| rows.list_secret_names(&project.id, &filter)).await?);
    }
    let (heads, next, _) = heads(app, caller, &project, &query).await?;
    let mut names = NameList::with_capacity(heads.len());
    for head in &heads {
        names.push(head.name.as_str()).expect("a secret's name is the name of a secret");
    }
    Ok((names, next))
}

/// Heads read at once where a state is looked for, which the store does not know.
const STATES_AT_ONCE: usize = 500;

type Page = (Vec<SecretRow>, Option<PageEnd>, HashMap<SecretName, Vec<ReadFact>>);

/// Reads pages until `limit` heads that the caller reaches are there.
async fn heads(app: &App, caller: &Caller, project: &Project, query: &ListQuery) -> Result<Page, Error> {
    let mut query = query.clone();
    let (limit, now) = (query.limit, app.clock.now());
    if query.state.is_some() {
        query.limit = limit.max(STATES_AT_ONCE);
    }
    app.store
        .read(|rows: &mut dyn Rows| {
            let mut heads = Vec::new();
            loop {
                let mut page = rows.list_secrets(&project.id, &query.filter())?;
                let next = cut(&mut page, query.limit, |head| (head.name.clone(), head.id));
                if let Some(wanted) = query.state {
                    page.retain(|head| state(&head.view(), now) == wanted);
                }
                if caller.grant().is_some_and(Grant::is_limited) {
                    page.retain(|head| caller.reaches(&head.scope, &head.name));
                }
                if heads.is_empty() {
                    heads = page;
                } else {
                    heads.append(&mut page);
                }
                query.after.clone_from(&next);
                if next.is_none() || heads.len() >= limit {
                    let next = if heads.len() > limit {
                        cut(&mut heads, limit, |head| (head.name.clone(), head.id))
                    } else {
                        next
                    };
                    return Ok((heads, next, by_name(rows.all_readers(&project.id)?)));
                }
            }
        })
        .await
}

/// Cuts a page that was read one longer than asked for, and gives the key of its last item if there was more.
fn cut<T, K>(page: &mut Vec<T>, limit: usize, key: impl Fn(&T) -> K) -> Option<K> {
    if page.len() <= limit {
        return None;
    }
    page.truncate(limit);
    page.last().map(key)
}

impl App {
    /// The last four characters of values of 20 or more, once it is recorded that they are shown.
    async fn hints(
        &self,
        caller: &Caller,
        project: &Project,
        heads: &[SecretRow],
    ) -> Result<Vec<Option<String>>, Error> {
        let target = serde_json::json!({ "secrets": heads.len() });
        self.audit(crate::audit::Record::done(self.clock.now(), caller, Some(&project.name), "values.hint", &target))
            .await?;
        let versions = self
            .store
            .read(|rows: &mut dyn Rows| -> Result<Vec<_>, StoreError> {
                heads.iter().map(|head| rows.version(&head.id, head.version)).collect()
            })
            .await?;
        let shown =
            |head: &SecretRow| head.scope.namespace().is_none_or(|namespace| project.is_open_to(caller, namespace));
        let hint = |(head, row): (&SecretRow, Option<VersionRow>)| {
            let Some(row) = row.filter(|_| shown(head)) else { return Ok(None) };
            verify(self, head)?;
            let value = project.open(head, &row.envelope)?;
            let count = value.expose().chars().count();
            Ok((count >= 20).then(|| value.expose().chars().skip(count - 4).collect()))
        };
        heads.iter().zip(versions).map(hint).collect()
    }
}
