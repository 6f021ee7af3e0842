//! What a command gives to others: to a token, or to workloads that sign in.

use clap::Args;
use strongroom_model::Capability;

use crate::errors::Failure;

/// What `run` and `list` need, and no writing.
const USUAL: [Capability; 2] = [Capability::SecretsList, Capability::ValuesRead];

#[derive(Args)]
pub(crate) struct GrantArgs {
    /// What it allows; `secrets:list` and `values:read` unless given; may be given several times
    #[arg(long, value_name = "CAPABILITY", value_delimiter = ',')]
    capability: Vec<String>,
    /// Limits it to a namespace; may be given several times
    #[arg(long, value_name = "NAME")]
    pub(crate) namespace: Vec<String>,
    /// Limits it to an app
    #[arg(long, value_name = "ID")]
    pub(crate) app: Option<String>,
    /// Limits it to a secret; may be given several times
    #[arg(long = "secret", value_name = "NAME")]
    pub(crate) secrets: Vec<String>,
    /// Accepts it only from these addresses: 192.0.2.7, 10.0.0.0/8; may be given several times
    #[arg(long, value_name = "CIDR", value_delimiter = ',')]
    pub(crate) from: Vec<String>,
}

impl GrantArgs {
    /// The words after `--capability`, none where nobody asked for any. A word that is no capability is refused.
    pub(crate) fn asked(&self) -> Result<&[String], Failure> {
        if self.capability.iter().all(|word| Capability::from_word(word).is_some()) {
            return Ok(&self.capability);
        }
        let known: Vec<_> = Capability::ALL.iter().map(|capability| capability.as_str()).collect();
        Err(Failure::usage(format!("--capability takes one of: {}", known.join(", "))))
    }
}

/// What is given where nobody asked for anything.
pub(crate) fn usual() -> Vec<String> {
    words(&USUAL)
}

pub(crate) fn words(capabilities: &[Capability]) -> Vec<String> {
    capabilities.iter().map(|capability| capability.as_str().to_owned()).collect()
}
