//! Files that are made from code, checked in, and compared by `make check`.

use std::path::Path;
use std::{fs, io};

use crate::Report;

/// A file that is made from code: its path from the root, and what makes its content.
pub(crate) type Generated = (&'static str, fn() -> io::Result<String>);

/// Every file that is made from code. **This is the one place to add another**: its path, and the function that makes
/// its text, such as `("docs/openapi.json", openapi)`.
pub(crate) fn generated() -> Vec<Generated> {
    vec![("docs/openapi.json", openapi)]
}

/// The description of the HTTP API, as the server serves it.
fn openapi() -> io::Result<String> {
    strongroom_server::document().to_pretty_json().map(|text| text + "\n").map_err(io::Error::other)
}

/// Writes the files whose content has changed.
pub(crate) fn write(root: &Path, generated: &[Generated]) -> io::Result<Report> {
    let mut lines = Vec::new();
    for (path, text) in stale(root, generated)? {
        let target = root.join(path);
        if let Some(folder) = target.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(target, text)?;
        lines.push(format!("wrote {path}"));
    }
    lines.push(format!("generate: {} files are up to date", generated.len()));
    Ok(Report { lines, failed: false })
}

/// Names the files whose content is not what the code makes now.
pub(crate) fn check(root: &Path, generated: &[Generated]) -> io::Result<Report> {
    let stale = stale(root, generated)?;
    let mut lines: Vec<_> = stale.iter().map(|(path, _)| format!("{path} is stale; run `make generate`")).collect();
    lines.push(format!("generate: {} of {} files are stale", stale.len(), generated.len()));
    Ok(Report { lines, failed: !stale.is_empty() })
}

fn stale(root: &Path, generated: &[Generated]) -> io::Result<Vec<(&'static str, String)>> {
    let mut stale = Vec::new();
    for (path, render) in generated {
        let text = render()?;
        if fs::read_to_string(root.join(path)).ok().as_ref() != Some(&text) {
            stale.push((*path, text));
        }
    }
    Ok(stale)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test may panic")]

    use super::*;

    #[test]
    fn a_stale_file_is_named_and_then_written() {
        let root = tempfile::tempdir().unwrap();
        let files: [Generated; 1] = [("docs/x.txt", || Ok("new".to_owned()))];
        assert!(check(root.path(), &files).unwrap().failed);
        write(root.path(), &files).unwrap();
        assert!(!check(root.path(), &files).unwrap().failed);
        fs::write(root.path().join("docs/x.txt"), "old").unwrap();
        let report = check(root.path(), &files).unwrap();
        assert_eq!(report.lines.first().unwrap(), "docs/x.txt is stale; run `make generate`");
    }
}
