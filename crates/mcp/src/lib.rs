//! The Model Context Protocol for coding agents, over stdin and stdout: questions in, metadata out, never a value.
//!
//! ```text
//! agent ──stdio──> server.rs: a tool's name and arguments ──> questions.rs ──┐
//!                                                                            ├─ the desk answers: another thread,
//! agent <──stdio── frame.rs: inert text, marked as data <──── answers.rs <───┘  the one that may talk to a store
//! ```
//!
//! Three things hold whatever the credential behind the desk may do. The types of [`answers`] have no place for a value,
//! and this crate cannot name a type that holds one. Every text that somebody else wrote is shown with nothing hidden in
//! it, between marks that it cannot close. And an error says what was wrong without repeating what was sent.

pub mod answers;
mod frame;
pub mod questions;
mod server;

pub use answers::{Answer, Refusal};
pub use questions::Question;
pub use server::{Asked, ServeError, serve};
