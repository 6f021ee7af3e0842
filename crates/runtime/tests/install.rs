//! The pinned Deno comes through a package client, is checked, and is found afterwards.
#![expect(clippy::unwrap_used, reason = "tests")]

use strongroom_runtime::locate::{Places, find, install};

#[test]
fn what_was_installed_is_found_in_the_data_directory() {
    let home = tempfile::tempdir().unwrap();
    let installed = install(home.path()).unwrap();
    assert_eq!(installed.version, strongroom_runtime::locate::PINNED_VERSION);
    let found = find(&Places { home: Some(home.path().to_path_buf()), ..Places::default() }).unwrap();
    assert_eq!(found, installed);
    assert_eq!(std::fs::read_dir(home.path().join("runtime")).unwrap().count(), 1);
}
