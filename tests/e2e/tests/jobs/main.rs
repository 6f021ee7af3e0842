//! Jobs on a real server and a real Deno.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod kills;
mod runs;
mod secrets;
