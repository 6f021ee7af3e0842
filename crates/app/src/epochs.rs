//! Epochs in memory: one number for each (project, namespace) that rises with every change visible there.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use strongroom_model::{Id, NamespaceName};
use strongroom_store::{Rows, Store, StoreError};

type Cells = HashMap<(Id, NamespaceName), Arc<AtomicU64>>;

/// The cells that have been asked for. A raise reaches every cell that exists; a cell that is made while a raise is
/// under way is read from the store after it.
#[derive(Default)]
pub(crate) struct Epochs {
    cells: RwLock<Cells>,
    raises: AtomicU64,
}

impl Epochs {
    /// The cell of a namespace.
    pub(crate) async fn cell(
        &self,
        store: &dyn Store,
        project: Id,
        namespace: &NamespaceName,
    ) -> Result<Arc<AtomicU64>, StoreError> {
        let key = (project, namespace.clone());
        loop {
            if let Some(cell) = self.cells.read().unwrap_or_else(PoisonError::into_inner).get(&key) {
                return Ok(Arc::clone(cell));
            }
            let raises = self.raises.load(Ordering::SeqCst);
            let epoch = store.read(|rows: &mut dyn Rows| rows.epoch(&project, namespace)).await?;
            let mut cells = self.cells.write().unwrap_or_else(PoisonError::into_inner);
            if self.raises.load(Ordering::SeqCst) == raises {
                return Ok(Arc::clone(cells.entry(key).or_insert_with(|| Arc::new(AtomicU64::new(epoch)))));
            }
        }
    }

    /// Makes a committed raise visible: `namespace`, or every namespace of the project for `None`.
    pub(crate) fn raise(&self, project: Id, namespace: Option<&NamespaceName>, counter: u64) {
        let cells = self.cells.write().unwrap_or_else(PoisonError::into_inner);
        self.raises.fetch_add(1, Ordering::SeqCst);
        for ((owner, name), cell) in cells.iter() {
            if *owner == project && namespace.is_none_or(|only| only == name) {
                cell.fetch_max(counter, Ordering::SeqCst);
            }
        }
    }

    /// Forgets a deleted project's cells.
    pub(crate) fn forget(&self, project: Id) {
        self.cells.write().unwrap_or_else(PoisonError::into_inner).retain(|(owner, _), _| *owner != project);
    }
}
