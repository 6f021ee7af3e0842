//! What is tried against the product and must not get through. A test is named after the line of the list of attacks
//! that it tries: `attack_01_…` tries line 1.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod agents;
mod chance;
mod coverage;
mod denial;
mod durability;
mod edge;
mod files;
mod identity;
mod links;
mod names;
mod outside;
mod pages;
mod people;
mod protection;
mod raw;
mod rights;
mod rows;
mod sandbox;
mod sign_in;
mod storage;
mod tokens;
mod workloads;
