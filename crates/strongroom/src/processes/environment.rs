//! What a child finds in its environment.

use std::ffi::OsString;
use std::process::Command;

use strongroom_secret::SecretValue;

/// The whole environment of a child. Nothing else is inherited.
#[derive(Default)]
pub(crate) struct ChildEnvironment {
    /// Variables that are no secrets of Strongroom's.
    pub(crate) plain: Vec<(OsString, OsString)>,
    /// Secrets, by the names that the code reads. They win over plain variables of the same name.
    pub(crate) secrets: Vec<(String, SecretValue)>,
}

impl ChildEnvironment {
    /// Sets it as the command's whole environment.
    pub(crate) fn apply(&self, command: &mut Command) {
        command.env_clear();
        command.envs(self.plain.iter().map(|(name, value)| (name, value)));
        command.envs(self.secrets.iter().map(|(name, value)| (name, value.expose())));
    }

    /// Whether a child would see the same secrets.
    pub(crate) fn has_same_secrets(&self, other: &Self) -> bool {
        let holds = |all: &Self, name: &str, value: &SecretValue| {
            all.secrets.iter().any(|(known, held)| known == name && held.expose() == value.expose())
        };
        self.secrets.len() == other.secrets.len() && self.secrets.iter().all(|(name, value)| holds(other, name, value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pairs: &[(&str, &str)]) -> ChildEnvironment {
        let secret = |text: &str| SecretValue::new(text.to_owned()).expect("legal");
        let secrets = pairs.iter().map(|(name, value)| ((*name).to_owned(), secret(value))).collect();
        ChildEnvironment { plain: Vec::new(), secrets }
    }

    #[test]
    fn order_is_no_difference_and_a_value_a_name_or_its_absence_is() {
        let one = of(&[("A", "1"), ("B", "2")]);
        assert!(one.has_same_secrets(&of(&[("B", "2"), ("A", "1")])));
        for other in [of(&[("A", "1")]), of(&[("A", "1"), ("B", "3")]), of(&[("A", "1"), ("C", "2")]), of(&[])] {
            assert!(!one.has_same_secrets(&other) && !other.has_same_secrets(&one));
        }
    }

    #[test]
    fn only_what_is_given_reaches_the_child_and_secrets_win() {
        let mut environment = of(&[("A", "secret"), ("toString", "own")]);
        environment.plain = vec![("A".into(), "plain".into()), ("KEPT".into(), "kept".into())];
        let mut command = Command::new("/usr/bin/env");
        environment.apply(&mut command);
        let output = command.output().expect("env runs").stdout;
        let text = String::from_utf8(output).expect("text");
        let mut lines: Vec<_> = text.lines().collect();
        lines.sort_unstable();
        assert_eq!(lines, ["A=secret", "KEPT=kept", "toString=own"]);
    }
}
