//! How a command fails: one style for people, problem details for programs, and the exit codes.
//!
//! ```text
//! error: what happened
//!   - where: each of several problems
//! caused by: why
//!
//! hint: the next command to type
//! ```

use std::fmt::Write as _;

use strongroom_api::{Code, FieldError, Problem};
use strongroom_client::ClientError;

/// How the process ends when nothing is left to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Exit(pub(crate) u8);

impl Exit {
    /// Everything was done.
    pub(crate) const DONE: Self = Self(0);
    /// Something failed, and the command has said what.
    pub(crate) const FAILED: Self = Self(1);
    /// Something was not there.
    pub(crate) const NOT_FOUND: Self = Self(3);
}

/// A failed command. Never carries a secret value.
#[derive(Debug)]
pub(crate) struct Failure(Box<Parts>);

#[derive(Debug)]
struct Parts {
    problem: Problem,
    causes: Vec<String>,
    exit: Exit,
}

impl Failure {
    /// A failure of the kind that `code` names, which also gives the exit code.
    pub(crate) fn new(code: Code, message: impl Into<String>) -> Self {
        Self::of(Problem::new(code, message))
    }

    fn of(problem: Problem) -> Self {
        let exit = Exit(problem.code.exit_code());
        Self(Box::new(Parts { problem, causes: Vec::new(), exit }))
    }

    /// The command was typed wrongly: exit 2.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Code::Invalid, message)
    }

    /// The machine did not do its part: exit 1.
    pub(crate) fn failed(message: impl Into<String>) -> Self {
        Self::new(Code::Unavailable, message)
    }

    /// Adds the next command to type.
    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.0.problem.hint = Some(hint.into());
        self
    }

    /// Adds the next command, unless there is one.
    #[must_use]
    pub(crate) fn hint_if_none(self, hint: impl FnOnce() -> Option<String>) -> Self {
        if self.0.problem.hint.is_some() {
            return self;
        }
        match hint() {
            Some(hint) => self.hint(hint),
            None => self,
        }
    }

    /// Adds another hint behind the first.
    #[must_use]
    pub(crate) fn also_hint(self, hint: Option<&str>) -> Self {
        let Some(hint) = hint else { return self };
        let both = self.hint_text().map_or_else(|| hint.to_owned(), |first| format!("{first}\nhint: {hint}"));
        self.hint(both)
    }

    /// Adds a cause in words.
    #[must_use]
    pub(crate) fn noting(mut self, cause: impl Into<String>) -> Self {
        self.0.causes.push(cause.into());
        self
    }

    /// Adds the list of all problems.
    #[must_use]
    pub(crate) fn each(mut self, errors: Vec<FieldError>) -> Self {
        self.0.problem.errors = errors;
        self
    }

    /// Adds why, down to the last source.
    #[must_use]
    pub(crate) fn because(mut self, error: &dyn std::error::Error) -> Self {
        let mut next = Some(error);
        while let Some(error) = next {
            self.0.causes.push(error.to_string());
            next = error.source();
        }
        self
    }

    /// Several failures under one message, each with the name of what failed. Ends as the first one does.
    pub(crate) fn several(message: &str, failed: Vec<(String, Self)>) -> Self {
        let first = failed.first().map_or(Code::Invalid, |(_, failure)| failure.code());
        let exit = failed.first().map_or(Exit::FAILED, |(_, failure)| failure.exit());
        let hint = failed.iter().find_map(|(_, failure)| failure.0.problem.hint.clone());
        let mut each = Vec::new();
        for (name, Self(parts)) in failed {
            let Parts { problem, causes, .. } = *parts;
            let said = problem.errors.iter().map(|error| format!("{}: {}", error.at, error.detail));
            let detail = std::iter::once(problem.detail).filter(|_| problem.errors.is_empty());
            for detail in said.chain(detail) {
                each.push(at(&name, [vec![detail], causes.clone()].concat().join(": ")));
            }
        }
        let failure = Self::new(first, message).each(each).exiting(exit);
        match hint {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }

    /// Ends with another exit code than the kind's.
    #[must_use]
    pub(crate) fn exiting(mut self, exit: Exit) -> Self {
        self.0.exit = exit;
        self
    }

    /// The next command to type.
    pub(crate) fn hint_text(&self) -> Option<&str> {
        self.0.problem.hint.as_deref()
    }

    /// What happened, in one line.
    pub(crate) fn message(&self) -> &str {
        &self.0.problem.detail
    }

    /// The problems of the list, one line each.
    pub(crate) fn lines(&self) -> impl Iterator<Item = String> {
        self.0.problem.errors.iter().map(|error| format!("{}: {}", error.at, error.detail))
    }

    /// The exit code.
    pub(crate) fn exit(&self) -> Exit {
        self.0.exit
    }

    /// The kind.
    pub(crate) fn code(&self) -> Code {
        self.0.problem.code
    }

    /// The text for people.
    pub(crate) fn text(&self) -> String {
        let mut text = format!("error: {}\n", self.0.problem.detail);
        let is_said = |error: &FieldError| error.detail == self.0.problem.detail;
        for error in self.0.problem.errors.iter().filter(|error| !is_said(error)) {
            let detail = error.detail.replace('\n', "\n      ");
            writeln!(text, "  - {}: {detail}", error.at).expect("writing to a String cannot fail");
        }
        for cause in &self.0.causes {
            writeln!(text, "caused by: {cause}").expect("writing to a String cannot fail");
        }
        if let Some(hint) = &self.0.problem.hint {
            writeln!(text, "\nhint: {hint}").expect("writing to a String cannot fail");
        }
        text
    }

    /// Problem details with the causes in their text.
    pub(crate) fn problem(&self) -> Problem {
        let mut problem = self.0.problem.clone();
        for cause in &self.0.causes {
            problem.detail.push_str(": ");
            problem.detail.push_str(cause);
        }
        problem
    }

    /// Problem details, for programs.
    pub(crate) fn json(&self) -> String {
        serde_json::to_string_pretty(&self.problem()).expect("problem details have text keys only") + "\n"
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        let message = error.to_string();
        let unavailable = Self::failed(message.clone());
        match error {
            ClientError::Problem(problem) => {
                Self::of(*problem).for_sign_in().for_rights()
            }
            ClientError::Insecure { .. } => Self::new(Code::InsecureTransport, message)
                .hint("give the server's https:// address, or reach it through a tunnel to 127.0.0.1"),
            ClientError::NoCredential { .. } => Self::new(Code::Unauthenticated, message).for_sign_in(),
            ClientError::ForeignCredential { .. } => Self::new(Code::Unauthenticated, message).hint(
                "STRONGROOM_TOKEN is never sent to an address from strongroom.json; name it yourself with --server or STRONGROOM_URL",
            ),
            ClientError::Refused { .. } => unavailable.hint("start it with: strongroom server"),
            ClientError::UnknownHost { source, .. }
            | ClientError::Connect { source, .. }
            | ClientError::Tls { source, .. } => unavailable.because(&source),
            ClientError::Broken { source, .. } => unavailable.because(&*source),
            ClientError::Request { .. } => Self::usage(message),
            ClientError::NoRoots
            | ClientError::TimedOut { .. }
            | ClientError::NotStrongroom { .. }
            | ClientError::Unreadable { .. }
            | ClientError::TooLong { .. }
            | ClientError::NoFunctions { .. } => unavailable,
        }
    }
}

impl Failure {
    fn for_sign_in(self) -> Self {
        let anonymous = self.code() == Code::Unauthenticated;
        self.hint_if_none(|| {
            anonymous.then(|| {
                "strongroom login, or set STRONGROOM_TOKEN to a token of this server: strongroom tokens create --name NAME".to_owned()
            })
        })
    }
}

/// How a refusal for want of a capability begins.
const NEEDS: &str = "this needs the capability ";

impl Failure {
    fn for_rights(self) -> Self {
        let needed = self.0.problem.detail.strip_prefix(NEEDS).map(str::to_owned);
        self.hint_if_none(|| {
            needed.map(|capability| {
                format!(
                    "`strongroom whoami` shows what you may do; an admin makes a token that may: strongroom tokens create --name NAME --capability {capability}"
                )
            })
        })
    }
}

/// One entry of a list of problems.
pub(crate) fn at(place: impl Into<String>, detail: impl std::fmt::Display) -> FieldError {
    FieldError { at: place.into(), detail: detail.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_reads_error_causes_hint() {
        let source = std::io::Error::other("disk on fire");
        let failure = Failure::failed("the store did not open").because(&source).hint("strongroom doctor");
        assert_eq!(
            failure.text(),
            "error: the store did not open\ncaused by: disk on fire\n\nhint: strongroom doctor\n"
        );
        assert_eq!(failure.exit(), Exit(1));
    }

    #[test]
    fn a_problem_that_is_the_whole_message_is_said_once() {
        let failure = Failure::usage("a name is 1 to 63 characters");
        let failure = failure.each(vec![at("name", "a name is 1 to 63 characters"), at("other", "too long")]);
        assert_eq!(failure.text(), "error: a name is 1 to 63 characters\n  - other: too long\n");
    }

    #[test]
    fn exit_codes_are_those_of_the_kinds() {
        for (code, exit) in [(Code::Invalid, 2), (Code::NotFound, 3), (Code::Forbidden, 4), (Code::Conflict, 5)] {
            assert_eq!(Failure::new(code, "x").exit(), Exit(exit));
        }
    }
}
