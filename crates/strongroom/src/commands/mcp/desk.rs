//! Answers to an agent's questions: operations on metadata alone, put into the types that have no place for a value.

use jiff::Timestamp;
use strongroom_api::secrets::{Declaration, DeclareSecrets, SecretDetail, SecretItem, State};
use strongroom_client::{LogFilter, SecretFilter, Selector};
use strongroom_mcp::answers::{
    Checked, Declared, Described, Found, History, Line, Lines, NextStep, Outcome, Reader, Requested, Secret, Secrets,
    UsedBy, Version,
};
use strongroom_mcp::questions::{self, ListSecrets, OneSecret, Question, RequestValues, SearchLogs};
use strongroom_mcp::{Answer, Refusal};
use strongroom_model::SecretName;

use super::McpArgs;
use crate::commands::audit::since;
use crate::commands::check::{self, CheckArgs, Finding, Severity};
use crate::context::Context;
use crate::errors::{Failure, at};
use crate::scope::{ScopeArgs, Target};
use crate::session::Session;

const LISTED: u64 = 100;
const MAX_LISTED: u64 = 500;
const MAX_FOUND: usize = 200;
const LINES: u64 = 50;
const MAX_LINES: u64 = 200;

/// Opens the store as every command does, acts for the agent, and answers.
pub(super) fn answer(context: &Context, args: &McpArgs, agent: &str, question: Question) -> Result<Answer, Failure> {
    let desk = || {
        let mut session = context.connect()?;
        session.act_for_agent(agent);
        Ok::<_, Failure>(Desk { context, args, session })
    };
    match question {
        Question::ListSecrets(ask) => desk()?.list(ask).map(Answer::Secrets),
        Question::DescribeSecret(ask) => desk()?.detail(ask).map(described).map(Answer::Described),
        Question::UsedBy(ask) => {
            let used_by = |detail| UsedBy { used_by: described(detail).used_by };
            desk()?.detail(ask).map(used_by).map(Answer::UsedBy)
        }
        Question::SecretHistory(ask) => desk()?.history(ask).map(Answer::History),
        Question::DeclareSecrets(ask) => desk()?.declare(ask).map(Answer::Declared),
        Question::RequestValues(ask) => desk()?.request(ask).map(Answer::Requested),
        Question::SearchLogs(ask) => desk()?.logs(&ask).map(Answer::Lines),
        // it connects by itself, since it looks at files without a store too
        Question::Check(ask) => check(context, args, (agent, ask)).map(Answer::Checked),
    }
}

/// The checklist, for the folder that the command was started in.
fn check(context: &Context, args: &McpArgs, (agent, ask): (&str, questions::Check)) -> Result<Checked, Failure> {
    let namespace = ask.namespace.or_else(|| args.namespace.clone());
    let wanted = CheckArgs::of_project(namespace, ask.offline.unwrap_or(false));
    // read anew each time: the agent edits it
    let context = context.for_folder(&context.working_dir)?;
    let (findings, files) = check::find(&context, &wanted, Some(agent))?;
    let of = |severity| findings.iter().filter(|found| found.severity == severity).count();
    let (problems, warnings, total) = (of(Severity::Problem), of(Severity::Warning), findings.len());
    let found = |finding: Finding| Found {
        code: finding.code.to_owned(),
        severity: match finding.severity {
            Severity::Problem => "problem",
            Severity::Warning => "warning",
            Severity::Note => "note",
        }
        .to_owned(),
        file: finding.file,
        line: finding.line,
        name: finding.name,
        message: finding.message,
        fix: finding.fix,
    };
    let findings = findings.into_iter().take(MAX_FOUND).map(found).collect();
    Ok(Checked { passes: problems == 0, problems, warnings, files, findings, total })
}

/// A failure, as an agent is told of it.
pub(super) fn refusal(failure: &Failure) -> Refusal {
    let problem = failure.problem();
    let word = serde_json::to_value(problem.code).ok();
    Refusal {
        code: word.and_then(|word| word.as_str().map(str::to_owned)).unwrap_or_default(),
        problems: problem.errors.iter().map(|error| format!("{}: {}", error.at, error.detail)).collect(),
        hint: problem.hint,
        message: problem.detail,
    }
}

struct Desk<'a> {
    context: &'a Context,
    args: &'a McpArgs,
    session: Session,
}

impl Desk<'_> {
    /// The scope that a question names, else the one that the command was started with.
    fn scope(&self, namespace: Option<String>, app: Option<String>) -> ScopeArgs {
        match (namespace, app) {
            (None, None) => {
                ScopeArgs { scope: None, namespace: self.args.namespace.clone(), app: self.args.app.clone() }
            }
            (namespace, app) => ScopeArgs { scope: None, namespace, app },
        }
    }

    fn list(&self, ask: ListSecrets) -> Result<Secrets, Failure> {
        let limit = bounded("limit", ask.limit, LISTED, MAX_LISTED)?;
        let scope = self.scope(ask.namespace, ask.app);
        let within = Selector { scope: None, namespace: scope.namespace.as_deref(), app: scope.app.as_deref() };
        let filter = SecretFilter { within, search: ask.search.as_deref(), user: None };
        let items = self.session.wait(self.session.project().secrets(filter))?;
        let total = items.len();
        Ok(Secrets { secrets: items.into_iter().take(limit).map(secret).collect(), total })
    }

    fn detail(&self, ask: OneSecret) -> Result<SecretDetail, Failure> {
        let (name, target) = (name(&ask.name)?, self.scope(ask.namespace, ask.app).target()?);
        Ok(self.session.wait(self.session.project().secret(name.as_str(), target.selector()))?)
    }

    fn history(&self, ask: OneSecret) -> Result<History, Failure> {
        let (name, target) = (name(&ask.name)?, self.scope(ask.namespace, ask.app).target()?);
        let found = self.session.wait(self.session.project().secret_history(name.as_str(), target.selector()))?;
        let version = |item: strongroom_api::secrets::VersionItem| Version {
            version: item.version,
            kind: item.kind,
            from_version: item.from_version,
            created_at: item.created_at.to_string(),
            created_by: item.created_by,
            current: item.current,
        };
        Ok(History { versions: found.items.into_iter().map(version).collect() })
    }

    fn declare(&self, ask: questions::DeclareSecrets) -> Result<Declared, Failure> {
        let target = self.scope(ask.namespace, ask.app).target()?;
        let secrets = ask.secrets.into_iter();
        let secrets = secrets.map(|one| Declaration { name: one.name, description: one.description }).collect();
        let declared = self.register(&target, secrets)?;
        let missing: Vec<_> = declared.results.iter().filter(|result| result.version.is_none()).collect();
        let next = next_step(declared.url.clone(), &target, missing.iter().map(|result| result.name.as_str()));
        let outcome = |result: &strongroom_api::secrets::WriteResult| {
            let word = serde_json::to_value(result.status).ok();
            let status = word.and_then(|word| word.as_str().map(str::to_owned)).unwrap_or_default();
            Outcome { name: result.name.clone(), status }
        };
        Ok(Declared { results: declared.results.iter().map(outcome).collect(), next })
    }

    fn register(
        &self,
        target: &Target,
        secrets: Vec<Declaration>,
    ) -> Result<strongroom_api::secrets::Declared, Failure> {
        let problems: Vec<_> = secrets
            .iter()
            .enumerate()
            .filter_map(|(index, one)| Some(at(format!("secrets[{index}]"), name(&one.name).err()?.problem().detail)))
            .collect();
        if !problems.is_empty() {
            return Err(Failure::usage("nothing was declared: some names are wrong").each(problems));
        }
        let (scope, namespace, app) = target.parts();
        let body = DeclareSecrets { scope, namespace, app, secrets, force: false, allow_names: Vec::new() };
        Ok(self.session.wait(self.session.project().declare_secrets(&body))?)
    }

    fn request(&self, ask: RequestValues) -> Result<Requested, Failure> {
        let target = self.scope(ask.namespace, ask.app).target()?;
        let filter = SecretFilter { within: target.selector(), ..SecretFilter::default() };
        let there = self.session.wait(self.session.project().secrets(filter))?;
        let waits = |item: &SecretItem| item.state == State::NoValue;
        let wanted = match ask.names {
            None => there.iter().filter(|item| waits(item)).map(|item| item.name.clone()).collect(),
            Some(names) => names,
        };
        let item = |name: &String| there.iter().find(|item| item.name == *name);
        let unknown = wanted.iter().enumerate().filter(|(_, name)| item(name).is_none());
        let unknown: Vec<_> =
            unknown.map(|(index, _)| at(format!("names[{index}]"), "is not declared in this scope")).collect();
        if !unknown.is_empty() {
            return Err(Failure::usage("some names are not declared").each(unknown).hint("declare_secrets"));
        }
        let (waiting, filled): (Vec<_>, Vec<_>) = wanted.into_iter().partition(|name| item(name).is_some_and(waits));
        // declaring what is declared changes nothing, and tells the address where its value is filled in
        let again = waiting.iter().map(|name| Declaration { name: name.clone(), description: None }).collect();
        let address = if waiting.is_empty() { None } else { self.register(&target, again)?.url };
        let next = next_step(address, &target, waiting.iter().map(String::as_str));
        Ok(Requested { waiting, filled, next })
    }

    fn logs(&self, ask: &SearchLogs) -> Result<Lines, Failure> {
        let filter = LogFilter {
            namespace: ask.namespace.as_deref().or(self.args.namespace.as_deref()),
            function: ask.function.as_deref(),
            execution: ask.execution.as_deref(),
            search: ask.text.as_deref(),
            level: ask.level.as_deref(),
            since: since(self.context, ask.since.as_deref())?,
            limit: Some(bounded("limit", ask.limit, LINES, MAX_LINES)?.try_into().unwrap_or(LINES)),
            ..LogFilter::default()
        };
        let page = self.session.wait(self.session.project().logs(&filter))?;
        let line = |item: strongroom_api::trail::LogItem| Line {
            at: item.at.to_string(),
            level: item.level,
            namespace: item.namespace,
            function: item.function,
            execution: item.execution,
            message: item.message,
        };
        Ok(Lines { lines: page.items.into_iter().map(line).collect() })
    }
}

/// The schema says the bounds; they are held here.
fn bounded(field: &str, asked: Option<u64>, usual: u64, most: u64) -> Result<usize, Failure> {
    let number = asked.unwrap_or(usual);
    if !(1..=most).contains(&number) {
        return Err(Failure::usage(format!("{field} is 1 to {most}")));
    }
    Ok(usize::try_from(number).unwrap_or(usize::MAX))
}

fn name(text: &str) -> Result<SecretName, Failure> {
    text.parse().map_err(|error: strongroom_model::name::NameError| Failure::usage(error.to_string()))
}

fn next_step<'a>(address: Option<String>, target: &Target, names: impl Iterator<Item = &'a str>) -> NextStep {
    let commands = names.map(|name| format!("strongroom secrets set {name}{}", target.options()));
    NextStep { address, commands: commands.collect() }
}

fn word(state: State) -> &'static str {
    match state {
        State::Set => "set",
        State::NoValue => "no_value",
        State::ExpiringSoon => "expiring_soon",
        State::Expired => "expired",
    }
}

fn secret(item: SecretItem) -> Secret {
    Secret {
        name: item.name,
        scope: item.scope.to_string(),
        namespace: item.namespace,
        app: item.app,
        state: word(item.state).to_owned(),
        version: item.version,
        description: item.description,
        expires_at: item.expires_at.as_ref().map(Timestamp::to_string),
        updated_at: item.updated_at.to_string(),
        updated_by: item.updated_by,
    }
}

fn described(detail: SecretDetail) -> Described {
    let reader = |reader: strongroom_api::secrets::Reader| Reader {
        kind: reader.kind,
        namespace: reader.namespace,
        name: reader.name,
        via: reader.via,
        last_read_at: reader.last_read_at.as_ref().map(Timestamp::to_string),
    };
    let secret = Secret {
        name: detail.name,
        scope: detail.scope.to_string(),
        namespace: detail.namespace,
        app: detail.app,
        state: word(detail.state).to_owned(),
        version: detail.version,
        description: detail.description,
        expires_at: detail.expires_at.as_ref().map(Timestamp::to_string),
        updated_at: detail.updated_at.to_string(),
        updated_by: detail.updated_by,
    };
    Described { secret, used_by: detail.used_by.into_iter().map(reader).collect() }
}
