//! Tells draining workers that the runtime ends.

use tokio::sync::watch;

#[derive(Clone)]
pub(crate) struct Ending(watch::Sender<bool>);

impl Ending {
    pub(crate) fn new() -> Self {
        Self(watch::Sender::new(false))
    }

    pub(crate) fn end(&self) {
        self.0.send_replace(true);
    }

    pub(crate) fn is_over(&self) -> bool {
        *self.0.borrow()
    }

    /// Resolves when the runtime ends.
    pub(crate) async fn cancelled(&self) {
        let mut over = self.0.subscribe();
        let _ended = over.wait_for(|over| *over).await;
    }
}
