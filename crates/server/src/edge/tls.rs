//! TLS with a certificate and a key from two files, taken up anew when they change.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;
use zeroize::Zeroizing;

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(2);

/// Why a pair of files cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("{path} cannot be read")]
    Read {
        /// The file.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// The certificate file holds none.
    #[error("{0} holds no certificate in PEM form")]
    NoCertificate(String),
    /// The key file holds none that can be used.
    #[error("{0} holds no private key in PEM form (PKCS #8, PKCS #1 or SEC 1, without a passphrase)")]
    NoKey(String),
    /// The two do not belong together, or one of them is of no use.
    #[error("the certificate in {certificate} and the key in {key} cannot be used together")]
    Pair {
        /// The certificate's file.
        certificate: String,
        /// The key's file.
        key: String,
        /// Why.
        source: rustls::Error,
    },
}

/// A certificate and its key. A pair that cannot be used never replaces one that can.
pub struct Tls {
    certificate: PathBuf,
    key: PathBuf,
    config: RwLock<Arc<ServerConfig>>,
}

/// What tells whether a file is another than before, without reading it.
type Stamp = Option<(std::time::SystemTime, u64, u64)>;

impl Tls {
    /// Reads both files: a chain of certificates, the server's own first, and its private key.
    pub fn load(certificate: &Path, key: &Path) -> Result<Arc<Self>, TlsError> {
        let config = RwLock::new(read(certificate, key)?);
        Ok(Arc::new(Self { certificate: certificate.to_owned(), key: key.to_owned(), config }))
    }

    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.config.read().unwrap_or_else(PoisonError::into_inner)))
    }

    /// Reads both files again. New connections get the new certificate; if the files cannot be used, they go on with the
    /// old one.
    pub fn reload(&self) -> Result<(), TlsError> {
        let config = read(&self.certificate, &self.key)?;
        *self.config.write().unwrap_or_else(PoisonError::into_inner) = config;
        Ok(())
    }

    /// Reads the files again and says in the log what came of it.
    pub fn reload_and_tell(&self) {
        let certificate = self.certificate.display();
        match self.reload() {
            Ok(()) => tracing::info!(%certificate, "the TLS certificate was read again"),
            Err(error) => tracing::error!(
                %error, cause = std::error::Error::source(&error).map(ToString::to_string), %certificate,
                "the TLS certificate could not be read again: the old one stays in use; mend the files, they are looked at again when they change"
            ),
        }
    }

    /// Takes up new files when they change. Does not return.
    pub async fn follow(self: Arc<Self>) {
        let mut seen = self.stamps();
        loop {
            tokio::time::sleep(LOOK).await;
            let now = self.stamps();
            if now != seen {
                seen = now;
                self.reload_and_tell();
            }
        }
    }

    fn stamps(&self) -> (Stamp, Stamp) {
        (stamp(&self.certificate), stamp(&self.key))
    }
}

/// Follows links, as tools that renew certificates swap those.
fn stamp(path: &Path) -> Stamp {
    use std::os::unix::fs::MetadataExt as _;
    let found = std::fs::metadata(path).ok()?;
    Some((found.modified().ok()?, found.len(), found.ino()))
}

fn read(certificate: &Path, key: &Path) -> Result<Arc<ServerConfig>, TlsError> {
    let bytes = |path: &Path| {
        let bytes = std::fs::read(path).map(Zeroizing::new);
        bytes.map_err(|source| TlsError::Read { path: path.display().to_string(), source })
    };
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes(certificate)?).collect();
    let chain = chain.ok().filter(|chain| !chain.is_empty());
    let chain = chain.ok_or_else(|| TlsError::NoCertificate(certificate.display().to_string()))?;
    let private = PrivateKeyDer::from_pem_slice(&bytes(key)?);
    let private = private.map_err(|_| TlsError::NoKey(key.display().to_string()))?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.and_then(|config| config.with_no_client_auth().with_single_cert(chain, private));
    let mut config = config.map_err(|source| TlsError::Pair {
        certificate: certificate.display().to_string(),
        key: key.display().to_string(),
        source,
    })?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
