//! `strongroom.json`: found upwards, read, and told what is wrong with it.

use std::path::{Path, PathBuf};

use strongroom_project::{FILE_NAME, Problem, Project, parse};

use crate::errors::{Failure, at};

/// The file, and where it stands.
#[derive(Debug)]
pub(crate) struct ProjectFile {
    /// The file itself.
    pub(crate) path: PathBuf,
    /// What it says.
    pub(crate) content: Project,
}

impl ProjectFile {
    /// The folder from which paths in the file count.
    pub(crate) fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new("."))
    }
}

/// The nearest project file from `start` upwards.
pub(crate) fn find(start: &Path) -> Result<Option<ProjectFile>, Failure> {
    for folder in start.ancestors() {
        if let Some(file) = read(&folder.join(FILE_NAME), start)? {
            return Ok(Some(file));
        }
    }
    Ok(None)
}

/// The project file at `path`, if there is one. Messages name it as seen from `start`.
pub(crate) fn read(path: &Path, start: &Path) -> Result<Option<ProjectFile>, Failure> {
    let shown = path.strip_prefix(start).unwrap_or(path).display();
    let failed = |error: &dyn std::error::Error| Failure::failed(format!("{shown} cannot be read")).because(error);
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(error) => return Err(failed(&error)),
    };
    let text = String::from_utf8(bytes).map_err(|error| failed(&error.utf8_error()))?;
    match parse(&text) {
        Ok(content) => Ok(Some(ProjectFile { path: path.to_path_buf(), content })),
        Err(problems) => Err(refuse(&shown.to_string(), &problems)),
    }
}

fn refuse(path: &str, problems: &[Problem]) -> Failure {
    let place = |problem: &Problem| format!("{path}:{}:{}", problem.line, problem.column);
    let detail = |problem: &Problem| format!("{}\n{}", problem.message, problem.excerpt);
    match problems {
        [problem] => Failure::usage(format!("{}: {}", place(problem), detail(problem))),
        _ => Failure::usage(format!("{path} has {} problems", problems.len()))
            .each(problems.iter().map(|problem| at(place(problem), detail(problem))).collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_problem_is_the_message_and_several_are_a_list() {
        let refused = |text| refuse("strongroom.json", &parse(text).expect_err("wrong")).text();
        assert_eq!(
            refused("{\n  \"projct\": \"shop\"\n}"),
            "error: strongroom.json:2:3: unknown key \"projct\"; did you mean \"project\"?\n2 |   \"projct\": \"…\"\n  |   ^\n"
        );
        let several = refused("{\n  \"projct\": \"shop\",\n  \"jobs\": 1\n}");
        assert!(several.starts_with("error: strongroom.json has 2 problems\n  - strongroom.json:2:3: "), "{several}");
        assert!(several.contains("\n      2 |   \"projct\": \"…\",\n"), "{several}");
        assert!(several.contains("\n  - strongroom.json:3:11: \"jobs\" is a list"), "{several}");
    }
}
