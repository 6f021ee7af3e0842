//! The places of a project and those of the instance, in the order of the menu. Each is shown to those who may use it.

use strongroom_app::Caller;
use strongroom_model::{Capability, ProjectName};

/// One place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Section {
    /// Numbers, and where each name resolves.
    Overview,
    /// The secrets' table and what belongs to it.
    Secrets,
    /// Values from a file.
    Import,
    /// Deployed functions.
    Functions,
    /// Deployed jobs and their runs.
    Jobs,
    /// What they wrote.
    Logs,
    /// Who did what.
    Audit,
    /// People of the project.
    Members,
    /// What programs sign in with.
    Tokens,
    /// Settings secrets, namespaces, what the project allows.
    Settings,
}

/// The menu, in groups.
const GROUPS: [&[Section]; 3] = [
    &[Section::Overview, Section::Secrets, Section::Import],
    &[Section::Functions, Section::Jobs, Section::Logs],
    &[Section::Audit, Section::Members, Section::Tokens, Section::Settings],
];

impl Section {
    fn label(self) -> &'static str {
        match self {
            Self::Overview => "Overview",
            Self::Secrets => "Secrets",
            Self::Import => "Import",
            Self::Functions => "Functions",
            Self::Jobs => "Jobs",
            Self::Logs => "Logs",
            Self::Audit => "Audit",
            Self::Members => "Members",
            Self::Tokens => "Tokens",
            Self::Settings => "Settings",
        }
    }

    fn path(self) -> &'static str {
        match self {
            Self::Overview => "",
            Self::Secrets => "/secrets",
            Self::Import => "/import",
            Self::Functions => "/functions",
            Self::Jobs => "/jobs",
            Self::Logs => "/logs",
            Self::Audit => "/audit",
            Self::Members => "/members",
            Self::Tokens => "/tokens",
            Self::Settings => "/settings",
        }
    }

    /// The name of its picture in `icons.html`.
    fn icon(self) -> &'static str {
        match self {
            Self::Overview => "overview",
            Self::Secrets => "key",
            Self::Import => "import",
            Self::Functions => "function",
            Self::Jobs => "job",
            Self::Logs => "log",
            Self::Audit => "audit",
            Self::Members => "people",
            Self::Tokens => "token",
            Self::Settings => "settings",
        }
    }

    fn needs(self) -> Capability {
        match self {
            Self::Overview | Self::Secrets | Self::Functions | Self::Jobs | Self::Settings => Capability::SecretsList,
            Self::Import => Capability::SecretsWrite,
            Self::Logs => Capability::LogsRead,
            Self::Audit => Capability::AuditRead,
            Self::Members | Self::Tokens => Capability::Admin,
        }
    }
}

/// One line of the menu.
#[derive(Debug)]
pub(crate) struct Item {
    pub(crate) label: &'static str,
    pub(crate) icon: &'static str,
    pub(crate) href: String,
    pub(crate) is_here: bool,
}

/// A place outside every project.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hall {
    /// All projects that the visitor may know of.
    Projects,
    /// Who has an account, for those who manage the instance.
    People,
    /// The visitor's own account.
    Account,
}

impl Hall {
    fn item(self, here: Self) -> Item {
        let (label, icon, href) = match self {
            Self::Projects => ("Projects", "box", "/"),
            Self::People => ("People", "people", "/users"),
            Self::Account => ("Your account", "person", "/account"),
        };
        Item { label, icon, href: href.to_owned(), is_here: self == here }
    }
}

/// A menu as its visitor sees it.
#[derive(Debug)]
pub(crate) struct Menu {
    /// The project that it is of, if it is of one.
    pub(crate) project: Option<String>,
    pub(crate) groups: Vec<Vec<Item>>,
}

impl Menu {
    /// What `caller` may use, with the place where he is.
    pub(crate) fn new(project: &ProjectName, caller: &Caller, here: Section) -> Self {
        let item = |section: Section| Item {
            label: section.label(),
            icon: section.icon(),
            href: format!("/projects/{project}{}", section.path()),
            is_here: section == here,
        };
        let usable = |group: &&[Section]| {
            let opens = |section: &Section| {
                // whoever manages the instance manages members without being one
                caller.holds(section.needs()) || (*section == Section::Members && caller.is_instance_admin())
            };
            let usable = group.iter().copied().filter(opens);
            usable.map(item).collect::<Vec<_>>()
        };
        let groups = GROUPS.iter().map(usable).filter(|group| !group.is_empty());
        Self { project: Some(project.to_string()), groups: groups.collect() }
    }

    /// What `caller` may use outside the projects, with the place where he is.
    pub(crate) fn of_instance(caller: &Caller, here: Hall) -> Self {
        let people = caller.is_instance_admin().then_some(Hall::People);
        let halls = [Some(Hall::Projects), people, Some(Hall::Account)];
        Self { project: None, groups: vec![halls.into_iter().flatten().map(|hall| hall.item(here)).collect()] }
    }
}
