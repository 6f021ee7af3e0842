//! Anchors to the machine's own syslog, as messages of RFC 5424.

use std::io::{self, Write as _};
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::path::Path;
use std::time::Duration;

use rustix::io::Errno;

/// Facility "log audit" (13), severity "notice" (5): RFC 5424, section 6.2.1.
const PRIORITY: u8 = 13 * 8 + 5;
const PAUSE: Duration = Duration::from_secs(10);

/// Sends each line as a message of its own. Sockets of both kinds are in use on Linux.
pub(super) fn send(path: &Path, lines: &[String]) -> io::Result<()> {
    let datagrams = UnixDatagram::unbound()?;
    datagrams.set_write_timeout(Some(PAUSE))?;
    match datagrams.connect(path) {
        Ok(()) => {
            for line in lines {
                datagrams.send(message(line).as_bytes())?;
            }
            Ok(())
        }
        Err(error) if error.raw_os_error() == Some(Errno::PROTOTYPE.raw_os_error()) => {
            let mut stream = UnixStream::connect(path)?;
            stream.set_write_timeout(Some(PAUSE))?;
            for line in lines {
                // each message ends with a line end: RFC 6587, section 3.4.2
                stream.write_all(format!("{}\n", message(line)).as_bytes())?;
            }
            Ok(())
        }
        Err(error) => Err(error),
    }
}

/// `<PRI>1 TIMESTAMP HOSTNAME APP-NAME PROCID MSGID STRUCTURED-DATA MSG`: the time is the anchor's own, in the line.
fn message(line: &str) -> String {
    format!("<{PRIORITY}>1 - - strongroom - audit-anchor - {line}")
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::io::Read as _;
    use std::os::unix::net::UnixListener;

    use super::*;

    #[test]
    fn sockets_of_both_kinds_get_the_message() {
        let folder = tempfile::tempdir().unwrap();
        let wanted = "<109>1 - - strongroom - audit-anchor - {}";
        let path = folder.path().join("datagrams");
        let receiver = UnixDatagram::bind(&path).unwrap();
        send(&path, &["{}".to_owned()]).unwrap();
        let mut buffer = [0_u8; 200];
        let length = receiver.recv(&mut buffer).unwrap();
        assert_eq!(String::from_utf8_lossy(buffer.get(..length).unwrap()), wanted);

        let path = folder.path().join("stream");
        let receiver = UnixListener::bind(&path).unwrap();
        send(&path, &["{}".to_owned()]).unwrap();
        let mut text = String::new();
        receiver.accept().unwrap().0.read_to_string(&mut text).unwrap();
        assert_eq!(text, format!("{wanted}\n"));
        send(&folder.path().join("none"), &["{}".to_owned()]).unwrap_err();
    }
}
