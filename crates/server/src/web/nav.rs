//! The places of a project, in the order of the menu. Each is shown to those who may use it.

use strongroom_app::Caller;
use strongroom_model::{Capability, ProjectName};

/// One place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Section {
    /// The secrets' table and what belongs to it.
    Secrets,
    /// Values from a file.
    Import,
}

/// The menu, in groups.
const GROUPS: [&[Section]; 1] = [&[Section::Secrets, Section::Import]];

impl Section {
    fn label(self) -> &'static str {
        match self {
            Self::Secrets => "Secrets",
            Self::Import => "Import",
        }
    }

    fn path(self) -> &'static str {
        match self {
            Self::Secrets => "/secrets",
            Self::Import => "/import",
        }
    }

    /// The name of its picture in `icons.html`.
    fn icon(self) -> &'static str {
        match self {
            Self::Secrets => "key",
            Self::Import => "import",
        }
    }

    fn needs(self) -> Capability {
        match self {
            Self::Secrets => Capability::SecretsList,
            Self::Import => Capability::SecretsWrite,
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

/// The menu of a project as its visitor sees it.
#[derive(Debug)]
pub(crate) struct Menu {
    pub(crate) project: String,
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
            let usable = group.iter().copied().filter(|section| caller.holds(section.needs()));
            usable.map(item).collect::<Vec<_>>()
        };
        let groups = GROUPS.iter().map(usable).filter(|group| !group.is_empty());
        Self { project: project.to_string(), groups: groups.collect() }
    }
}
