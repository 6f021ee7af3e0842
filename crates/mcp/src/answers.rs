//! What an agent is told. No field is a value or a part of one; whoever fills these in cannot tell more.

use serde::Serialize;

/// The answer to a question.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Answer {
    /// To `list_secrets`.
    Secrets(Secrets),
    /// To `describe_secret`.
    Described(Described),
    /// To `secret_history`.
    History(History),
    /// To `used_by`.
    UsedBy(UsedBy),
    /// To `declare_secrets`.
    Declared(Declared),
    /// To `request_values`.
    Requested(Requested),
    /// To `search_logs`.
    Lines(Lines),
    /// To `check`.
    Checked(Checked),
}

/// Secrets without their values.
#[derive(Debug, Serialize)]
pub struct Secrets {
    /// The secrets, by name.
    pub secrets: Vec<Secret>,
    /// How many there are, also those that were left out.
    pub total: usize,
}

/// A secret without its value.
#[derive(Debug, Serialize)]
pub struct Secret {
    /// Its name.
    pub name: String,
    /// `global`, `namespace`, `app` or `system`.
    pub scope: String,
    /// Its namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Its app.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app: Option<String>,
    /// `set`, `no_value`, `expiring_soon` or `expired`.
    pub state: String,
    /// Its current version; absent while it has no value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
    /// What people say about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// When it runs out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
    /// When it last changed.
    pub updated_at: String,
    /// Who changed it last.
    pub updated_by: String,
}

/// One secret, and who uses it.
#[derive(Debug, Serialize)]
pub struct Described {
    /// The secret.
    #[serde(flatten)]
    pub secret: Secret,
    /// Workloads that use it.
    pub used_by: Vec<Reader>,
}

/// Who uses a secret.
#[derive(Debug, Serialize)]
pub struct UsedBy {
    /// Workloads that use it.
    pub used_by: Vec<Reader>,
}

/// A workload that uses a secret.
#[derive(Debug, Serialize)]
pub struct Reader {
    /// `function`, `job` or `app`.
    pub kind: String,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// How that is known: `list`, `code`, `env` or `helper`; `resolve` for an app that was given it.
    pub via: String,
    /// When it last read the secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_read_at: Option<String>,
}

/// A secret's versions, newest first.
#[derive(Debug, Serialize)]
pub struct History {
    /// The versions.
    pub versions: Vec<Version>,
}

/// One version.
#[derive(Debug, Serialize)]
pub struct Version {
    /// Its number.
    pub version: u64,
    /// `set` or `rollback`.
    pub kind: String,
    /// The version that a rollback brought back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from_version: Option<u64>,
    /// When.
    pub created_at: String,
    /// Who.
    pub created_by: String,
    /// Whether it is the one that is read now.
    pub current: bool,
}

/// What was registered.
#[derive(Debug, Serialize)]
pub struct Declared {
    /// One a name: `declared`, or `unchanged` where it was there.
    pub results: Vec<Outcome>,
    /// What a person does next.
    pub next: NextStep,
}

/// What happened to one name.
#[derive(Debug, Serialize)]
pub struct Outcome {
    /// The name.
    pub name: String,
    /// What happened.
    pub status: String,
}

/// What a person is asked for.
#[derive(Debug, Serialize)]
pub struct Requested {
    /// Names that have no value yet.
    pub waiting: Vec<String>,
    /// Names that were asked for and have a value.
    pub filled: Vec<String>,
    /// What a person does next.
    pub next: NextStep,
}

/// How a person fills values in. The values never pass through the agent.
#[derive(Debug, Serialize)]
pub struct NextStep {
    /// The address to send.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// The commands that do the same, for the person's own terminal: each asks for its value.
    pub commands: Vec<String>,
}

/// Lines of the log, oldest first, with values masked by the server.
#[derive(Debug, Serialize)]
pub struct Lines {
    /// The lines.
    pub lines: Vec<Line>,
}

/// One line.
#[derive(Debug, Serialize)]
pub struct Line {
    /// When.
    pub at: String,
    /// `debug`, `info`, `warn` or `error`.
    pub level: String,
    /// The namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// The function or job.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub function: Option<String>,
    /// The execution.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub execution: Option<String>,
    /// The text.
    pub message: String,
}

/// What the checklist found, the worst first.
#[derive(Debug, Serialize)]
pub struct Checked {
    /// Whether there is no problem.
    pub passes: bool,
    /// What has to be mended.
    pub problems: usize,
    /// What is worth a look.
    pub warnings: usize,
    /// Files that were read.
    pub files: usize,
    /// The findings.
    pub findings: Vec<Found>,
    /// How many there are, also those that were left out.
    pub total: usize,
}

/// One finding. It names a place, never what stands there.
#[derive(Debug, Serialize)]
pub struct Found {
    /// What kind it is; a word that stays.
    pub code: String,
    /// `problem`, `warning` or `note`.
    pub severity: String,
    /// Where, from the folder that was checked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The line, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// The secret's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What was found.
    pub message: String,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
}

/// Why there is no answer.
#[derive(Debug, Serialize)]
pub struct Refusal {
    /// A word that stays, such as `not_found`.
    pub code: String,
    /// What happened.
    pub message: String,
    /// Every problem, where there are several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<String>,
    /// What to do next.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}
