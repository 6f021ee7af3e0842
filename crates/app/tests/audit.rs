//! The audit trail over time: what has served its time goes behind a signed checkpoint, and only so.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use strongroom_api::trail::{AuditAnchor, AuditVerdict};
use strongroom_app::audit::{self, Query};
use strongroom_app::projects::{self, Protection};
use strongroom_app::{App, AppConfig, Caller, Clock};
use strongroom_model::{NamespaceName, ProjectName};
use strongroom_seal::{RootKey, SystemRandom};
use strongroom_store::port::AuditCut;
use strongroom_store::sqlite::{SqliteOptions, SqliteStore};
use strongroom_store::{Rows, Store, StoreError, Tx};

const DAY: i64 = 24 * 60 * 60;
const START: i64 = 10_000 * DAY;

struct Hands(AtomicI64);

impl Clock for Hands {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(self.0.load(Ordering::SeqCst)).unwrap()
    }
}

struct House {
    app: Arc<App>,
    store: Arc<dyn Store>,
    clock: Arc<Hands>,
    _home: tempfile::TempDir,
}

impl House {
    async fn keeping(kept: Option<Duration>) -> Self {
        let home = tempfile::Builder::new().prefix("sr").tempdir().unwrap();
        let clock = Arc::new(Hands(AtomicI64::new(START)));
        let store: Arc<dyn Store> =
            SqliteStore::open(&home.path().join("strongroom.db"), SqliteOptions::default()).unwrap();
        let app = App::open(AppConfig {
            clock: Arc::<Hands>::clone(&clock),
            password_cost: strongroom_app::PasswordCost::LEAST,
            audit_kept: kept,
            ..AppConfig::new(Arc::clone(&store), RootKey::generate(&SystemRandom))
        });
        Self { app: app.await.unwrap(), store, clock, _home: home }
    }

    fn day(&self, day: i64) {
        self.clock.0.store(START + day * DAY, Ordering::SeqCst);
    }

    /// One more record.
    async fn act(&self, name: &str) {
        let (project, name): (_, NamespaceName) = (ProjectName::default_project(), name.parse().unwrap());
        let owner = Caller::owner("process", "test");
        projects::create_namespace(&self.app, &owner, &project, &name, Protection::Open).await.unwrap();
    }

    async fn verify(&self, anchors: &[AuditAnchor]) -> AuditVerdict {
        let owner = Caller::owner("process", "test");
        audit::verify(&self.app, &owner, &ProjectName::default_project(), anchors).await.unwrap()
    }

    async fn head(&self) -> AuditAnchor {
        let head = self.verify(&[]).await.heads.pop().unwrap();
        AuditAnchor { instance: None, node: head.node, seq: head.seq, link: head.link, at: None }
    }

    async fn actions(&self) -> Vec<String> {
        let query = Query { limit: 1_000, ..Query::default() };
        let owner = Caller::owner("process", "test");
        let items = audit::list(&self.app, &owner, &ProjectName::default_project(), query).await.unwrap();
        items.into_iter().map(|item| item.action).collect()
    }

    async fn cut(&self, cut: AuditCut) {
        self.store.write(move |tx: &mut dyn Tx| tx.cut_audit(&cut)).await.unwrap();
    }

    async fn cut_now(&self) -> Option<AuditCut> {
        self.store.read(|rows: &mut dyn Rows| rows.audit_cut("local")).await.unwrap()
    }

    async fn link(&self, seq: u64) -> [u8; 32] {
        let read = |rows: &mut dyn Rows| -> Result<_, StoreError> { rows.audit_after("local", seq - 1, 1) };
        self.store.read(read).await.unwrap().pop().unwrap().link
    }
}

#[tokio::test]
async fn records_that_have_served_their_time_go_behind_a_checkpoint() {
    let house = House::keeping(Some(Duration::from_hours(30 * 24))).await;
    let first = house.head().await;
    for day in 0..40 {
        house.day(day);
        house.act(&format!("n{day}")).await;
    }
    let kept = house.head().await;
    let owner = Caller::owner("process", "test");
    let project = ProjectName::default_project();
    let preview = audit::preview(&house.app, &owner, &project, None).await.unwrap();
    let would_go = preview.nodes.first().unwrap().records;
    assert_eq!((preview.kept_days, would_go), (Some(30), first.seq + 9));
    assert_eq!(house.verify(&[]).await.records, kept.seq, "asking erases nothing");
    house.app.erase_old_audit().await.unwrap();
    let verdict = house.verify(&[first.clone(), kept.clone()]).await;
    assert_eq!(verdict.problems, [""; 0]);
    assert_eq!(verdict.records, kept.seq - would_go + 1, "the cut has a record of its own");
    assert_eq!(verdict.starts.first().unwrap().seq, would_go);
    assert!(house.actions().await.len() < 40);
    // nothing is left to be done, and later it goes on from there
    house.app.erase_old_audit().await.unwrap();
    assert_eq!(house.head().await.seq, kept.seq + 1);
    house.day(60);
    house.app.erase_old_audit().await.unwrap();
    assert_eq!(house.verify(&[kept]).await.problems, [""; 0]);
    assert!(house.cut_now().await.unwrap().seq > would_go);
}

#[tokio::test]
async fn everything_is_kept_unless_the_server_is_told_otherwise() {
    let house = House::keeping(None).await;
    house.act("one").await;
    let head = house.head().await;
    house.day(5_000);
    house.app.erase_old_audit().await.unwrap();
    assert_eq!(house.head().await.seq, head.seq);
    let owner = Caller::owner("process", "test");
    let asked = audit::preview(&house.app, &owner, &ProjectName::default_project(), Some(house.clock.now())).await;
    assert_eq!(asked.unwrap().nodes.first().unwrap().records, head.seq - 1, "the newest record always stays");
}

#[tokio::test]
async fn attack_58_a_cut_that_the_server_did_not_make_is_found() {
    let house = House::keeping(Some(Duration::from_hours(30 * 24))).await;
    for number in 0..10 {
        house.act(&format!("n{number}")).await;
    }
    let link = house.link(5).await;
    let forged = AuditCut { node: "local".to_owned(), seq: 5, link, at: house.clock.now(), mac: vec![0; 32] };
    house.cut(forged).await;
    let verdict = house.verify(&[]).await;
    assert!(verdict.problems.iter().any(|problem| problem.contains("checkpoint")), "{:?}", verdict.problems);
    assert!(verdict.problems.iter().any(|problem| problem.contains("are missing")), "{:?}", verdict.problems);
}

#[tokio::test]
async fn attack_58_a_true_checkpoint_does_not_cover_a_longer_cut() {
    let house = House::keeping(Some(Duration::from_hours(30 * 24))).await;
    for number in 0..6 {
        house.act(&format!("a{number}")).await;
    }
    house.day(40);
    house.act("late").await;
    house.app.erase_old_audit().await.unwrap();
    assert!(house.verify(&[]).await.ok);
    let true_cut = house.cut_now().await.unwrap();
    // more is erased, and the true checkpoint is put back, or made to say more
    let link = house.link(true_cut.seq + 1).await;
    let longer = AuditCut { seq: true_cut.seq + 1, link, ..true_cut.clone() };
    house.cut(longer).await;
    assert!(!house.verify(&[]).await.ok, "a checkpoint that says more");
    house.cut(true_cut).await;
    let verdict = house.verify(&[]).await;
    assert!(verdict.problems.iter().any(|problem| problem.contains("missing")), "{:?}", verdict.problems);
}

#[tokio::test]
async fn attack_60_a_clock_that_jumps_back_breaks_no_chain_and_erases_nothing() {
    let house = House::keeping(Some(Duration::from_hours(30 * 24))).await;
    house.day(100);
    house.act("before").await;
    let kept = house.head().await;
    house.day(10);
    house.act("after").await;
    assert_eq!(house.verify(std::slice::from_ref(&kept)).await.problems, [""; 0]);
    // what was written under the later time is not old by the earlier one, and what follows it stays with it
    house.app.erase_old_audit().await.unwrap();
    assert!(house.cut_now().await.is_none_or(|cut| cut.seq < kept.seq));
    assert!(house.verify(&[kept]).await.ok);
    let newest = house.actions().await;
    assert_eq!(newest.first().unwrap(), "namespace.create", "records stand in the order of writing");
}

#[tokio::test]
async fn anchors_tell_where_a_chain_leaves_them() {
    let (house, other) = (House::keeping(None).await, House::keeping(None).await);
    let mut anchors = vec![house.head().await];
    for number in 0..4 {
        house.act(&format!("n{number}")).await;
        anchors.push(house.head().await);
    }
    assert_eq!(house.verify(&anchors).await.problems, [""; 0]);
    assert_eq!(house.verify(&anchors).await.anchors, 5);
    let problems = async |anchors: &[AuditAnchor]| house.verify(anchors).await.problems.join("\n");
    // a chain that was cut short
    let ahead = AuditAnchor { seq: anchors.last().unwrap().seq + 3, ..anchors.last().unwrap().clone() };
    let told = problems(&[anchors.clone(), vec![ahead.clone()]].concat()).await;
    assert!(told.contains(&format!("the head that was kept is {}", ahead.seq)), "{told}");
    assert!(told.contains(&format!("the last anchor that fits is {}", ahead.seq - 3)), "{told}");
    // another chain from some record on
    let mut replaced = anchors.clone();
    replaced.get_mut(3).unwrap().link = "00".repeat(32);
    let told = problems(&replaced).await;
    assert!(
        told.contains(&format!("record {} is not the one that was anchored", replaced.get(3).unwrap().seq)),
        "{told}"
    );
    // an older store that went on: later anchors say less than earlier ones
    let back = [vec![anchors.get(3).unwrap().clone()], anchors.clone()].concat();
    assert!(problems(&back).await.contains("the anchors go back"));
    // another instance's, another node's
    let foreign = AuditAnchor { instance: Some("ff".repeat(16)), ..anchors.first().unwrap().clone() };
    assert!(problems(&[foreign]).await.contains("of another instance"));
    let lost = AuditAnchor { node: "gone".to_owned(), ..anchors.first().unwrap().clone() };
    assert!(problems(&[lost]).await.contains("gone: the whole chain is gone"));
    assert!(!other.verify(&anchors).await.ok, "another store's chain");
}
