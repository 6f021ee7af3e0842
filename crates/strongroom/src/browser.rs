//! Starting the person's browser.

use std::process::{Command, Stdio};

use crate::environment::Environment;

/// Opens `address` in the person's browser. Says whether one was started: over ssh and without a display, none is. It
/// inherits none of Strongroom's credentials.
pub(crate) fn open(environment: &Environment, address: &str) -> bool {
    let is_plain = address.starts_with("https://") || address.starts_with("http://");
    let has = |name: &str| environment.text(name).is_some();
    let is_here = cfg!(target_os = "macos") || has("DISPLAY") || has("WAYLAND_DISPLAY");
    if !is_plain || !is_here || has("SSH_CONNECTION") {
        return false;
    }
    let mut command = Command::new(if cfg!(target_os = "macos") { "open" } else { "xdg-open" });
    command.arg(address).env_clear().envs(environment.for_children());
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().is_ok()
}
