//! The OpenAPI document as it is served: `docs/openapi.json`, which is made from the handlers and compared by `make check`,
//! packed into the program.

use std::io::Read as _;

use axum::response::{IntoResponse, Response};
use flate2::read::GzDecoder;
use http::header;
use strongroom_api::Code;

use crate::failure::Failure;

const PACKED: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/openapi.json.gz"));

/// The document.
pub(crate) fn text() -> std::io::Result<String> {
    let mut text = String::new();
    GzDecoder::new(PACKED).read_to_string(&mut text).map(|_| text)
}

pub(crate) async fn serve() -> Response {
    match text() {
        Ok(text) => ([(header::CONTENT_TYPE, "application/json")], text).into_response(),
        Err(_) => Failure::new(Code::Internal, "the document could not be read").into_response(),
    }
}
