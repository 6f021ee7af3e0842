//! TLS with the machine's own trusted roots, loaded when the first https address is used.

use std::io;
use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::error::ClientError;

/// Makes sure that `host` is at the other end of `stream`.
pub(super) async fn handshake(
    stream: TcpStream,
    host: &str,
    address: &str,
) -> Result<TlsStream<TcpStream>, ClientError> {
    let failed = |source| ClientError::Tls { address: address.to_owned(), source };
    let name = ServerName::try_from(host.to_owned()).map_err(|error| failed(io::Error::other(error)))?;
    let config = config(trusted_roots()?).map_err(|error| failed(io::Error::other(error)))?;
    TlsConnector::from(Arc::new(config)).connect(name, stream).await.map_err(failed)
}

fn trusted_roots() -> Result<RootCertStore, ClientError> {
    let mut roots = RootCertStore::empty();
    let (accepted, _) = roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if accepted == 0 { Err(ClientError::NoRoots) } else { Ok(roots) }
}

fn config(roots: RootCertStore) -> Result<ClientConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}
