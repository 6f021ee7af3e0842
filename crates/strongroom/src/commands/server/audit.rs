//! What the server does with its audit trail besides keeping it.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use strongroom_app::audit::anchors::{AnchorConfig, AnchorTarget};
use strongroom_model::Lifetime;

use crate::context::Context;
use crate::errors::Failure;

/// Where syslog listens on most systems.
const SYSLOG: &str = "/dev/log";
/// Shorter than a day would erase what nobody has looked at.
const SHORTEST_KEPT: Duration = Duration::from_hours(24);

#[derive(Args)]
pub(super) struct AuditArgs {
    /// Where the head of the audit trail is written besides: `file:PATH`, `syslog`, `syslog:SOCKET`; may be given more than
    /// once; else `STRONGROOM_AUDIT_ANCHOR`, separated by commas
    #[arg(long = "audit-anchor", value_name = "TARGET")]
    anchors: Vec<String>,
    /// How often, if it has moved; else `STRONGROOM_AUDIT_ANCHOR_EVERY` [default: 5m]
    #[arg(long = "audit-anchor-every", value_name = "TIME")]
    every: Option<String>,
    /// How long audit records are kept, at least 1d; else `STRONGROOM_AUDIT_RETENTION` [default: all are kept]
    #[arg(long = "audit-retention", value_name = "TIME")]
    retention: Option<String>,
}

/// What was chosen.
#[derive(Debug, Clone, Default)]
pub(crate) struct AuditChoices {
    pub(crate) anchors: AnchorConfig,
    /// None keeps all.
    pub(crate) kept: Option<Duration>,
}

impl AuditArgs {
    pub(super) fn choices(&self, context: &Context) -> Result<AuditChoices, Failure> {
        let variable = |name: &str| context.environment.text(name).map(str::to_owned);
        let named = if self.anchors.is_empty() {
            let list = variable("STRONGROOM_AUDIT_ANCHOR").unwrap_or_default();
            list.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
        } else {
            self.anchors.clone()
        };
        let targets = named.iter().map(|text| target(context, text)).collect::<Result<Vec<_>, _>>()?;
        let every = self.every.clone().or_else(|| variable("STRONGROOM_AUDIT_ANCHOR_EVERY"));
        let every = time("--audit-anchor-every", every.as_deref().unwrap_or("5m"), Duration::from_secs(1))?;
        let kept = self.retention.clone().or_else(|| variable("STRONGROOM_AUDIT_RETENTION"));
        let kept = kept.map(|text| time("--audit-retention", &text, SHORTEST_KEPT)).transpose()?;
        Ok(AuditChoices { anchors: AnchorConfig { targets, every }, kept })
    }
}

fn target(context: &Context, text: &str) -> Result<AnchorTarget, Failure> {
    let path = |path: &str| context.working_dir.join(path);
    match text.split_once(':') {
        Some(("file", file)) if !file.is_empty() => Ok(AnchorTarget::File(path(file))),
        Some(("syslog", socket)) if !socket.is_empty() => Ok(AnchorTarget::Syslog(path(socket))),
        None if text == "syslog" => Ok(AnchorTarget::Syslog(PathBuf::from(SYSLOG))),
        _ => Err(Failure::usage("--audit-anchor takes file:PATH, syslog or syslog:SOCKET")),
    }
}

fn time(option: &str, text: &str, least: Duration) -> Result<Duration, Failure> {
    let parsed = text.parse::<Lifetime>().ok().and_then(|time| Duration::try_from(time.duration()).ok());
    parsed.filter(|time| *time >= least).ok_or_else(|| {
        let least = if least >= SHORTEST_KEPT { "1d" } else { "1s" };
        Failure::usage(format!("{option} takes a length of time of at least {least}, such as 5m or 400d"))
    })
}
