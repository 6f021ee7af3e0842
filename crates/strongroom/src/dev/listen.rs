//! Where functions and jobs answer.

use tokio::net::TcpListener;

use crate::errors::Failure;

/// The documented port.
const PORT: u16 = 7878;
/// Ports that are tried after it.
const FURTHER: u16 = 9;

/// Listens where it was told to, else at the documented port, else at the next free one.
pub(super) async fn bind(told: Option<&str>) -> Result<TcpListener, Failure> {
    if let Some(address) = told {
        let failed = |error: std::io::Error| {
            let hint = match error.kind() {
                std::io::ErrorKind::InvalidInput => "--listen takes an address and a port: 127.0.0.1:0",
                _ => "give it another port, or any free one: --listen 127.0.0.1:0",
            };
            Failure::failed(format!("--listen {address} cannot be listened on")).because(&error).hint(hint)
        };
        return TcpListener::bind(address).await.map_err(failed);
    }
    for port in PORT..=PORT + FURTHER {
        if let Ok(listener) = TcpListener::bind(("127.0.0.1", port)).await {
            return Ok(listener);
        }
    }
    let any = TcpListener::bind(("127.0.0.1", 0)).await;
    any.map_err(|error| Failure::failed("no port of this machine can be listened on").because(&error))
}
