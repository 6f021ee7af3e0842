//! The edge of the server as options and variables say it: TLS, proxies, limits.

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use clap::Args;
use strongroom_model::AddressRange;
use strongroom_server::{ConnectionLimits, Edge, Limits, Rate, RateLimits, Tls, TrustedProxies};

use crate::environment::Environment;
use crate::errors::Failure;

#[derive(Args)]
pub(crate) struct EdgeArgs {
    /// Certificates in PEM form, the server's own first: both listeners speak HTTPS; read again when the file changes and
    /// on SIGHUP; else `STRONGROOM_TLS_CERT`
    #[arg(long, value_name = "FILE")]
    tls_cert: Option<PathBuf>,
    /// The certificate's private key in PEM form; else `STRONGROOM_TLS_KEY`
    #[arg(long, value_name = "FILE")]
    tls_key: Option<PathBuf>,
    /// A proxy, or a range of them, whose X-Forwarded-For and X-Forwarded-Proto are believed; may be repeated; else
    /// `STRONGROOM_TRUSTED_PROXY`, separated by commas
    #[arg(long, value_name = "ADDRESS|CIDR")]
    trusted_proxy: Vec<String>,
    /// Requests a second of one accepted credential, or off; else `STRONGROOM_TOKEN_RATE` [default: 1000, without limit on
    /// this machine]
    #[arg(long, value_name = "N|off")]
    token_rate: Option<String>,
    /// Requests a second of one address without an accepted credential, or off; else `STRONGROOM_ADDRESS_RATE` [default:
    /// 20, without limit on this machine]
    #[arg(long, value_name = "N|off")]
    address_rate: Option<String>,
    /// Calls of functions a second by one accepted credential, or by one address without one, or off; else
    /// `STRONGROOM_FUNCTION_RATE` [default: 500, without limit on this machine]
    #[arg(long, value_name = "N|off")]
    function_rate: Option<String>,
    /// Connections that are open at once; else `STRONGROOM_MAX_CONNECTIONS` [default: 10000, or what the limit of open
    /// files leaves]
    #[arg(long, value_name = "N")]
    max_connections: Option<String>,
}

/// See [`EdgeArgs`].
#[derive(Debug, Clone)]
pub(crate) struct EdgeSettings {
    tls: Option<(PathBuf, PathBuf)>,
    proxies: Vec<AddressRange>,
    limits: Limits,
}

impl EdgeArgs {
    pub(crate) fn settings(&self, environment: &Environment) -> Result<EdgeSettings, Failure> {
        let chosen =
            |option: &Option<String>, name: &str| option.clone().or_else(|| environment.text(name).map(str::to_owned));
        let path = |option: &Option<PathBuf>, name: &str| option.clone().or_else(|| environment.path(name));
        let certificate = path(&self.tls_cert, "STRONGROOM_TLS_CERT");
        let key = path(&self.tls_key, "STRONGROOM_TLS_KEY");
        let tls = match (certificate, key) {
            (Some(certificate), Some(key)) => Some((certificate, key)),
            (None, None) => None,
            (Some(_), None) => return Err(Failure::usage("--tls-cert needs --tls-key, the certificate's private key")),
            (None, Some(_)) => return Err(Failure::usage("--tls-key needs --tls-cert, the key's certificate")),
        };
        let proxies = if self.trusted_proxy.is_empty() {
            environment.text("STRONGROOM_TRUSTED_PROXY").map(str::to_owned).into_iter().collect()
        } else {
            self.trusted_proxy.clone()
        };
        let each = proxies.iter().flat_map(|text| text.split(',')).map(str::trim).filter(|text| !text.is_empty());
        let rate = |option: &Option<String>, flag: &str, name: &str| rate(chosen(option, name).as_deref(), flag);
        let most = number(chosen(&self.max_connections, "STRONGROOM_MAX_CONNECTIONS").as_deref())?;
        Ok(EdgeSettings {
            tls,
            proxies: each.map(proxy).collect::<Result<_, _>>()?,
            limits: Limits {
                connections: ConnectionLimits { in_all: most, ..ConnectionLimits::default() },
                rates: RateLimits {
                    per_caller: rate(&self.token_rate, "--token-rate", "STRONGROOM_TOKEN_RATE")?,
                    per_address: rate(&self.address_rate, "--address-rate", "STRONGROOM_ADDRESS_RATE")?,
                    per_function_caller: rate(&self.function_rate, "--function-rate", "STRONGROOM_FUNCTION_RATE")?,
                },
            },
        })
    }
}

impl EdgeSettings {
    /// `https` if the listeners speak TLS.
    pub(crate) fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "https" } else { "http" }
    }

    /// Reads the certificate.
    pub(crate) fn build(&self) -> Result<(Arc<Edge>, Option<Arc<Tls>>), Failure> {
        let tls = self.tls.as_ref().map(|(certificate, key)| {
            warn_of_readers(key);
            Tls::load(certificate, key).map_err(|error| {
                let failure = Failure::failed("the server cannot speak TLS").because(&error);
                failure.hint("--tls-cert takes a chain of certificates in PEM form, the server's own first; --tls-key its private key")
            })
        });
        let tls = tls.transpose()?;
        Ok((Edge::new(TrustedProxies::new(self.proxies.clone()), tls.clone(), self.limits), tls))
    }
}

fn warn_of_readers(key: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt as _;
    if std::fs::metadata(key).is_ok_and(|found| found.permissions().mode() & 0o007 != 0) {
        tracing::warn!(path = %key.display(), "everybody on this machine can read the TLS key; chmod o= would keep them out");
    }
}

fn proxy(text: &str) -> Result<AddressRange, Failure> {
    AddressRange::from_str(text).map_err(|error| Failure::usage(format!("--trusted-proxy {text}: {error}")))
}

fn rate(text: Option<&str>, flag: &str) -> Result<Rate, Failure> {
    match text {
        None => Ok(Rate::BuiltIn),
        Some("off") => Ok(Rate::Off),
        Some(text) => {
            let number = text.parse::<NonZeroU32>().ok().filter(|number| number.get() <= 1_000_000);
            let wrong = || Failure::usage(format!("{flag} is a number of requests a second from 1 to 1000000, or off"));
            number.map(Rate::PerSecond).ok_or_else(wrong)
        }
    }
}

/// As many connections as asked for; unless asked, no more than leave files for workers and the store.
fn number(text: Option<&str>) -> Result<usize, Failure> {
    let Some(text) = text else {
        let files = rustix::process::getrlimit(rustix::process::Resource::Nofile).maximum;
        let most = files.and_then(|files| usize::try_from(files / 4 * 3).ok()).unwrap_or(usize::MAX);
        return Ok(ConnectionLimits::default().in_all.min(most));
    };
    let number = text.parse().ok().filter(|number| (1..=1_000_000).contains(number));
    number.ok_or_else(|| Failure::usage("--max-connections is a number from 1 to 1000000"))
}
