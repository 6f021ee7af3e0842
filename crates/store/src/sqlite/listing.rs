//! Pages of secrets: one order, one filter, whatever the columns.

use std::ops::ControlFlow;

use rusqlite::{Row, ToSql, params};
use strongroom_model::{AppId, Id, NamespaceName, ScopeKind};

use super::row::{limit, string};
use super::session::Session;
use crate::port::{SecretFilter, StoreError};

/// A condition takes part only if its filter is set, so that a statement asks no more than it must. `namespace`, `app` and
/// `end_user` are empty in the scopes that have none, which these filters do not exclude.
const LIVE: &str = " WHERE s.project = :project AND s.deleted_at IS NULL";
const OF_SCOPES: &str = " AND s.scope IN (:a, :b, :c, :d, :e)";
/// What is listed unless scopes are chosen, without the set that `IN` builds and asks for every row.
const OF_ALL_BUT_SYSTEM: &str = " AND s.scope <> 'system'";
const OF_NAMESPACE: &str = " AND s.namespace IN ('', :namespace)";
const OF_APP: &str = " AND s.app IN ('', :app)";
const OF_USER: &str = " AND s.end_user IN ('', :user, :unclaimed)";
const WITH_TEXT: &str = " AND instr(lower(s.name), :search) > 0";

/// Without the secrets of end users, saying so makes the index by name eligible, and naming no column that it lacks makes
/// it enough.
const WITHOUT_USERS: &str = " AND s.scope <> 'user'";
const AFTER: &str = " AND (s.name, s.scope, s.namespace, s.app) > (:name, :scope, :in_namespace, :in_app)";
const ORDER: &str = " ORDER BY s.name, s.scope, s.namespace, s.app LIMIT :limit";

/// With them, everything is sorted anew.
const AFTER_WITH_USERS: &str =
    " AND (s.name, s.scope, s.namespace, s.app, s.end_user) > (:name, :scope, :in_namespace, :in_app, :of_user)";
const ORDER_WITH_USERS: &str = " ORDER BY s.name, s.scope, s.namespace, s.app, s.end_user LIMIT :limit";

/// Where the page before ended: name, then the four columns of the scope.
type Place = [String; 5];

/// A page of what `select` says, row by row while `read` goes on.
pub(super) fn page(
    session: &Session<'_>,
    select: &str,
    project: &Id,
    filter: &SecretFilter,
    read: impl FnMut(&Row<'_>) -> Result<ControlFlow<()>, StoreError>,
) -> Result<(), StoreError> {
    let users = filter.scopes.contains(&ScopeKind::User);
    let words = scope_words(&filter.scopes);
    let namespace = filter.namespace.as_ref().map(NamespaceName::as_str);
    let app = filter.app.as_ref().map(AppId::as_str);
    let user = filter.user.as_ref().filter(|_| users);
    let user = user.map(|user| (user.as_str(), user.id()));
    let search = filter.search.as_ref().map(|text| text.to_ascii_lowercase());
    let limit = limit(filter.limit);
    let place = place(session, filter)?;

    let mut query = Query { sql: select.to_owned(), values: Vec::new() };
    query.add(LIVE, &[(":project", project.as_bytes())]);
    if !users {
        query.add(WITHOUT_USERS, &[]);
    }
    let [first, second, third, fourth, fifth] = &words;
    if filter.scopes.is_empty() {
        query.add(OF_ALL_BUT_SYSTEM, &[]);
    } else {
        query.add(OF_SCOPES, &[(":a", first), (":b", second), (":c", third), (":d", fourth), (":e", fifth)]);
    }
    if let Some(namespace) = &namespace {
        query.add(OF_NAMESPACE, &[(":namespace", namespace)]);
    }
    if let Some(app) = &app {
        query.add(OF_APP, &[(":app", app)]);
    }
    if let Some((user, unclaimed)) = &user {
        query.add(OF_USER, &[(":user", user), (":unclaimed", unclaimed)]);
    }
    if let Some(search) = &search {
        query.add(WITH_TEXT, &[(":search", search)]);
    }
    if let Some([name, scope, in_namespace, in_app, of_user]) = &place {
        let scope: [Value<'_>; 4] =
            [(":name", name), (":scope", scope), (":in_namespace", in_namespace), (":in_app", in_app)];
        query.add(if users { AFTER_WITH_USERS } else { AFTER }, &scope);
        if users {
            query.add("", &[(":of_user", of_user)]);
        }
    }
    query.add(if users { ORDER_WITH_USERS } else { ORDER }, &[(":limit", &limit)]);
    session.each_while(&query.sql, query.values.as_slice(), read)
}

/// A parameter and what stands for it.
type Value<'values> = (&'static str, &'values dyn ToSql);

/// A statement that grows.
struct Query<'values> {
    sql: String,
    values: Vec<Value<'values>>,
}

impl<'values> Query<'values> {
    fn add(&mut self, sql: &str, values: &[Value<'values>]) {
        self.sql.push_str(sql);
        self.values.extend_from_slice(values);
    }
}

/// The words of the scopes to include, '' for the others.
fn scope_words(chosen: &[ScopeKind]) -> [&'static str; 5] {
    [ScopeKind::Global, ScopeKind::Namespace, ScopeKind::App, ScopeKind::System, ScopeKind::User]
        .map(|kind| if chosen.contains(&kind) { kind.as_str() } else { "" })
}

/// The place after which a page begins. If the head was erased since, its place among the secrets of the same name is not
/// known: the page then begins with the first of that name, since a row seen twice is better than one never seen.
fn place(session: &Session<'_>, filter: &SecretFilter) -> Result<Option<Place>, StoreError> {
    let Some((name, head)) = &filter.after else { return Ok(None) };
    let found = session.first(
        "SELECT scope, namespace, app, end_user FROM secrets WHERE id = ?1",
        params![head.as_bytes()],
        |row| {
            Ok([
                name.as_str().to_owned(),
                string(row, 0, "secrets.scope")?,
                string(row, 1, "secrets.namespace")?,
                string(row, 2, "secrets.app")?,
                string(row, 3, "secrets.end_user")?,
            ])
        },
    )?;
    let first_of_name = || [name.as_str().to_owned(), String::new(), String::new(), String::new(), String::new()];
    Ok(Some(found.unwrap_or_else(first_of_name)))
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::{AFTER, LIVE, OF_SCOPES, ORDER, WITH_TEXT, WITHOUT_USERS};
    use crate::sqlite::migrate::migrate;

    #[test]
    fn a_list_of_names_is_answered_from_one_index_in_its_order() {
        let connection = Connection::open_in_memory().expect("memory is there");
        migrate(&connection).expect("the schema is good");
        for parts in [&[ORDER][..], &[AFTER, ORDER], &[WITH_TEXT, AFTER, ORDER]] {
            let select = "EXPLAIN QUERY PLAN SELECT s.name, s.id FROM secrets s";
            let sql = [&[select, LIVE, WITHOUT_USERS, OF_SCOPES], parts].concat().concat();
            let mut statement = connection.prepare(&sql).expect("the statement is good");
            let rows = statement.raw_query().mapped(|row| row.get::<_, String>(3));
            let plan: Vec<String> = rows.collect::<Result<_, _>>().expect("the plan can be read");
            let [only] = plan.as_slice() else { panic!("{plan:?}") };
            assert!(only.contains("USING COVERING INDEX secrets_by_name"), "{only}");
        }
    }
}
