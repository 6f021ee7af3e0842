//! The command line: a command, `--name value` pairs, and after `--` a command to start.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::str::FromStr;

use crate::Failure;

/// What stood behind the command's name.
#[derive(Debug, Default)]
pub(crate) struct Arguments {
    options: BTreeMap<String, String>,
    /// The words after `--`.
    pub(crate) command: Vec<String>,
}

impl Arguments {
    /// The command's name, and what stood behind it.
    pub(crate) fn parse(words: Vec<OsString>) -> Result<(String, Self), Failure> {
        let text =
            |word: OsString| word.into_string().map_err(|_| Failure::Usage("an argument is not UTF-8".to_owned()));
        let mut words = words.into_iter().map(text);
        let name = words.next().ok_or_else(|| Failure::Usage("no command".to_owned()))??;
        let mut arguments = Self::default();
        while let Some(word) = words.next() {
            let word = word?;
            if word == "--" {
                arguments.command = words.collect::<Result<_, _>>()?;
                break;
            }
            let Some(option) = word.strip_prefix("--") else {
                return Err(Failure::Usage(format!("`{word}` is no option")));
            };
            let value = words.next().ok_or_else(|| Failure::Usage(format!("--{option} needs a value")))??;
            arguments.options.insert(option.to_owned(), value);
        }
        Ok((name, arguments))
    }

    /// The option's text, if it was given.
    pub(crate) fn optional(&self, option: &str) -> Option<&str> {
        self.options.get(option).map(String::as_str)
    }

    /// The option's text.
    pub(crate) fn required(&self, option: &str) -> Result<&str, Failure> {
        self.optional(option).ok_or_else(|| Failure::Usage(format!("--{option} is missing")))
    }

    /// The option's value, if it was given.
    pub(crate) fn parsed<T: FromStr>(&self, option: &str) -> Result<Option<T>, Failure> {
        let Some(text) = self.optional(option) else { return Ok(None) };
        text.parse().map(Some).map_err(|_| Failure::Usage(format!("--{option} `{text}` is not understood")))
    }

    /// The option's value, or `otherwise`.
    pub(crate) fn parsed_or<T: FromStr>(&self, option: &str, otherwise: T) -> Result<T, Failure> {
        self.parsed(option).map(|value| value.unwrap_or(otherwise))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test may panic")]

    use super::*;

    fn parse(line: &str) -> Result<(String, Arguments), Failure> {
        Arguments::parse(line.split(' ').map(OsString::from).collect())
    }

    #[test]
    fn options_come_in_pairs_and_the_rest_is_a_command() {
        let (name, arguments) = parse("run --runs 3 -- true --flag").unwrap();
        assert_eq!(name, "run");
        assert_eq!(arguments.parsed_or("runs", 1_u32).unwrap(), 3);
        assert_eq!(arguments.command, ["true", "--flag"]);
    }

    #[test]
    fn an_option_without_a_value_and_a_word_without_an_option_are_refused() {
        for line in ["run --runs", "run 3", "run --runs three"] {
            let runs = parse(line).and_then(|(_, arguments)| arguments.parsed::<u32>("runs"));
            assert!(runs.is_err(), "{line}");
        }
    }
}
