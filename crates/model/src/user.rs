//! End users: who vouches for them, and how they are called there.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::slug::{SlugError, UserId};

/// An issuer's name, as it stands in the `iss` claim of its tokens: 1 to 255 bytes of visible ASCII. Compared byte for byte.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct IssuerUrl(Box<str>);

/// A text that is no issuer's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an issuer is 1 to 255 visible ASCII characters, such as https://login.example.com")]
pub struct IssuerError;

impl IssuerUrl {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for IssuerUrl {
    type Err = IssuerError;

    fn from_str(text: &str) -> Result<Self, IssuerError> {
        let fits = (1..=255).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        if fits { Ok(Self(text.into())) } else { Err(IssuerError) }
    }
}

impl TryFrom<String> for IssuerUrl {
    type Error = IssuerError;

    fn try_from(text: String) -> Result<Self, IssuerError> {
        text.parse()
    }
}

impl From<IssuerUrl> for String {
    fn from(issuer: IssuerUrl) -> String {
        issuer.0.into()
    }
}

impl fmt::Display for IssuerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One end user of a project: an issuer and the id there, or an id alone for whom a value was set before the project
/// trusted an issuer. Two issuers may use the same ids; their users are never the same.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EndUser {
    /// The id alone, or `issuer`, a newline, `id`. Neither part can hold a newline.
    text: Box<str>,
}

impl EndUser {
    /// The user `id` of `issuer`.
    pub fn new(issuer: &IssuerUrl, id: &UserId) -> Self {
        Self { text: format!("{issuer}\n{id}").into() }
    }

    /// The user `id` of no issuer.
    pub fn unclaimed(id: &UserId) -> Self {
        Self { text: id.as_str().into() }
    }

    /// The id of no issuer that goes with this one.
    #[must_use]
    pub fn without_issuer(&self) -> Self {
        Self { text: self.id().into() }
    }

    /// The issuer; empty for none.
    pub fn issuer(&self) -> &str {
        self.text.split_once('\n').map_or("", |(issuer, _)| issuer)
    }

    /// The id there.
    pub fn id(&self) -> &str {
        self.text.split_once('\n').map_or(&*self.text, |(_, id)| id)
    }

    /// Both in one text, as rows hold it.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

/// Reads what [`EndUser::as_str`] gave. Ids that come from outside are parsed as [`UserId`].
impl FromStr for EndUser {
    type Err = SlugError;

    fn from_str(text: &str) -> Result<Self, SlugError> {
        match text.split_once('\n') {
            None => text.parse().map(|id| Self::unclaimed(&id)),
            Some((issuer, id)) => {
                let issuer = issuer.parse().map_err(|_| SlugError::UserId)?;
                id.parse().map(|id| Self::new(&issuer, &id))
            }
        }
    }
}

/// The id alone, for people.
impl fmt::Display for EndUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}

impl fmt::Debug for EndUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &self.text)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn users_of_two_issuers_and_of_none_are_three() {
        let (one, two) = ("https://a.example".parse().unwrap(), "https://b.example".parse().unwrap());
        let id: UserId = "u".parse().unwrap();
        let all = [EndUser::new(&one, &id), EndUser::new(&two, &id), EndUser::unclaimed(&id)];
        for user in &all {
            assert_eq!(user.id(), "u");
            assert_eq!(user.as_str().parse::<EndUser>().unwrap(), *user);
            assert_eq!(all.iter().filter(|other| *other == user).count(), 1);
        }
        assert_eq!(all.map(|user| user.issuer().to_owned()), ["https://a.example", "https://b.example", ""]);
    }

    #[test]
    fn no_id_from_outside_names_an_issuer() {
        assert!("https://a.example\nu".parse::<UserId>().is_err());
        for text in ["", "a b", "a\n", "ä", &"x".repeat(256)] {
            assert!(text.parse::<IssuerUrl>().is_err(), "{text:?}");
        }
    }
}
