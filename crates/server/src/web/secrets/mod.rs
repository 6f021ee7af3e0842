//! The pages of secrets: table, add, value, edit, history, delete, restore, import, fill in.

pub(crate) mod add;
pub(crate) mod delete;
pub(crate) mod drafts;
pub(crate) mod edit;
pub(crate) mod fill;
pub(crate) mod import;
pub(crate) mod list;
mod place;
pub(crate) mod rollback;
pub(crate) mod show;
mod subject;
pub(crate) mod value;

use jiff::Timestamp;
use strongroom_api::secrets::{SecretItem, State, Written};
use strongroom_model::{Expiry, ScopeKind};

use super::forms::Form;
use super::frame::Flash;
use super::visit::visitor;
use super::when::When;
use crate::failure::Failure;

/// A secret in a list.
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) href: String,
    pub(crate) description: Option<String>,
    /// Where it lives, in words.
    pub(crate) place: String,
    pub(crate) badge: Badge,
    pub(crate) expires: Option<When>,
    pub(crate) updated: When,
    pub(crate) updated_by: String,
    pub(crate) used_by: u64,
    /// The last four characters, where the project shows them.
    pub(crate) hint: Option<String>,
    pub(crate) overridden: bool,
}

impl Row {
    pub(crate) fn new(base: &str, item: SecretItem, now: Timestamp) -> Self {
        let (namespace, app) = (item.namespace.as_deref(), item.app.as_deref());
        Self {
            href: format!("{base}/secrets/{}{}", item.name, place::query(item.scope, namespace, app)),
            place: place::words(item.scope, namespace, app),
            badge: Badge::of(item.state),
            expires: When::maybe(item.expires_at, now),
            updated: When::new(item.updated_at, now),
            name: item.name,
            description: item.description,
            updated_by: visitor(&item.updated_by),
            used_by: item.used_by,
            hint: item.hint,
            overridden: item.overridden,
        }
    }
}

/// A state as a badge.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Badge {
    /// The word in the API and in the style.
    pub(crate) word: &'static str,
    pub(crate) label: &'static str,
}

impl Badge {
    pub(crate) const ALL: [Self; 4] =
        [Self::of(State::Set), Self::of(State::NoValue), Self::of(State::ExpiringSoon), Self::of(State::Expired)];

    pub(crate) const fn of(state: State) -> Self {
        let (word, label) = match state {
            State::Set => ("set", "Set"),
            State::NoValue => ("no_value", "No value yet"),
            State::ExpiringSoon => ("expiring_soon", "Expires soon"),
            State::Expired => ("expired", "Expired"),
        };
        Self { word, label }
    }
}

/// The state that a word names.
pub(crate) fn state(word: &str) -> Option<State> {
    match word {
        "set" => Some(State::Set),
        "no_value" => Some(State::NoValue),
        "expiring_soon" => Some(State::ExpiringSoon),
        "expired" => Some(State::Expired),
        _ => None,
    }
}

/// What a write did, as news: one sentence, and what wants a look.
pub(crate) fn news(text: impl Into<String>, written: &Written) -> Flash {
    let live = &written.live;
    let mut sentences = vec![text.into()];
    sentences.extend(match live.functions {
        0 => None,
        1 => Some("1 function that uses it has it now.".to_owned()),
        count => Some(format!("{count} functions that use it have it now.")),
    });
    sentences.extend(written.created.iter().map(|created| format!("Created {created} on the way.")));
    let failed = live.restart_failed.iter().map(|name| {
        format!(
            "The function {name} did not start with the new value; the old one still serves. Its log has the cause."
        )
    });
    Flash::done(sentences.join(" ")).warn(written.warnings.iter().cloned().chain(failed))
}

/// An expiry as a person types it: like on the command line, or a day alone, which begins at midnight UTC. An empty
/// field means "never"; what stands there already changes nothing.
pub(crate) fn expiry(form: &Form, current: Option<Timestamp>) -> Result<Option<Expiry>, Failure> {
    let text = form.text("expires").unwrap_or_default();
    if text == expiry_field(current) {
        return Ok(None);
    }
    if text.is_empty() {
        return Ok(Some(Expiry::Never));
    }
    from_midnight(text).parse().map(Some).map_err(|error| Failure::invalid("expires", error))
}

/// A day alone as its first moment; any other text as it is.
pub(crate) fn from_midnight(text: &str) -> String {
    let is_day = text.len() == 10 && text.parse::<jiff::civil::Date>().is_ok();
    if is_day { format!("{text}{MIDNIGHT}") } else { text.to_owned() }
}

const MIDNIGHT: &str = "T00:00:00Z";

/// An expiry as its field shows it.
pub(crate) fn expiry_field(at: Option<Timestamp>) -> String {
    let text = at.map(|at| at.to_string()).unwrap_or_default();
    text.strip_suffix(MIDNIGHT).map(str::to_owned).unwrap_or(text)
}

/// A kind of scope as the filter names it.
pub(crate) const SCOPES: [(ScopeKind, &str); 4] = [
    (ScopeKind::Global, "Global"),
    (ScopeKind::Namespace, "Namespace"),
    (ScopeKind::App, "App"),
    (ScopeKind::System, "System"),
];
