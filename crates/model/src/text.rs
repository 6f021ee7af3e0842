//! Text that somebody else wrote, made harmless to show: descriptions, names of tokens, lines of logs.

use std::fmt::Write as _;
use std::ops::RangeInclusive;

/// `text` with every character spelled out as `\u{…}` that steers a terminal, reorders or hides what is beside it, or
/// cannot be seen: what a reader sees is all there is. Line feeds and tabs stay.
pub fn inert(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for letter in text.chars() {
        if is_unseen(letter) {
            write!(shown, "{}", letter.escape_unicode()).expect("writing to a String cannot fail");
        } else {
            shown.push(letter);
        }
    }
    shown
}

/// Controls but line feed and tab, and [`UNSEEN`].
fn is_unseen(letter: char) -> bool {
    !matches!(letter, '\n' | '\t') && (letter.is_control() || UNSEEN.iter().any(|range| range.contains(&letter)))
}

/// What has one of Unicode's properties `Default_Ignorable_Code_Point` and `Bidi_Control`, and the separators of lines;
/// without U+FE0E and U+FE0F, which only choose between the forms of an emoji.
const UNSEEN: [RangeInclusive<char>; 17] = [
    '\u{ad}'..='\u{ad}',
    '\u{34f}'..='\u{34f}',
    '\u{61c}'..='\u{61c}',
    '\u{115f}'..='\u{1160}',
    '\u{17b4}'..='\u{17b5}',
    '\u{180b}'..='\u{180f}',
    '\u{200b}'..='\u{200f}',
    '\u{2028}'..='\u{202e}',
    '\u{2060}'..='\u{206f}',
    '\u{3164}'..='\u{3164}',
    '\u{fe00}'..='\u{fe0d}',
    '\u{feff}'..='\u{feff}',
    '\u{ffa0}'..='\u{ffa0}',
    '\u{fff0}'..='\u{fffb}',
    '\u{1bca0}'..='\u{1bca3}',
    '\u{1d173}'..='\u{1d17a}',
    '\u{e0000}'..='\u{e0fff}',
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_seen_is_spelled_out() {
        for (text, shown) in [
            ("Stripe key, café, 日本 ⚠️", "Stripe key, café, 日本 ⚠️"),
            ("a\u{1b}[2Jb\r\0", "a\\u{1b}[2Jb\\u{d}\\u{0}"),
            ("user\u{202e}gnp.exe\u{2066}", "user\\u{202e}gnp.exe\\u{2066}"),
            ("key\u{200b}\u{feff}\u{ad}", "key\\u{200b}\\u{feff}\\u{ad}"),
            ("\u{e0049}\u{e0067}", "\\u{e0049}\\u{e0067}"),
            ("two\n\tlines\u{2028}x", "two\n\tlines\\u{2028}x"),
        ] {
            assert_eq!(inert(text), shown);
        }
    }

    #[test]
    fn made_harmless_twice_is_the_same() {
        let once = inert("a\u{202e}b\u{7}c");
        assert_eq!(inert(&once), once);
    }
}
