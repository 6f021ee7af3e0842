//! Anchors at the end of a file.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use rustix::fs::{Mode, OFlags};
use strongroom_api::trail::AuditAnchor;

/// So much of the end of a file is read to find its last anchors.
const TAIL_BYTES: u64 = 512 * 1024;

/// Appends lines and brings them to the disk. A link in the file's place is not followed; what is there is never changed.
pub(super) fn append(path: &Path, lines: &[String]) -> io::Result<()> {
    // without waiting, or a pipe in its place would hold this up
    let flags = OFlags::RDWR | OFlags::APPEND | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let mut file = File::from(rustix::fs::open(path, flags, Mode::from_raw_mode(0o600))?);
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is not a file"));
    }
    let mut text = if ends_within_a_line(&mut file)? { "\n".to_owned() } else { String::new() };
    for line in lines {
        text.push_str(line);
        text.push('\n');
    }
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// Whether an earlier line was cut off.
fn ends_within_a_line(file: &mut File) -> io::Result<bool> {
    if file.metadata()?.len() == 0 {
        return Ok(false);
    }
    file.seek(SeekFrom::End(-1))?;
    let mut last = [0_u8; 1];
    file.read_exact(&mut last)?;
    Ok(last != *b"\n")
}

/// The last anchors of a file, oldest first; none if there is no file. Lines that are none are passed over.
pub(super) fn last(path: &Path, most: usize) -> io::Result<Vec<AuditAnchor>> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL_BYTES)))?;
    let mut tail = Vec::new();
    file.take(TAIL_BYTES).read_to_end(&mut tail)?;
    let lines = tail.split(|byte| *byte == b'\n').rev().filter_map(|line| serde_json::from_slice(line).ok());
    let mut anchors: Vec<AuditAnchor> = lines.take(most).collect();
    anchors.reverse();
    Ok(anchors)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn anchor(seq: u64) -> AuditAnchor {
        AuditAnchor { instance: None, node: "local".to_owned(), seq, link: "00".repeat(32), at: None }
    }

    #[test]
    fn lines_are_appended_behind_whatever_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("anchors");
        append(&path, &[super::super::line(&anchor(1))]).unwrap();
        std::fs::OpenOptions::new().append(true).open(&path).unwrap().write_all(b"{\"cut").unwrap();
        append(&path, &[super::super::line(&anchor(2)), super::super::line(&anchor(3))]).unwrap();
        let kept: Vec<_> = last(&path, 10).unwrap().iter().map(|anchor| anchor.seq).collect();
        assert_eq!(kept, [1, 2, 3]);
        assert_eq!(last(&path, 1).unwrap().first().map(|anchor| anchor.seq), Some(3));
        assert!(last(&folder.path().join("none"), 1).unwrap().is_empty());
    }

    #[test]
    fn neither_links_nor_pipes_are_written_to() {
        let folder = tempfile::tempdir().unwrap();
        let (victim, link) = (folder.path().join("victim"), folder.path().join("anchors"));
        std::fs::write(&victim, "untouched").unwrap();
        std::os::unix::fs::symlink(&victim, &link).unwrap();
        append(&link, &["line".to_owned()]).unwrap_err();
        assert_eq!(std::fs::read_to_string(&victim).unwrap(), "untouched");
        append(folder.path(), &["line".to_owned()]).unwrap_err();
    }
}
