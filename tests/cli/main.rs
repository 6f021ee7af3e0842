//! The program through its front door: every documented form, against each way of reaching a store.

mod world;
