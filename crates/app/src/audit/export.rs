//! The trail as it is taken out: oldest first, a batch at a time, so that its length costs no memory.

use std::collections::VecDeque;
use std::sync::Arc;

use strongroom_api::trail::AuditItem;
use strongroom_model::ProjectName;
use strongroom_store::Rows;
use strongroom_store::port::AuditFilter;

use super::{Query, enter, item};
use crate::caller::Caller;
use crate::error::Error;
use crate::open::App;
use crate::tokens::still_stands;

/// So many records are read at once.
const BATCH: usize = 500;

/// A project's records on their way out.
pub struct Export {
    app: Arc<App>,
    caller: Caller,
    filter: AuditFilter,
    /// The nodes whose records are still to come, the present one first.
    nodes: VecDeque<String>,
    /// The last record of the present node that has gone out.
    after: u64,
}

impl Export {
    /// Begins one. `limit` and `before` of the query are not looked at.
    pub async fn begin(app: &Arc<App>, caller: &Caller, project: &ProjectName, query: Query) -> Result<Self, Error> {
        enter(app, caller, project, &query).await?;
        let nodes = app.store.read(|rows: &mut dyn Rows| rows.audit_nodes().map_err(Error::from)).await?;
        let filter = AuditFilter { limit: BATCH, before: None, ..query.filter(project) };
        Ok(Self { app: Arc::clone(app), caller: caller.clone(), filter, nodes: nodes.into(), after: 0 })
    }

    /// The next records; none at the end. A caller whose credential has ended meanwhile gets no more.
    pub async fn next(&mut self) -> Result<Option<Vec<AuditItem>>, Error> {
        while let Some(node) = self.nodes.front() {
            if !still_stands(&self.app, &self.caller).await? {
                return Err(Error::Forbidden("the credential is not accepted any more".to_owned()));
            }
            let (filter, after) = (&self.filter, self.after);
            let read = |rows: &mut dyn Rows| rows.audit_oldest(node, after, filter).map_err(Error::from);
            let rows = self.app.store.read(read).await?;
            if let Some(last) = rows.last() {
                self.after = last.seq;
                return rows.into_iter().map(item).collect::<Result<_, _>>().map(Some);
            }
            self.nodes.pop_front();
            self.after = 0;
        }
        Ok(None)
    }
}
