//! The OpenAPI document, generated from the handlers.

mod examples;
mod forms;

use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::Type;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{
    Components, Content, Info, License, Object, OpenApi, OpenApiBuilder, RefOr, Required, SecurityRequirement,
};

use utoipa_axum::router::OpenApiRouter;

use crate::route::Route;
use crate::router::{all_routes, documented};

const JSON: &str = "application/json";
const PROBLEM: &str = "application/problem+json";
const PROBLEM_SCHEMA: &str = "#/components/schemas/Problem";

/// The document without paths.
fn frame() -> OpenApi {
    let mut info = Info::new("Strongroom", env!("CARGO_PKG_VERSION"));
    info.description = Some(
        "Everything under `/api/v1/projects/{project}` also answers under `/api/v1/admin`, for the token's own project \
         (the owner's: `default`). Errors are RFC 9457 problem details with a stable `code`. Values are returned by \
         `resolve`, `export` and `reveal` alone."
            .to_owned(),
    );
    info.license = Some(License::new("Apache-2.0"));
    let mut components = Components::new();
    let bearer = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
    components.add_security_scheme("token", bearer);
    OpenApiBuilder::new()
        .info(info)
        .components(Some(components))
        .security(Some([SecurityRequirement::new("token", Vec::<String>::new())]))
        .build()
}

/// The whole document as JSON, with the forms of texts and with examples.
pub fn document() -> serde_json::Value {
    let mut document = serde_json::to_value(described()).expect("a document has text keys only");
    forms::write(&mut document);
    examples::write(&mut document);
    document
}

/// Every route of this server, one a line: its listener, method and path. A method stands for `HEAD` too where it is `GET`.
pub fn routes() -> String {
    let line = |path: &str, method: &str| format!("management {method} {path}\n");
    let lines = all_routes().into_iter().map(|route| {
        let methods = route.methods();
        methods.into_iter().map(|method| line(&route.path, method)).collect::<String>()
    });
    let mut lines: Vec<_> = lines.collect();
    lines.push(format!("functions ANY {}\n", crate::functions::ROUTE));
    lines.concat()
}

/// Operations are named `tag_handler`, which is unique; refusals say their media type; what is the same
/// for all operations of a method is said here once.
fn described() -> OpenApi {
    let whole = |routes: Vec<Route>| {
        routes.into_iter().fold(OpenApiRouter::new(), |router, Route { methods, described, .. }| {
            router.routes((described.schemas, described.paths, methods))
        })
    };
    let router = documented().into_iter().fold(OpenApiRouter::with_openapi(frame()), |router, (prefix, routes)| {
        if prefix.is_empty() { router.merge(whole(routes)) } else { router.nest(prefix, whole(routes)) }
    });
    let mut document = router.split_for_parts().1;
    for item in document.paths.paths.values_mut() {
        let operations =
            [&mut item.get, &mut item.put, &mut item.post, &mut item.delete, &mut item.patch].into_iter().flatten();
        for operation in operations {
            finish(operation);
        }
        if let Some(post) = &mut item.post {
            post.parameters.get_or_insert_default().push(RefOr::T(idempotency_key()));
        }
    }
    document
}

fn finish(operation: &mut Operation) {
    let tag = operation.tags.iter().flatten().next().cloned().unwrap_or_default();
    let handler = operation.operation_id.take().unwrap_or_default();
    operation.operation_id = Some(format!("{tag}_{handler}"));
    for response in operation.responses.responses.values_mut() {
        let RefOr::T(response) = response else { continue };
        let is_problem = |content: &RefOr<Content>| match content {
            RefOr::T(Content { schema: Some(RefOr::Ref(target)), .. }) => target.ref_location == PROBLEM_SCHEMA,
            _ => false,
        };
        if response.content.get(JSON).is_some_and(is_problem)
            && let Some(content) = response.content.shift_remove(JSON)
        {
            response.content.insert(PROBLEM.to_owned(), content);
        }
    }
}

fn idempotency_key() -> Parameter {
    let about = "1 to 255 characters: a repeat within a day answers what the first request did and does nothing; another request with the key is refused";
    ParameterBuilder::new()
        .name("Idempotency-Key")
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(about))
        .schema(Some(Object::with_type(Type::String)))
        .build()
}
