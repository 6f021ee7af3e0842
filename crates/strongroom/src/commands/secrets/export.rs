//! `strongroom secrets export`: the values of one scope, on stdout.

use clap::{Args, ValueEnum};
use strongroom_envfile::export;

use super::resolve::why;
use crate::context::Context;
use crate::errors::{Exit, Failure};
use crate::output;
use crate::scope::ScopeArgs;

#[derive(Args)]
pub(crate) struct ExportArgs {
    #[command(flatten)]
    scope: ScopeArgs,
    /// How the values are written
    #[arg(long, value_enum, value_name = "FORMAT", default_value = "dotenv")]
    format: FileFormat,
    /// The name of the Kubernetes Secret
    #[arg(long, value_name = "NAME", default_value = "strongroom")]
    kubernetes_name: String,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum FileFormat {
    Dotenv,
    Json,
    Yaml,
    Shell,
    Docker,
    Kubernetes,
}

pub(crate) fn run(context: &Context, args: &ExportArgs) -> Result<Exit, Failure> {
    let target = args.scope.target()?;
    let session = context.connect()?;
    let exported = session.wait(session.project().export_secrets(target.selector()))?;
    let entries: Vec<_> = exported.secrets.0.iter().map(|(name, value)| (name.as_str(), value)).collect();
    let format = match args.format {
        FileFormat::Dotenv => export::Format::Dotenv,
        FileFormat::Json => export::Format::Json,
        FileFormat::Yaml => export::Format::Yaml,
        FileFormat::Shell => export::Format::Shell,
        FileFormat::Docker => export::Format::Docker,
        FileFormat::Kubernetes => export::Format::Kubernetes { name: args.kubernetes_name.clone() },
    };
    let text =
        export::write(&format, &entries).map_err(|error| Failure::failed("nothing was exported").because(&error))?;
    output::bytes(text.as_bytes())?;
    for missing in &exported.missing {
        context.output.talk(&format!("left out: {}: {}", missing.name, why(missing)));
    }
    Ok(Exit::DONE)
}
