//! Pages of secrets: one order, one filter, whatever the columns.

use rusqlite::{Row, named_params, params};
use strongroom_model::{AppId, Id, NamespaceName, ScopeKind, UserId};

use super::row::{limit, string};
use super::session::Session;
use crate::port::{SecretFilter, StoreError};

/// What a page may hold, in its order. An empty text takes the place of a filter that is not set: `namespace`, `app` and
/// `end_user` are empty in the scopes that have none, which these filters do not exclude.
const CONDITIONS: &str = "
    WHERE s.project = :project AND s.deleted_at IS NULL
      AND (s.name, s.scope, s.namespace, s.app, s.end_user)
          > (:after_name, :after_scope, :after_namespace, :after_app, :after_user)
      AND s.scope IN (:scope_1, :scope_2, :scope_3, :scope_4, :scope_5)
      AND (:namespace = '' OR s.namespace IN ('', :namespace))
      AND (:app = '' OR s.app IN ('', :app))
      AND (:user = '' OR s.end_user IN ('', :user))
      AND (:search = '' OR instr(lower(s.name), :search) > 0)";

/// The index by name has the order and no secrets of end users; saying so makes it eligible.
const WITHOUT_USERS: &str = " AND s.scope <> 'user'";

const ORDER: &str = " ORDER BY s.name, s.scope, s.namespace, s.app, s.end_user LIMIT :limit";

/// Where the page before ended: name, then the four columns of the scope.
type Place = [String; 5];

/// A page of what `select` says, read by `read`.
pub(super) fn page<T>(
    session: &Session<'_>,
    select: &str,
    project: &Id,
    filter: &SecretFilter,
    read: impl FnMut(&Row<'_>) -> Result<T, StoreError>,
) -> Result<Vec<T>, StoreError> {
    let kinds: &[ScopeKind] = match filter.scopes.as_slice() {
        [] => &[ScopeKind::Global, ScopeKind::Namespace, ScopeKind::App],
        some => some,
    };
    let word = |kind: ScopeKind| if kinds.contains(&kind) { kind.as_str() } else { "" };
    let with_users = kinds.contains(&ScopeKind::User);
    let sql = [select, CONDITIONS, if with_users { "" } else { WITHOUT_USERS }, ORDER].concat();
    let [after_name, after_scope, after_namespace, after_app, after_user] = place(session, filter)?;
    session.all(
        &sql,
        named_params! {
            ":project": project.as_bytes(),
            ":after_name": after_name,
            ":after_scope": after_scope,
            ":after_namespace": after_namespace,
            ":after_app": after_app,
            ":after_user": after_user,
            ":scope_1": word(ScopeKind::Global),
            ":scope_2": word(ScopeKind::Namespace),
            ":scope_3": word(ScopeKind::App),
            ":scope_4": word(ScopeKind::System),
            ":scope_5": word(ScopeKind::User),
            ":namespace": filter.namespace.as_ref().map_or("", NamespaceName::as_str),
            ":app": filter.app.as_ref().map_or("", AppId::as_str),
            ":user": filter.user.as_ref().map_or("", UserId::as_str),
            ":search": filter.search.as_deref().unwrap_or("").to_ascii_lowercase(),
            ":limit": limit(filter.limit),
        },
        read,
    )
}

/// The place after which a page begins. If the head was erased since, its place among the secrets of the same name is not
/// known: the page then begins with the first of that name, since a row seen twice is better than one never seen.
fn place(session: &Session<'_>, filter: &SecretFilter) -> Result<Place, StoreError> {
    let Some((name, head)) = &filter.after else { return Ok(Place::default()) };
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
    let [none_1, none_2, none_3, none_4, _] = Place::default();
    Ok(found.unwrap_or([name.as_str().to_owned(), none_1, none_2, none_3, none_4]))
}
