//! One secret in a list, as it is written.

use jiff::Timestamp;
use jiff::fmt::temporal::DateTimePrinter;
use serde::Serialize;
use strongroom_model::ScopeKind;

use super::{SecretItem, State};

/// A [`SecretItem`] that borrows its texts: what lists are written from, of which one may show a thousand.
#[derive(Debug, Clone, Copy)]
#[expect(missing_docs, reason = "each field is the one of the same name of `SecretItem`")]
pub struct SecretLine<'row> {
    pub name: &'row str,
    pub scope: ScopeKind,
    pub namespace: Option<&'row str>,
    pub app: Option<&'row str>,
    pub version: Option<u64>,
    pub description: Option<&'row str>,
    pub expires_at: Option<Timestamp>,
    pub state: State,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub updated_by: &'row str,
    pub used_by: u64,
    pub user: Option<&'row str>,
    pub issuer: Option<&'row str>,
    pub hint: Option<&'row str>,
    pub overridden: bool,
}

impl SecretLine<'_> {
    /// Appends what serde writes of the [`SecretItem`], in two thirds of its time.
    pub fn write(&self, out: &mut Vec<u8>) {
        member(out, b"{\"name\":", self.name);
        member(out, b",\"scope\":", self.scope);
        member(out, b",\"namespace\":", self.namespace);
        member(out, b",\"app\":", self.app);
        member(out, b",\"version\":", self.version);
        member(out, b",\"description\":", self.description);
        out.extend_from_slice(b",\"expires_at\":");
        match self.expires_at {
            Some(at) => time(out, at),
            None => out.extend_from_slice(b"null"),
        }
        member(out, b",\"state\":", self.state);
        out.extend_from_slice(b",\"created_at\":");
        time(out, self.created_at);
        out.extend_from_slice(b",\"updated_at\":");
        time(out, self.updated_at);
        member(out, b",\"updated_by\":", self.updated_by);
        member(out, b",\"used_by\":", self.used_by);
        if let Some(user) = self.user {
            member(out, b",\"user\":", user);
        }
        if let Some(issuer) = self.issuer {
            member(out, b",\"issuer\":", issuer);
        }
        if let Some(hint) = self.hint {
            member(out, b",\"hint\":", hint);
        }
        if self.overridden {
            member(out, b",\"overridden\":", true);
        }
        out.push(b'}');
    }
}

fn member(out: &mut Vec<u8>, key: &'static [u8], value: impl Serialize) {
    out.extend_from_slice(key);
    serde_json::to_writer(out, &value).expect("memory takes a text or a number");
}

fn time(out: &mut Vec<u8>, at: Timestamp) {
    out.push(b'"');
    DateTimePrinter::new().print_timestamp(&at, &mut *out).expect("memory takes a time");
    out.push(b'"');
}

impl SecretItem {
    /// The same, borrowed.
    pub fn line(&self) -> SecretLine<'_> {
        SecretLine {
            name: &self.name,
            scope: self.scope,
            namespace: self.namespace.as_deref(),
            app: self.app.as_deref(),
            version: self.version,
            description: self.description.as_deref(),
            expires_at: self.expires_at,
            state: self.state,
            created_at: self.created_at,
            updated_at: self.updated_at,
            updated_by: &self.updated_by,
            used_by: self.used_by,
            user: self.user.as_deref(),
            issuer: self.issuer.as_deref(),
            hint: self.hint.as_deref(),
            overridden: self.overridden,
        }
    }
}

impl From<SecretLine<'_>> for SecretItem {
    fn from(line: SecretLine<'_>) -> Self {
        Self {
            name: line.name.to_owned(),
            scope: line.scope,
            namespace: line.namespace.map(str::to_owned),
            app: line.app.map(str::to_owned),
            version: line.version,
            description: line.description.map(str::to_owned),
            expires_at: line.expires_at,
            state: line.state,
            created_at: line.created_at,
            updated_at: line.updated_at,
            updated_by: line.updated_by.to_owned(),
            used_by: line.used_by,
            user: line.user.map(str::to_owned),
            issuer: line.issuer.map(str::to_owned),
            hint: line.hint.map(str::to_owned),
            overridden: line.overridden,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_written_as_its_item_is() {
        let at = |millis| Timestamp::from_millisecond(millis).expect("a time in range");
        let whole = SecretItem {
            name: "A".to_owned(),
            scope: ScopeKind::App,
            namespace: Some("n".to_owned()),
            app: Some("a".to_owned()),
            version: Some(3),
            description: Some("of \"it\"\n".to_owned()),
            expires_at: Some(at(1_800_000_000_120)),
            state: State::ExpiringSoon,
            created_at: at(-1),
            updated_at: at(1_800_000_000_000),
            updated_by: "token:é".to_owned(),
            used_by: 2,
            user: Some("u".to_owned()),
            issuer: Some("https://login.example.com".to_owned()),
            hint: Some("abcd".to_owned()),
            overridden: true,
        };
        let bare = SecretItem {
            namespace: None,
            app: None,
            version: None,
            description: None,
            expires_at: None,
            user: None,
            issuer: None,
            hint: None,
            overridden: false,
            ..whole.clone()
        };
        for item in [whole, bare] {
            let text = serde_json::to_string(&item).expect("an item is written");
            let mut written = Vec::new();
            item.line().write(&mut written);
            assert_eq!(String::from_utf8(written).as_ref(), Ok(&text));
            let again = SecretItem::from(item.line());
            assert_eq!(serde_json::to_string(&again).expect("an item is written"), text);
        }
    }
}
