//! The style, the script and the picture of the pages, served under names that carry their content's hash.

use std::fmt;

use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use http::header;
use strongroom_api::Code;

use crate::failure::Failure;

/// A file that never changes under its address.
pub(crate) struct Asset {
    name: &'static str,
    extension: &'static str,
    media: &'static str,
    bytes: &'static [u8],
    hash: u64,
}

/// How everything looks.
pub(crate) const STYLE: Asset =
    Asset::new("strongroom", "css", "text/css; charset=utf-8", include_bytes!("../../assets/strongroom.css"));
/// What makes the pages quicker to use; they work without it.
pub(crate) const SCRIPT: Asset =
    Asset::new("strongroom", "js", "text/javascript; charset=utf-8", include_bytes!("../../assets/strongroom.js"));
/// The mark in the browser's tab.
pub(crate) const ICON: Asset = Asset::new("mark", "svg", "image/svg+xml", include_bytes!("../../assets/mark.svg"));

const ALL: [&Asset; 3] = [&STYLE, &SCRIPT, &ICON];

impl Asset {
    const fn new(name: &'static str, extension: &'static str, media: &'static str, bytes: &'static [u8]) -> Self {
        Self { name, extension, media, bytes, hash: fnv_1a(bytes) }
    }
}

/// Its address.
impl fmt::Display for Asset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/assets/{}-{:016x}.{}", self.name, self.hash, self.extension)
    }
}

/// FNV-1a, 64 bits (RFC 9923). It only tells versions of our own files apart.
const fn fnv_1a(bytes: &[u8]) -> u64 {
    let (mut hash, mut rest) = (0xcbf2_9ce4_8422_2325_u64, bytes);
    while let [byte, tail @ ..] = rest {
        hash = (hash ^ widened(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        rest = tail;
    }
    hash
}

const fn widened(byte: u8) -> u64 {
    u64::from_be_bytes([0, 0, 0, 0, 0, 0, 0, byte])
}

/// Marks an answer that may be kept for ever: its address changes with its content.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Immutable;

pub(crate) async fn serve(Path(file): Path<String>) -> Response {
    let address = format!("/assets/{file}");
    let Some(asset) = ALL.into_iter().find(|asset| asset.to_string() == address) else {
        return Failure::new(Code::NotFound, "there is nothing at this address").into_response();
    };
    let mut response = ([(header::CONTENT_TYPE, asset.media)], asset.bytes).into_response();
    response.extensions_mut().insert(Immutable);
    response
}
