//! Files that are made from code, checked in, and compared by `make check`.

use std::path::Path;
use std::{fs, io};

use strongroom_model::{name, slug};

use crate::Report;

/// A file that is made from code: its path from the root, and what makes its content.
pub(crate) type Generated = (&'static str, fn() -> io::Result<String>);

/// Every file that is made from code. **This is the one place to add another**: its path, and the function that makes
/// its text, such as `("docs/openapi.json", openapi)`.
pub(crate) fn generated() -> Vec<Generated> {
    vec![
        ("docs/openapi.json", openapi),
        ("docs/names.md", || Ok(names())),
        ("docs/routes.txt", || Ok(strongroom_server::routes())),
    ]
}

/// The description of the HTTP API, as the server serves it.
fn openapi() -> io::Result<String> {
    serde_json::to_string_pretty(&strongroom_server::document()).map(|text| text + "\n").map_err(io::Error::other)
}

/// The names that need a grant, from the lists that refuse them.
fn names() -> String {
    let list =
        |names: &[&str], after: &str| names.iter().map(|name| format!("`{name}{after}`")).collect::<Vec<_>>().join(" ");
    format!(
        "# Names of secrets\n\n\
         A secret's name is `[A-Za-z_][A-Za-z0-9_]*`, 1 to {} bytes, case-sensitive; a second name in the same scope that \
         differs only by case is refused.\n\n\
         ## Names that need a grant\n\n\
         These steer a runtime rather than inform code. They are refused in either case unless granted with \
         `--allow-name NAME`:\n\n{}\n\nand everything that begins with {}.\n\n\
         Front-end build tools publish names that begin with {} to every browser; they need the same grant.\n\n\
         Names that begin with `{}` are Strongroom's own and never accepted.\n\n\
         ## Names of projects, namespaces, functions, jobs and apps\n\n\
         `[a-z0-9][a-z0-9_-]{{0,62}}`, but none of these: {}.\n",
        name::MAX_NAME_BYTES,
        list(name::STEERING, ""),
        list(name::STEERING_PREFIXES, "*"),
        list(name::PUBLISHED_PREFIXES, "*"),
        name::OWN_PREFIX,
        list(slug::RESERVED, ""),
    )
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
