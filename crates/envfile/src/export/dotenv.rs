//! Dotenv lines that read back byte for byte, whatever stands before and after them in the file.

use super::Reason;
use super::buffer::Buffer;

/// One spelling of a value.
#[derive(Clone, Copy)]
enum Form {
    /// As it is.
    Bare,
    /// Between quotes of this kind, as it is.
    Quoted(char),
    /// In double quotes, with CR spelt `\r`: a bare CR would be read as LF.
    Escaped,
}

/// Plain values stay bare; others take the first quote kind that carries them, single quotes first, because no reader
/// of dotenv text looks for escapes or variables in them.
pub(super) fn line(out: &mut Buffer, name: &str, value: &str) -> Result<(), Reason> {
    let form = form(value).ok_or(Reason::NoQuoteForm)?;
    out.push(name);
    out.push("=");
    match form {
        Form::Bare => out.push(value),
        Form::Quoted(quote) => {
            out.push_char(quote);
            out.push(value);
            out.push_char(quote);
        }
        Form::Escaped => {
            out.push("\"");
            for (index, piece) in value.split('\r').enumerate() {
                if index > 0 {
                    out.push("\\r");
                }
                out.push(piece);
            }
            out.push("\"");
        }
    }
    out.push("\n");
    Ok(())
}

fn form(value: &str) -> Option<Form> {
    if value.chars().all(|c| c.is_ascii_alphanumeric() || "_-./:@+,=%".contains(c)) {
        return Some(Form::Bare);
    }
    let has_cr = value.contains('\r');
    // A backslash at the end would stand before the closing quote and make the reader look for a later one.
    let in_quotes = |quote| !value.contains(quote) && !value.ends_with('\\');
    let escapable = in_quotes('"') && !value.contains("\\n") && !value.contains("\\r");
    if !has_cr && in_quotes('\'') {
        Some(Form::Quoted('\''))
    } else if escapable {
        Some(Form::Escaped)
    } else if !has_cr && in_quotes('`') {
        Some(Form::Quoted('`'))
    } else {
        can_be_bare(value).then_some(Form::Bare)
    }
}

/// The reader takes an unquoted value up to a `#` or the end of the line and trims it; a quote at its beginning is one.
fn can_be_bare(value: &str) -> bool {
    let bad_inside = |c: char| matches!(c, '#' | '\n' | '\r' | '\u{2028}' | '\u{2029}');
    let bad_outside = |c: char| c.is_whitespace() || c == '\u{feff}';
    !value.contains(bad_inside)
        && !value.starts_with(['\'', '"', '`'])
        && !value.starts_with(bad_outside)
        && !value.ends_with(bad_outside)
}
