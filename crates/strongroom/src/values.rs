//! Where values come from: words, files, stdin, a hidden prompt, or chance. None of them is ever repeated in an error.

use std::fs::File;
use std::io::{self, IsTerminal as _, Read};
use std::os::fd::AsFd as _;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use strongroom_seal::{Random as _, SystemRandom};
use strongroom_secret::{MAX_VALUE_BYTES, SecretValue, ValueError};
use zeroize::Zeroizing;

use crate::errors::Failure;

/// How stdin becomes a value.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct StdinRules {
    /// Keeps the trailing newline.
    pub(crate) raw: bool,
    /// Takes empty input for the empty value.
    pub(crate) allow_empty: bool,
}

/// Reads up to `limit` bytes and one more, in memory that is wiped.
pub(crate) fn read_limited(source: impl Read, limit: usize) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(limit + 1));
    source.take(u64::try_from(limit + 1).unwrap_or(u64::MAX)).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Stdin without the buffer of the standard library, which nothing would wipe.
pub(crate) fn stdin() -> io::Result<File> {
    io::stdin().as_fd().try_clone_to_owned().map(File::from)
}

/// The value of `name`: asked for at a terminal, else read from stdin.
pub(crate) fn prompt_or_stdin(name: &str, rules: StdinRules) -> Result<SecretValue, Failure> {
    ask_or_stdin(&format!("Value for {name}: "), name, rules)
}

/// The same with a question of one's own.
pub(crate) fn ask_or_stdin(question: &str, name: &str, rules: StdinRules) -> Result<SecretValue, Failure> {
    if !io::stdin().is_terminal() {
        return from_stdin(name, rules);
    }
    let typed = rpassword::prompt_password(question);
    let typed =
        typed.map_err(|error| Failure::failed("the value could not be read from the terminal").because(&error))?;
    let value = SecretValue::new(typed).map_err(|error| Failure::usage(format!("{name}: {error}")))?;
    if value.is_empty() && !rules.allow_empty {
        return Err(Failure::usage(format!("no value was typed for {name}")).hint("an empty value needs --allow-empty"));
    }
    Ok(value)
}

/// The value of `name` from stdin.
pub(crate) fn from_stdin(name: &str, rules: StdinRules) -> Result<SecretValue, Failure> {
    let unread = |error: &io::Error| Failure::failed("stdin could not be read").because(error);
    let bytes = stdin().and_then(|stdin| read_limited(stdin, MAX_VALUE_BYTES + 2));
    let mut bytes = bytes.map_err(|error| unread(&error))?;
    if !rules.raw {
        strip_newline(&mut bytes);
    }
    if bytes.is_empty() && !rules.allow_empty {
        return Err(Failure::usage(format!("stdin is empty: {name} would get an empty value"))
            .hint("pipe the value in, or say --allow-empty if it is meant to be empty"));
    }
    SecretValue::from_bytes(std::mem::take(&mut *bytes)).map_err(|error| Failure::usage(stdin_problem(name, error)))
}

fn stdin_problem(name: &str, error: ValueError) -> String {
    match error {
        ValueError::TooLong { .. } => format!("{name}: the value on stdin is longer than {MAX_VALUE_BYTES} bytes"),
        ValueError::Nul | ValueError::NotUtf8 => format!("{name}: {error}"),
    }
}

fn strip_newline(bytes: &mut Vec<u8>) {
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
        if bytes.last() == Some(&b'\r') {
            bytes.pop();
        }
    }
}

/// A value from a file, byte for byte. The path is not repeated in errors: a value that begins with `@` looks like one.
pub(crate) fn from_file(path: &Path) -> Result<SecretValue, String> {
    let file = File::open(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => "there is no file of the name behind the @".to_owned(),
        io::ErrorKind::PermissionDenied => "the file behind the @ may not be read".to_owned(),
        _ => "the file behind the @ cannot be opened".to_owned(),
    })?;
    if file.metadata().is_ok_and(|metadata| metadata.is_dir()) {
        return Err("the name behind the @ is a directory".to_owned());
    }
    let mut bytes =
        read_limited(file, MAX_VALUE_BYTES).map_err(|_| "the file behind the @ cannot be read".to_owned())?;
    if bytes.len() > MAX_VALUE_BYTES {
        return Err(format!("the file behind the @ is longer than {MAX_VALUE_BYTES} bytes"));
    }
    SecretValue::from_bytes(std::mem::take(&mut *bytes)).map_err(|error| format!("the file behind the @: {error}"))
}

/// 32 random bytes as 43 characters of base64url.
pub(crate) fn generate() -> SecretValue {
    let mut bytes = Zeroizing::new([0_u8; 32]);
    SystemRandom.fill(bytes.as_mut_slice());
    let text = URL_SAFE_NO_PAD.encode(bytes.as_slice());
    SecretValue::new(text).expect("43 characters of base64url are a value")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_trailing_newline_is_stripped() {
        for (given, kept) in [("a\n", "a"), ("a\r\n", "a"), ("a\n\n", "a\n"), ("\n", ""), ("a", "a"), ("a\r", "a\r")] {
            let mut bytes = given.as_bytes().to_vec();
            strip_newline(&mut bytes);
            assert_eq!(bytes, kept.as_bytes());
        }
    }

    #[test]
    fn generated_values_differ_and_are_43_characters() {
        let (first, second) = (generate(), generate());
        assert_eq!(first.len(), 43);
        assert!(first.expose() != second.expose());
    }
}
