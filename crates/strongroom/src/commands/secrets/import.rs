//! `strongroom secrets import`: values from a file in one of many formats.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use strongroom_envfile::import::{self, ImportWarning};

use super::envfile;
use super::write::{Batch, Terms};
use crate::context::Context;
use crate::errors::{Exit, Failure};
use crate::scope::ScopeArgs;

#[derive(Args)]
pub(crate) struct ImportArgs {
    /// The file; `-` is stdin
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// How the file is written; told by its name and content if absent
    #[arg(long, value_enum, value_name = "FORMAT")]
    format: Option<FileFormat>,
    #[command(flatten)]
    scope: ScopeArgs,
    /// Grants a name that steers a runtime or is published by front-end tools
    #[arg(long, value_name = "NAME")]
    allow_name: Vec<String>,
    #[command(flatten)]
    mode: ModeArgs,
}

#[derive(Args)]
struct ModeArgs {
    /// Makes every warning about the file an error
    #[arg(long)]
    strict: bool,
    /// Shows the names to add, change and leave, and writes nothing
    #[arg(long)]
    dry_run: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum FileFormat {
    Dotenv,
    Json,
    Yaml,
    Vault,
    Infisical,
    Doppler,
}

impl FileFormat {
    fn format(self) -> import::Format {
        match self {
            Self::Dotenv => import::Format::Dotenv,
            Self::Json => import::Format::Json,
            Self::Yaml => import::Format::Yaml,
            Self::Vault => import::Format::Vault,
            Self::Infisical => import::Format::Infisical,
            Self::Doppler => import::Format::Doppler,
        }
    }
}

pub(crate) fn run(context: &Context, args: &ImportArgs) -> Result<Exit, Failure> {
    let target = args.scope.target()?;
    let shown = args.file.display().to_string();
    let bytes = envfile::read(context, &args.file)?;
    let format = args.format.map_or_else(|| import::detect(&shown, &bytes), FileFormat::format);
    let imported = import::read(format, &bytes).map_err(|error| Failure::usage(format!("{shown}: {error}")))?;
    let mut batch = Batch::allowing(&args.allow_name);
    for warning in &imported.warnings {
        match warning {
            ImportWarning::Line(line) if args.mode.strict => batch.problem(&format!("line {}", line.line), &line.kind),
            ImportWarning::Line(_) | ImportWarning::DopplerName(_) => {
                context.output.talk(&format!("warning: {shown}: {warning}"));
            }
        }
    }
    for (index, entry) in imported.entries.into_iter().enumerate() {
        let place = entry.line.map_or_else(|| format!("entry {}", index + 1), |line| format!("line {line}"));
        envfile::entry(context, &mut batch, args.mode.strict, &place, &entry.name, entry.value);
    }
    if batch.is_empty() {
        return Err(Failure::usage("there is nothing to set: every name in the file was skipped"));
    }
    batch.write(context, &target, Terms { dry_run: args.mode.dry_run, ..Terms::default() })
}
