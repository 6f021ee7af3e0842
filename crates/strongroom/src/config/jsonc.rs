//! JSON with comments: comments and trailing commas become blanks, so that lines and columns stay.

/// The same text as plain JSON, byte for byte as long.
pub(crate) fn to_json(text: &str) -> String {
    let mut bytes = text.as_bytes().to_vec();
    let mut at = 0;
    let mut comma = None;
    while let Some(byte) = bytes.get(at).copied() {
        let next = bytes.get(at + 1).copied();
        let end = match (byte, next) {
            (b'"', _) => string_end(&bytes, at),
            (b'/', Some(b'/')) => blank(&mut bytes, at, |rest| rest.iter().position(|byte| *byte == b'\n')),
            (b'/', Some(b'*')) => {
                blank(&mut bytes, at, |rest| rest.windows(2).position(|pair| pair == b"*/").map(|found| found + 2))
            }
            _ => at + 1,
        };
        let is_comment = byte == b'/' && end > at + 1;
        if matches!(byte, b'}' | b']')
            && let Some(place) = comma.and_then(|place: usize| bytes.get_mut(place))
        {
            *place = b' ';
        }
        if byte == b',' {
            comma = Some(at);
        } else if !byte.is_ascii_whitespace() && !is_comment {
            comma = None;
        }
        at = end;
    }
    String::from_utf8(bytes).expect("only whole comments and ASCII commas were replaced")
}

fn string_end(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

fn blank(bytes: &mut [u8], start: usize, end: impl Fn(&[u8]) -> Option<usize>) -> usize {
    let rest = bytes.get(start..).unwrap_or_default();
    let end = start + end(rest).unwrap_or(rest.len());
    for byte in bytes.get_mut(start..end).unwrap_or_default() {
        if *byte != b'\n' {
            *byte = b' ';
        }
    }
    end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_trailing_commas_go_and_places_stay() {
        let text = "{ // first\n \"a\": \"x // no, /* no */ \\\" ,]\", /* ä\n */ \"b\": [1, 2, ], }\n";
        let json = to_json(text);
        assert_eq!(json.len(), text.len());
        assert_eq!(json.lines().count(), text.lines().count());
        let value: serde_json::Value = serde_json::from_str(&json).expect("plain JSON");
        assert_eq!(value, serde_json::json!({ "a": "x // no, /* no */ \" ,]", "b": [1, 2] }));
    }

    #[test]
    fn broken_text_stays_broken() {
        for text in ["{ \"a", "/*", "{ , }x", "\"\\"] {
            assert!(serde_json::from_str::<serde_json::Value>(&to_json(text)).is_err(), "{text}");
        }
    }
}
