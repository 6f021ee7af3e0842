//! What a worker process denies itself before it executes Deno.

use std::path::PathBuf;

/// What the sandbox needs to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The Deno program.
    pub deno: PathBuf,
    /// The worker's private directory.
    pub own_dir: PathBuf,
    /// `DENO_DIR`.
    pub cache_dir: PathBuf,
    /// Where the boot script lies.
    pub boot_dir: PathBuf,
}

/// The arguments that hand a plan to the launcher; Deno's own follow.
pub fn arguments(plan: &Plan) -> Vec<String> {
    let paths = [&plan.deno, &plan.own_dir, &plan.cache_dir, &plan.boot_dir];
    paths.iter().map(|path| path.display().to_string()).collect()
}
