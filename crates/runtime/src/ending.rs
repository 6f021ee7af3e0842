//! Tells draining workers that the runtime ends, and the runtime that they have ended.

use tokio::sync::watch;

/// Counts processes that have not been cleared away yet.
#[derive(Clone)]
pub(crate) struct Alive(watch::Sender<usize>);

/// One such process; counts until dropped.
pub(crate) struct Living(Alive);

impl Alive {
    pub(crate) fn new() -> Self {
        Self(watch::Sender::new(0))
    }

    pub(crate) fn one(&self) -> Living {
        self.0.send_modify(|count| *count += 1);
        Living(self.clone())
    }

    /// Waits until there is none.
    pub(crate) async fn none(&self) {
        let mut count = self.0.subscribe();
        let _none = count.wait_for(|count| *count == 0).await;
    }
}

impl Drop for Living {
    fn drop(&mut self) {
        self.0.0.send_modify(|count| *count -= 1);
    }
}

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
