//! What an agent may ask: one type a tool, whose fields are the tool's input schema. Unknown fields are refused.

use schemars::JsonSchema;
use serde::Deserialize;

/// A question, as a tool was called.
#[derive(Debug)]
pub enum Question {
    /// `list_secrets`.
    ListSecrets(ListSecrets),
    /// `describe_secret`.
    DescribeSecret(OneSecret),
    /// `secret_history`.
    SecretHistory(OneSecret),
    /// `used_by`.
    UsedBy(OneSecret),
    /// `declare_secrets`.
    DeclareSecrets(DeclareSecrets),
    /// `request_values`.
    RequestValues(RequestValues),
    /// `search_logs`.
    SearchLogs(SearchLogs),
    /// `check`.
    Check(Check),
}

/// Which secrets to list.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListSecrets {
    /// Only of this namespace, which usually is an environment such as `production`
    pub namespace: Option<String>,
    /// Only of this app
    pub app: Option<String>,
    /// Only names that contain this
    pub search: Option<String>,
    /// At most so many, 1 to 500; 100 if absent
    #[schemars(range(min = 1, max = 500))]
    pub limit: Option<u64>,
}

/// One secret. Without namespace and app it is the global one of that name.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OneSecret {
    /// The secret's name
    pub name: String,
    /// The namespace it belongs to
    pub namespace: Option<String>,
    /// The app it belongs to
    pub app: Option<String>,
}

/// Names to register. There is no field for a value: people set values.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeclareSecrets {
    /// The names, each with what a person needs to know to find the value
    #[schemars(length(min = 1, max = 100))]
    pub secrets: Vec<Declaration>,
    /// The namespace they belong to; global without it
    pub namespace: Option<String>,
    /// The app they belong to
    pub app: Option<String>,
}

/// One name to register.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Declaration {
    /// The name that code reads, such as `STRIPE_SECRET_KEY`
    pub name: String,
    /// What it is and where a person finds it; never the value itself
    pub description: Option<String>,
}

/// Which values a person shall fill in.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RequestValues {
    /// Declared names; all that have no value yet if absent
    pub names: Option<Vec<String>>,
    /// The namespace they belong to; global without it
    pub namespace: Option<String>,
    /// The app they belong to
    pub app: Option<String>,
}

/// Which lines of the log to show.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SearchLogs {
    /// Only lines that contain this text
    pub text: Option<String>,
    /// Only of this namespace
    pub namespace: Option<String>,
    /// Only of this function
    pub function: Option<String>,
    /// Only of this execution
    pub execution: Option<String>,
    /// Only this level and above: `debug`, `info`, `warn` or `error`
    pub level: Option<String>,
    /// Only from then on: a point in time, or a length of time back such as `24h`
    pub since: Option<String>,
    /// At most so many, the newest, 1 to 200; 50 if absent
    #[schemars(range(min = 1, max = 200))]
    pub limit: Option<u64>,
}

/// How to check the project's folder.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Check {
    /// Whose secrets are compared with what the code reads; else the namespace of strongroom.json, else `default`
    pub namespace: Option<String>,
    /// Looks at files alone and asks no store
    pub offline: Option<bool>,
}
