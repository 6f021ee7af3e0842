//! Browsers that somebody has signed in with before: each has tries of its own, which no stranger can use up
//! (`docs/decisions/sign-in-limits.md`). What a browser keeps for that opens nothing.
//!
//! ```text
//! entry . entry …    one for each account that signed in there, at most four
//! entry = id ~ when it was made, in seconds ~ MAC("device", id, when, account's name)
//! ```

use jiff::{SignedDuration, Timestamp};
use strongroom_model::AccountName;
use strongroom_seal::{Instance, keyed_digest, same_text};
use zeroize::Zeroizing;

use crate::open::App;

/// How long a browser is known after its last sign-in.
pub const KNOWN_FOR: SignedDuration = SignedDuration::from_hours(180 * 24);
/// Accounts that one browser is known for.
const MAX_ENTRIES: usize = 4;
/// No entry is longer.
const MAX_ENTRY_BYTES: usize = 160;

/// What a browser keeps of earlier sign-ins.
#[derive(Clone)]
pub struct Device(Zeroizing<String>);

impl std::fmt::Debug for Device {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Device(..)")
    }
}

impl Device {
    /// What a browser sent; it may be anything.
    pub fn sent(text: &str) -> Self {
        Self(Zeroizing::new(text.to_owned()))
    }

    /// The text for the browser to keep.
    pub fn text(&self) -> &str {
        &self.0
    }

    fn entries(&self) -> impl Iterator<Item = &str> {
        self.0.split('.').take(MAX_ENTRIES).filter(|entry| entry.len() <= MAX_ENTRY_BYTES)
    }

    /// The id under which the browser is known for an account.
    pub(super) fn id(&self, instance: &Instance, name: &AccountName, now: Timestamp) -> Option<String> {
        self.entries().find_map(|entry| known(instance, entry, name, now)).map(str::to_owned)
    }
}

/// The id of an entry, if it was made for this account, and not too long ago.
fn known<'a>(instance: &Instance, entry: &'a str, name: &AccountName, now: Timestamp) -> Option<&'a str> {
    let (id, rest) = entry.split_once('~')?;
    let (made, sent) = rest.split_once('~')?;
    let at = Timestamp::from_second(made.parse().ok()?).ok()?;
    let is_recent = now.duration_since(at) < KNOWN_FOR;
    (same_text(sent, &mac(instance, (id, made), name)) && is_recent).then_some(id)
}

fn mac(instance: &Instance, (id, made): (&str, &str), name: &AccountName) -> String {
    let of = serde_json::json!([id, made, name.as_str()]).to_string();
    hex::encode(keyed_digest(instance, "device", of.as_bytes()))
}

impl App {
    /// What the browser keeps after a sign-in: it stays who it was for this account, and for others.
    pub(super) fn device_after(&self, sent: Option<&Device>, name: &AccountName) -> Device {
        let now = self.clock.now();
        let before = sent.and_then(|sent| sent.id(&self.instance, name, now));
        let id = before.unwrap_or_else(|| self.new_id().to_string());
        let made = now.as_second().to_string();
        let mut entries = vec![format!("{id}~{made}~{}", mac(&self.instance, (&id, &made), name))];
        let others = sent.into_iter().flat_map(Device::entries).filter(|entry| {
            let is_shaped = entry.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'~');
            is_shaped && !entry.is_empty() && known(&self.instance, entry, name, now).is_none()
        });
        entries.extend(others.take(MAX_ENTRIES - 1).map(str::to_owned));
        Device(Zeroizing::new(entries.join(".")))
    }
}
