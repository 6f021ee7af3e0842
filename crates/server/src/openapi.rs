//! The OpenAPI document, generated from the handlers.

use axum::response::{IntoResponse, Response};
use http::header;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{Components, Info, License, OpenApi, OpenApiBuilder, SecurityRequirement};

/// The document without paths.
pub(crate) fn frame() -> OpenApi {
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

/// The whole document.
pub fn document() -> OpenApi {
    crate::router::documented().split_for_parts().1
}

pub(crate) async fn serve() -> Response {
    match document().to_json() {
        Ok(text) => ([(header::CONTENT_TYPE, "application/json")], text).into_response(),
        Err(_) => crate::failure::Failure::new(strongroom_api::Code::Internal, "the document could not be written")
            .into_response(),
    }
}
