//! What the server does with its audit trail besides keeping it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use strongroom_app::audit::anchors::{AnchorConfig, AnchorTarget, Webhook};
use strongroom_fetch::Target;
use strongroom_model::Lifetime;
use strongroom_seal::NoticeKey;
use zeroize::Zeroizing;

use crate::context::Context;
use crate::errors::Failure;
use crate::opening::reach;

/// Where syslog listens on most systems.
const SYSLOG: &str = "/dev/log";
/// Shorter than a day would erase what nobody has looked at.
const SHORTEST_KEPT: Duration = Duration::from_hours(24);

#[derive(Args)]
pub(super) struct AuditArgs {
    /// Where the head of the audit trail is written besides: `file:PATH`, `syslog`, `syslog:SOCKET`, `webhook:https://…`; may
    /// be given more than once; else `STRONGROOM_AUDIT_ANCHOR`, separated by commas
    #[arg(long = "audit-anchor", value_name = "TARGET")]
    anchors: Vec<String>,
    /// A file with the key that webhooks are signed with, at least 32 bytes, which the receiver has too; else
    /// `STRONGROOM_AUDIT_ANCHOR_KEY_FILE`
    #[arg(long = "audit-anchor-key", value_name = "FILE")]
    key: Option<PathBuf>,
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
        let key = self.key.clone().or_else(|| context.environment.path("STRONGROOM_AUDIT_ANCHOR_KEY_FILE"));
        let targets = named.iter().map(|text| target(context, text, key.as_deref())).collect::<Result<Vec<_>, _>>()?;
        let every = self.every.clone().or_else(|| variable("STRONGROOM_AUDIT_ANCHOR_EVERY"));
        let every = time("--audit-anchor-every", every.as_deref().unwrap_or("5m"), Duration::from_secs(1))?;
        let kept = self.retention.clone().or_else(|| variable("STRONGROOM_AUDIT_RETENTION"));
        let kept = kept.map(|text| time("--audit-retention", &text, SHORTEST_KEPT)).transpose()?;
        Ok(AuditChoices { anchors: AnchorConfig { targets, every }, kept })
    }
}

fn target(context: &Context, text: &str, key: Option<&Path>) -> Result<AnchorTarget, Failure> {
    let path = |path: &str| context.working_dir.join(path);
    match text.split_once(':') {
        Some(("file", file)) if !file.is_empty() => Ok(AnchorTarget::File(path(file))),
        Some(("syslog", socket)) if !socket.is_empty() => Ok(AnchorTarget::Syslog(path(socket))),
        Some(("webhook", url)) => Ok(AnchorTarget::Webhook(Arc::new(webhook(context, url, key)?))),
        None if text == "syslog" => Ok(AnchorTarget::Syslog(PathBuf::from(SYSLOG))),
        _ => Err(Failure::usage("--audit-anchor takes file:PATH, syslog, syslog:SOCKET or webhook:https://…")),
    }
}

fn webhook(context: &Context, url: &str, key: Option<&Path>) -> Result<Webhook, Failure> {
    let target = Target::parse(url, reach(context)?)
        .map_err(|error| Failure::usage(format!("--audit-anchor webhook: {error}")))?;
    let make = "openssl rand -hex 32 > anchor.key && chmod 600 anchor.key";
    let missing =
        || Failure::usage("a webhook needs --audit-anchor-key FILE, with the key that it is signed with").hint(make);
    let path = context.working_dir.join(key.ok_or_else(missing)?);
    let bytes = std::fs::read(&path)
        .map(Zeroizing::new)
        .map_err(|error| Failure::failed(format!("the key {} cannot be read", path.display())).because(&error))?;
    let key = NoticeKey::new(bytes.trim_ascii())
        .map_err(|error| Failure::usage(format!("--audit-anchor-key {}: {error}", path.display())).hint(make))?;
    Ok(Webhook::new(target, key))
}

fn time(option: &str, text: &str, least: Duration) -> Result<Duration, Failure> {
    let parsed = text.parse::<Lifetime>().ok().and_then(|time| Duration::try_from(time.duration()).ok());
    parsed.filter(|time| *time >= least).ok_or_else(|| {
        let least = if least >= SHORTEST_KEPT { "1d" } else { "1s" };
        Failure::usage(format!("{option} takes a length of time of at least {least}, such as 5m or 400d"))
    })
}
