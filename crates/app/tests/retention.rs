//! Log lines are erased by category once their time is over, by the clock that the app was given.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use strongroom_app::logs::{self, LogFilter};
use strongroom_app::{App, AppConfig, Caller, Clock, LogRetention};
use strongroom_model::{Id, ProjectName};
use strongroom_seal::{RootKey, SystemRandom};
use strongroom_store::port::LogRow;
use strongroom_store::sqlite::{SqliteOptions, SqliteStore};
use strongroom_store::{Rows, Store, StoreError, Tx};

const DAY: i64 = 24 * 60 * 60;

struct Hands(AtomicI64);

impl Clock for Hands {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(self.0.load(Ordering::SeqCst)).unwrap()
    }
}

fn row(project: Id, category: &str, at: Timestamp) -> LogRow {
    LogRow {
        id: 0,
        at,
        project,
        category: category.to_owned(),
        namespace: String::new(),
        kind: String::new(),
        workload: String::new(),
        execution: None,
        stream: String::new(),
        level: "info".to_owned(),
        message: "old".to_owned(),
    }
}

async fn categories(app: &App) -> Vec<String> {
    let filter = LogFilter { search: Some("old".to_owned()), limit: 10_000, ..LogFilter::default() };
    let owner = Caller::owner("process", "test");
    let page = logs::list(app, &owner, &ProjectName::default_project(), filter, Duration::ZERO).await.unwrap();
    let mut categories: Vec<String> = page.items.into_iter().map(|item| item.category).collect();
    categories.dedup();
    categories
}

#[tokio::test]
async fn each_category_is_kept_for_its_own_time() {
    let home = tempfile::Builder::new().prefix("sr").tempdir().unwrap();
    let clock = Arc::new(Hands(AtomicI64::new(1_000 * DAY)));
    let store: Arc<dyn Store> =
        SqliteStore::open(&home.path().join("strongroom.db"), SqliteOptions::default()).unwrap();
    let app = App::open(AppConfig {
        clock: Arc::<Hands>::clone(&clock),
        log_retention: LogRetention { system: Duration::from_hours(30 * 24), ..LogRetention::default() },
        password_cost: strongroom_app::PasswordCost::LEAST,
        ..AppConfig::new(Arc::clone(&store), RootKey::generate(&SystemRandom))
    });
    let app = app.await.unwrap();
    let default = ProjectName::default_project();
    let project =
        store.read(|rows: &mut dyn Rows| Ok::<_, StoreError>(rows.project(&default)?.unwrap().id)).await.unwrap();
    // more than is erased at once
    let now = clock.now();
    let written = store.write(move |tx: &mut dyn Tx| {
        let lines: Vec<_> = (0..6_000).map(|_| row(project, "execution", now)).collect();
        tx.append_logs(&lines)?;
        tx.append_logs(&[row(project, "system", now), row(project, "security", now)])
    });
    written.await.unwrap();
    let left = async |days: i64| {
        clock.0.store((1_000 + days) * DAY, Ordering::SeqCst);
        app.erase_old_logs().await.unwrap();
        categories(&app).await
    };
    assert_eq!(left(13).await, ["execution", "system", "security"]);
    assert_eq!(left(15).await, ["system", "security"]);
    assert_eq!(left(31).await, ["security"]);
    assert_eq!(left(366).await, [""; 0]);
    app.close().await;
    store.close().await.unwrap();
}
