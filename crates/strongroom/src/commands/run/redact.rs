//! Masking on the way: what the command writes, without the values that it was given.

use std::sync::{Arc, Mutex, PoisonError};

use strongroom_runtime::mask::{MaskSet, Masker, is_maskable};
use strongroom_secret::SecretValue;

/// The values of this run: those in force, and every one that was replaced while it lasted.
#[derive(Clone, Default)]
pub(super) struct Masks(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    values: Vec<SecretValue>,
    set: Arc<MaskSet>,
}

impl Masks {
    /// From now on these are masked too. Gives the names of those that are too short to be masked.
    pub(super) fn add(&self, secrets: &[(String, SecretValue)]) -> Vec<String> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (_, value) in secrets {
            if !state.values.iter().any(|known| known.expose() == value.expose()) {
                state.values.push(value.duplicate());
            }
        }
        state.set = Arc::new(MaskSet::new(&state.values));
        let short = secrets.iter().filter(|(_, value)| !value.is_empty() && !is_maskable(value));
        short.map(|(name, _)| name.clone()).collect()
    }

    fn current(&self) -> Arc<MaskSet> {
        Arc::clone(&self.0.lock().unwrap_or_else(PoisonError::into_inner).set)
    }
}

/// One stream on its way.
pub(super) struct Redactor {
    masks: Masks,
    masker: Masker,
}

impl Redactor {
    pub(super) fn new(masks: Masks) -> Self {
        let masker = Masker::new(masks.current());
        Self { masks, masker }
    }

    /// Takes what was written and gives what may be shown by now.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.masker.switch(&self.masks.current());
        let mut shown = Vec::with_capacity(bytes.len());
        self.masker.feed(bytes, &mut shown);
        shown
    }

    /// Nothing more came for a moment: gives what a person should see now, such as a prompt.
    pub(super) fn idle(&mut self) -> Vec<u8> {
        let mut shown = Vec::new();
        self.masker.idle(&mut shown);
        shown
    }

    /// Nothing more will come.
    pub(super) fn finish(&mut self) -> Vec<u8> {
        let mut shown = Vec::new();
        self.masker.finish(&mut shown);
        shown
    }

    /// Whether something is held back.
    pub(super) fn holds(&self) -> bool {
        self.masker.is_holding()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets(values: &[&str]) -> Vec<(String, SecretValue)> {
        let secret = |value: &&str| ("NAME".to_owned(), SecretValue::new((*value).to_owned()).expect("legal"));
        values.iter().map(secret).collect()
    }

    #[test]
    fn a_replaced_value_stays_masked_and_a_new_one_is_at_once() {
        let masks = Masks::default();
        masks.add(&secrets(&["canary-old-1"]));
        let mut redactor = Redactor::new(masks.clone());
        let mut shown = redactor.feed(b"canary-old-1 canary-new-2\n");
        masks.add(&secrets(&["canary-new-2"]));
        shown.extend(redactor.feed(b"canary-old-1 canary-new-2\n"));
        shown.extend(redactor.finish());
        let shown = String::from_utf8(shown).expect("text");
        assert_eq!(shown.lines().last(), Some("[masked] [masked]"));
        assert!(!shown.contains("canary-old"), "{shown}");
    }

    #[test]
    fn short_values_are_named() {
        assert_eq!(Masks::default().add(&secrets(&["1234", "long enough", ""])), ["NAME"]);
    }
}
