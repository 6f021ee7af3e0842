//! `/secrets`

use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use http::header;
use serde::Deserialize;
use strongroom_api::resolve::Revealed;
use strongroom_api::secrets::{
    CreateSecret, DeclareSecrets, Declared, History, Rollback, SecretDetail, SecretItem, SecretLine, SetSecrets,
    StatsAnswer, UpdateSecret, Written, WrittenSecret,
};
use strongroom_api::{Page, Problem};
use strongroom_app::secrets::{self, Change, Declare, Delete, ListQuery, Presence, Write};
use strongroom_app::{Error, Fault};
use strongroom_model::{EndUser, Expiry, NameList, Scope, SecretName, UserId};

use super::{NoParams, ScopeParams, expiry, from_cursor, limit, to_cursor};
use crate::extract::{
    Declares, Deletes, Json, Lists, Preconditions, Query, ReadsValues, Scene, Values, Writes, created,
};
use crate::failure::Failure;
use crate::place::{self, Parts, optional};

/// Which secrets to list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListParams {
    /// Only this kind of scope. System and user secrets are listed only when asked for.
    scope: Option<String>,
    /// Only what lives in this namespace.
    namespace: Option<String>,
    /// Only this app's secrets.
    app: Option<String>,
    /// The end user, for scope `user`.
    user: Option<String>,
    /// Only names that contain this text, whatever its case.
    search: Option<String>,
    /// `name` lists names alone.
    fields: Option<String>,
    /// At most this many: 1000, or 10000 with `fields=name`.
    limit: Option<usize>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Lists secrets: metadata, never a value.
#[utoipa::path(get, path = "/secrets", tag = "secrets", params(("project" = String, Path), ListParams),
    responses((status = 200, description = "a page", body = Page<SecretItem>), (status = "default", description = "refused", body = Problem)))]
pub(crate) async fn list(scene: Scene<Lists>, Query(params): Query<ListParams>) -> Result<Response, Failure> {
    let names_only = match params.fields.as_deref() {
        None => false,
        Some("name") => true,
        Some(_) => return Err(Failure::invalid("fields", "fields is name, or absent")),
    };
    let parts = Parts::new(params.scope.as_ref(), params.namespace.as_ref(), params.app.as_ref())
        .with_user(params.user.as_ref());
    let query = ListQuery {
        scope: parts.kind()?,
        namespace: optional("namespace", parts.namespace)?,
        app: optional("app", parts.app)?,
        user: end_user(&scene, parts.user).await?,
        search: params.search,
        state: None,
        after: params.cursor.as_deref().filter(|text| !text.is_empty()).map(from_cursor).transpose()?,
        limit: limit(params.limit, if names_only { 10_000 } else { 1_000 })?,
    };
    if names_only {
        let (names, next) = secrets::list_names(&scene.app, &scene.caller, &scene.project, query).await?;
        return Ok(name_items(&names, next.map(to_cursor)));
    }
    // written as they are read: there may be a thousand of them
    let mut body = Vec::with_capacity(query.limit * 400);
    body.extend_from_slice(br#"{"items":["#);
    let mut write = |line: SecretLine<'_>| {
        if body.last() == Some(&b'}') {
            body.push(b',');
        }
        line.write(&mut body);
    };
    let next = secrets::list_lines(&scene.app, &scene.caller, &scene.project, query, &mut write).await?;
    body.extend_from_slice(br#"],"next_cursor":"#);
    serde_json::to_writer(&mut body, &next.map(to_cursor)).expect("memory takes a text");
    body.push(b'}');
    Ok(([(header::CONTENT_TYPE, "application/json")], body).into_response())
}

/// The end user whose secrets are meant, of the one issuer that the project trusts.
async fn end_user<N>(scene: &Scene<N>, text: Option<&str>) -> Result<Option<EndUser>, Failure> {
    let user: Option<UserId> = optional("user", text)?;
    let Some(user) = user else { return Ok(None) };
    let scope = Scope::User(EndUser::unclaimed(&user));
    Ok(strongroom_app::identity::claimed(&scene.app, &scene.project, scope, None).await?.user().cloned())
}

/// A page of [`NameItem`](strongroom_api::secrets::NameItem)s, written at once: names need no escapes, and there may be
/// ten thousand of them.
fn name_items(names: &NameList, next_cursor: Option<String>) -> Response {
    let mut body = String::with_capacity(names.len() * 40 + 200);
    body.push_str(r#"{"items":["#);
    for (index, name) in names.iter().enumerate() {
        body.push_str(if index == 0 { r#"{"name":""# } else { r#",{"name":""# });
        body.push_str(name);
        body.push_str(r#""}"#);
    }
    // a cursor is hexadecimal
    let next = next_cursor.map_or_else(|| "null".to_owned(), |cursor| format!(r#""{cursor}""#));
    body.push_str(r#"],"next_cursor":"#);
    body.push_str(&next);
    body.push('}');
    ([(header::CONTENT_TYPE, "application/json")], body).into_response()
}

pub(super) fn text(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

/// Refuses texts that would not print on one line, or that are too long to be a description.
pub(crate) fn description(text: Option<&String>) -> Result<(), Failure> {
    match text {
        Some(text) if text.len() > 1_000 || text.chars().any(char::is_control) => {
            Err(Failure::invalid("description", "a description is at most 1000 bytes on one line"))
        }
        _ => Ok(()),
    }
}

/// Creates a secret, or declares one if no value is given.
#[utoipa::path(post, path = "/secrets", tag = "secrets", params(("project" = String, Path)), request_body = CreateSecret,
    responses((status = 201, description = "created", body = WrittenSecret), (status = 409, description = "it exists", body = Problem), (status = "default", description = "refused", body = Problem)))]
pub(crate) async fn create(
    scene: Scene<Writes>,
    _: Query<NoParams>,
    Json(body): Json<CreateSecret>,
) -> Result<Response, Failure> {
    let scope = Parts::new(body.scope.as_ref(), body.namespace.as_ref(), body.app.as_ref()).scope()?;
    let name = place::name(&body.name)?;
    let body_description = text(body.description);
    description(body_description.as_ref())?;
    let allowed = if body.allow_name { vec![name.clone()] } else { Vec::new() };
    let change = Change {
        name,
        value: body.value.map(|value| value.0),
        description: Some(body_description),
        expires: expiry(body.expires_at.as_deref())?,
    };
    let write = Write {
        scope,
        changes: vec![change],
        presence: Presence::Forbidden,
        force: false,
        if_version: None,
        allowed,
        dry_run: false,
    };
    Ok(created(secrets::write_one(&scene.app, &scene.caller, &scene.project, write).await?))
}

/// Sets many values of one scope; all or none, and every problem is reported.
#[utoipa::path(put, path = "/secrets", tag = "secrets", params(("project" = String, Path)), request_body = SetSecrets,
    responses((status = 200, description = "written", body = Written), (status = "default", description = "refused", body = Problem)))]
pub(crate) async fn set_many(
    scene: Scene<Writes>,
    _: Query<NoParams>,
    Json(body): Json<SetSecrets>,
) -> Result<Json<Written>, Failure> {
    let scope = Parts::new(body.scope.as_ref(), body.namespace.as_ref(), body.app.as_ref()).scope()?;
    let body_description = body.description.map(|all| text(Some(all)));
    description(body_description.as_ref().and_then(Option::as_ref))?;
    let expires = expiry(body.expires_at.as_deref())?;
    if body.secrets.0.is_empty() {
        return Err(Failure::invalid("secrets", "there is nothing to set"));
    }
    if body.if_version.is_some() && body.secrets.0.len() > 1 {
        return Err(Failure::invalid("if_version", "an expected version goes with one secret"));
    }
    let allowed = place::names(body.allow_names.iter().map(String::as_str))?;
    let names = place::names_to_set(body.secrets.0.iter().map(|(name, _)| name.as_str()), &allowed)?;
    let values = body.secrets.0.into_iter().map(|(_, value)| value);
    let changes = names.into_iter().zip(values).map(|(name, value)| Change {
        name,
        value: Some(value),
        description: body_description.clone(),
        expires,
    });
    let write = Write {
        scope,
        changes: changes.collect(),
        presence: Presence::Any,
        force: body.force,
        if_version: body.if_version,
        allowed,
        dry_run: body.dry_run,
    };
    Ok(Json(secrets::write(&scene.app, &scene.caller, &scene.project, write).await?))
}

/// One secret's metadata, with every workload that reads it.
#[utoipa::path(get, path = "/secrets/{name}", tag = "secrets", params(("project" = String, Path), ("name" = String, Path), ScopeParams),
    responses((status = 200, description = "metadata", body = SecretDetail), (status = "default", description = "refused", body = Problem)))]
pub(crate) async fn show(
    scene: Scene<Lists>,
    Path(path): Path<Vec<(String, String)>>,
    Query(params): Query<ScopeParams>,
) -> Result<Json<SecretDetail>, Failure> {
    let (scope, name) = (scope(&params)?, place::name(last(&path))?);
    Ok(Json(secrets::detail(&scene.app, &scene.caller, &scene.project, &scope, &name).await?))
}

fn scope(params: &ScopeParams) -> Result<Scope, Failure> {
    Parts::new(params.scope.as_ref(), params.namespace.as_ref(), params.app.as_ref()).scope()
}

/// The last part of a path: the thing that it names.
pub(crate) fn last(path: &[(String, String)]) -> &str {
    path.last().map(|(_, text)| text.as_str()).unwrap_or_default()
}

/// Changes a secret: its value (a new version), description, expiry. `If-Match: "N"` refuses a lost race.
#[utoipa::path(put, path = "/secrets/{name}", tag = "secrets", params(("project" = String, Path), ("name" = String, Path), ScopeParams, ("If-Match" = Option<String>, Header, description = "the version it must have now, in quotes")), request_body = UpdateSecret,
    responses((status = 200, description = "written", body = WrittenSecret), (status = 412, description = "another version is current", body = Problem), (status = "default", description = "refused", body = Problem)))]
pub(crate) async fn update(
    scene: Scene<Writes>,
    Path(path): Path<Vec<(String, String)>>,
    Query(params): Query<ScopeParams>,
    preconditions: Preconditions,
    Json(body): Json<UpdateSecret>,
) -> Result<Json<WrittenSecret>, Failure> {
    let name = place::name(last(&path))?;
    if body.name.as_deref().is_some_and(|named| named != name.as_str()) {
        return Err(Failure::invalid("name", "the address and the body disagree about the name"));
    }
    let query = Parts::new(params.scope.as_ref(), params.namespace.as_ref(), params.app.as_ref());
    let scope = query.or(Parts::new(body.scope.as_ref(), body.namespace.as_ref(), body.app.as_ref()))?.scope()?;
    let (if_version, force) = (if_match(&preconditions)?, body.force);
    let change = change(name, body)?;
    let write = Write {
        scope,
        changes: vec![change],
        presence: Presence::Required,
        force,
        if_version,
        allowed: Vec::new(),
        dry_run: false,
    };
    Ok(Json(secrets::write_one(&scene.app, &scene.caller, &scene.project, write).await?))
}

/// What a body changes. Nothing is an error.
pub(crate) fn change(name: SecretName, body: UpdateSecret) -> Result<Change, Failure> {
    if body.value.is_none() && body.description.is_none() && body.expires_at.is_none() {
        return Err(Failure::invalid("body", "there is nothing to change: give a value, a description or an expiry"));
    }
    description(body.description.as_ref().and_then(Option::as_ref))?;
    let expires = match body.expires_at {
        None => None,
        Some(None) => Some(Expiry::Never),
        Some(Some(text)) if text.is_empty() => Some(Expiry::Never),
        Some(Some(text)) => expiry(Some(&text))?,
    };
    Ok(Change { name, value: body.value.map(|value| value.0), description: body.description.map(text), expires })
}

/// The version in an `If-Match` header.
pub(crate) fn if_match(preconditions: &Preconditions) -> Result<Option<u64>, Failure> {
    let Some(value) = preconditions.if_match.first() else { return Ok(None) };
    let text = value.to_str().map(str::trim).unwrap_or_default();
    if text == "*" {
        // any version will do, and a secret that is not there is refused anyway
        return Ok(None);
    }
    let version = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(text).parse();
    let explain = "If-Match carries one version in quotes, such as \"3\", or * for any";
    version.map(Some).map_err(|_| Failure::invalid("If-Match", explain))
}

/// How to delete.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct DeleteParams {
    /// `global` unless a namespace or app is named.
    scope: Option<String>,
    /// The namespace.
    namespace: Option<String>,
    /// The app.
    app: Option<String>,
    /// Deletes also what a workload requires.
    #[serde(default)]
    force: bool,
    /// Erases it for good.
    #[serde(default)]
    purge: bool,
}

/// Deletes a secret; it can be restored for a week.
#[utoipa::path(delete, path = "/secrets/{name}", tag = "secrets", params(("project" = String, Path), ("name" = String, Path), DeleteParams),
    responses((status = 200, description = "deleted", body = Written), (status = 409, description = "a workload requires it", body = Problem), (status = "default", description = "refused", body = Problem)))]
pub(crate) async fn delete(
    scene: Scene<Deletes>,
    Path(path): Path<Vec<(String, String)>>,
    Query(params): Query<DeleteParams>,
) -> Result<Json<Written>, Failure> {
    let scope = Parts::new(params.scope.as_ref(), params.namespace.as_ref(), params.app.as_ref()).scope()?;
    let delete = Delete { scope, name: place::name(last(&path))?, force: params.force, purge: params.purge };
    Ok(Json(secrets::delete(&scene.app, &scene.caller, &scene.project, delete).await?))
}

/// All versions of a secret, newest first.
#[utoipa::path(get, path = "/secrets/{name}/history", tag = "secrets", params(("project" = String, Path), ("name" = String, Path), ScopeParams),
    responses((status = 200, description = "versions", body = History), (status = "default", description = "refused", body = Problem)))]
pub(crate) async fn history(
    scene: Scene<Lists>,
    Path(path): Path<Vec<(String, String)>>,
    Query(params): Query<ScopeParams>,
) -> Result<Json<History>, Failure> {
    let (scope, name) = (scope(&params)?, place::name(last(&path))?);
    Ok(Json(secrets::history(&scene.app, &scene.caller, &scene.project, &scope, &name).await?))
}

/// Makes an earlier value the newest version.
#[utoipa::path(post, path = "/secrets/{name}/rollback", tag = "secrets", params(("project" = String, Path), ("name" = String, Path), ScopeParams), request_body = Rollback,
    responses((status = 200, description = "the new version", body = WrittenSecret), (status = "default", description = "refused", body = Problem)))]
pub(crate) async fn rollback(
    scene: Scene<Writes>,
    Path(path): Path<Vec<(String, String)>>,
    Query(params): Query<ScopeParams>,
    Json(body): Json<Rollback>,
) -> Result<Json<WrittenSecret>, Failure> {
    let (scope, name) = (scope(&params)?, place::name(last(&path))?);
    let target = (scope, name);
    Ok(Json(secrets::rollback(&scene.app, &scene.caller, &scene.project, target, body.version).await?))
}

/// Brings a deleted secret back.
#[utoipa::path(post, path = "/secrets/{name}/restore", tag = "secrets", params(("project" = String, Path), ("name" = String, Path), ScopeParams),
    responses((status = 200, description = "restored", body = WrittenSecret), (status = "default", description = "refused", body = Problem)))]
pub(crate) async fn restore(
    scene: Scene<Writes>,
    Path(path): Path<Vec<(String, String)>>,
    Query(params): Query<ScopeParams>,
) -> Result<Json<WrittenSecret>, Failure> {
    let (scope, name) = (scope(&params)?, place::name(last(&path))?);
    Ok(Json(secrets::restore(&scene.app, &scene.caller, &scene.project, scope, name).await?))
}

/// Which version to reveal.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct RevealParams {
    /// `global` unless a namespace or app is named.
    scope: Option<String>,
    /// The namespace.
    namespace: Option<String>,
    /// The app.
    app: Option<String>,
    /// The current one unless given.
    version: Option<u64>,
}

/// Shows one value to a person, where the project allows it.
#[utoipa::path(post, path = "/secrets/{name}/reveal", tag = "values", params(("project" = String, Path), ("name" = String, Path), RevealParams),
    responses((status = 200, description = "the value", body = Revealed), (status = "default", description = "refused", body = Problem)))]
pub(crate) async fn reveal(
    scene: Scene<ReadsValues>,
    Path(path): Path<Vec<(String, String)>>,
    Query(params): Query<RevealParams>,
) -> Result<Values<Revealed>, Failure> {
    let scope = Parts::new(params.scope.as_ref(), params.namespace.as_ref(), params.app.as_ref()).scope()?;
    let name = place::name(last(&path))?;
    let body = secrets::reveal(&scene.app, &scene.caller, &scene.project, (&scope, &name), params.version).await?;
    Ok(Values { about_bytes: body.value.0.len(), body })
}

/// Registers names and descriptions without values; never blanks a value.
#[utoipa::path(post, path = "/declarations", tag = "secrets", params(("project" = String, Path)), request_body = DeclareSecrets,
    responses((status = 200, description = "declared", body = Declared), (status = "default", description = "refused", body = Problem)))]
pub(crate) async fn declare(
    scene: Scene<Declares>,
    _: Query<NoParams>,
    Json(body): Json<DeclareSecrets>,
) -> Result<Json<Declared>, Failure> {
    let scope = Parts::new(body.scope.as_ref(), body.namespace.as_ref(), body.app.as_ref()).scope()?;
    if body.secrets.is_empty() {
        return Err(Error::Invalid(vec![Fault::new("secrets", "there is nothing to declare")]).into());
    }
    let allowed = place::names(body.allow_names.iter().map(String::as_str))?;
    let names = place::names_to_set(body.secrets.iter().map(|entry| entry.name.as_str()), &allowed)?;
    for entry in &body.secrets {
        description(entry.description.as_ref())?;
    }
    let descriptions = body.secrets.into_iter().map(|entry| text(entry.description));
    let declare = Declare { scope, entries: names.into_iter().zip(descriptions).collect(), force: body.force, allowed };
    Ok(Json(secrets::declare(&scene.app, &scene.caller, &scene.project, declare).await?))
}

/// Counts of secrets by state.
#[utoipa::path(get, path = "/stats", tag = "secrets", params(("project" = String, Path)),
    responses((status = 200, description = "counts", body = StatsAnswer), (status = "default", description = "refused", body = Problem)))]
pub(crate) async fn stats(scene: Scene<Lists>, _: Query<NoParams>) -> Result<Json<StatsAnswer>, Failure> {
    Ok(Json(secrets::stats(&scene.app, &scene.caller, &scene.project).await?))
}
