//! TLS with the machine's own trusted roots.

use std::io;
use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Why there is no trusted connection.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The machine has no list of trusted certificate authorities.
    #[error("no trusted certificate authorities were found on this machine")]
    NoRoots,
    /// The handshake failed, most often over an unknown or wrong certificate.
    #[error("the TLS handshake failed")]
    Handshake(#[source] io::Error),
}

/// Makes sure that `host` is at the other end of `stream`.
pub async fn handshake(stream: TcpStream, host: &str) -> Result<TlsStream<TcpStream>, TlsError> {
    let failed = |error| TlsError::Handshake(io::Error::other(error));
    let name = ServerName::try_from(host.to_owned()).map_err(|error| TlsError::Handshake(io::Error::other(error)))?;
    let config = config(trusted_roots()?).map_err(failed)?;
    TlsConnector::from(Arc::new(config)).connect(name, stream).await.map_err(TlsError::Handshake)
}

fn trusted_roots() -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    let (accepted, _) = roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if accepted == 0 { Err(TlsError::NoRoots) } else { Ok(roots) }
}

fn config(roots: RootCertStore) -> Result<ClientConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}
