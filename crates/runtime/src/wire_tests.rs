#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use strongroom_secret::SecretValue;

use super::*;

const NONCE: &str = "0123456789abcdef0123456789abcdef";

fn pieces(chunks: &[&[u8]]) -> Vec<Piece> {
    let mut reader = FrameReader::new(NONCE).unwrap();
    let mut pieces = Vec::new();
    for chunk in chunks {
        reader.feed(chunk, |piece| pieces.push(piece));
    }
    pieces
}

fn raw(pieces: &[Piece]) -> Vec<u8> {
    pieces.iter().flat_map(|piece| if let Piece::Raw(bytes) = piece { bytes.clone() } else { Vec::new() }).collect()
}

#[test]
fn a_frame_inside_a_line_leaves_the_line_whole() {
    let text = format!("hello {NONCE}{{\"t\":\"booted\"}}\nworld\n");
    let pieces = pieces(&[text.as_bytes()]);
    assert_eq!(raw(&pieces), b"hello world\n");
    assert!(pieces.contains(&Piece::Frame(Frame::Booted)));
}

#[test]
fn every_split_of_the_bytes_gives_the_same() {
    let text = format!("ab01{NONCE}{{\"t\":\"pong\",\"i\":7}}\n0123cd\n");
    for at in 0..text.len() {
        let (one, two) = text.as_bytes().split_at(at);
        let pieces = pieces(&[one, two]);
        assert_eq!(raw(&pieces), b"ab010123cd\n", "split at {at}");
        assert_eq!(pieces.iter().filter(|piece| matches!(piece, Piece::Frame(Frame::Pong { i: 7 }))).count(), 1);
    }
}

#[test]
fn what_is_no_json_is_garbage() {
    let text = format!("{NONCE}nonsense\nafter\n");
    let pieces = pieces(&[text.as_bytes()]);
    assert_eq!(pieces[0], Piece::Garbage);
    assert_eq!(raw(&pieces), b"after\n");
}

#[test]
fn a_push_holds_what_differs_and_is_exactly_sized() {
    let entry = |name: &str, text: &str| Entry {
        name: name.to_owned(),
        state: EntryState::Value(SecretValue::new(text.to_owned()).unwrap()),
        default: None,
        scope: "global".to_owned(),
        version: 3,
    };
    let entries = vec![entry("A", "line\n\"quoted\" \\ \u{1} ключ"), entry("B", "other")];
    let snapshot = Snapshot { epoch: 9, valid_until_unix_ms: None, entries, system: Vec::new() };
    let difference = Difference { set: vec!["A".to_owned()], unset: vec!["C".to_owned()], ..Difference::default() };
    let bytes = push(&difference, &snapshot, 4);
    assert_eq!(bytes.len(), bytes.capacity());
    let json: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(json["set"].as_array().unwrap().len(), 1);
    assert_eq!(json["set"][0]["v"], "line\n\"quoted\" \\ \u{1} ключ");
    assert_eq!(json["unset"][0], "C");
    assert_eq!(json["step"], 4);
}
