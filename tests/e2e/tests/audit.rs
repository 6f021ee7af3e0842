//! The audit trail: every change, every delivery and every denial has a record, and no record can be edited, deleted,
//! swapped or cut off unnoticed.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use rusqlite::Connection;
use serde_json::{Value, json};
use strongroom_e2e::functions::{digest_of, open, path};
use strongroom_e2e::{Instance, functions, wait};

async fn records(instance: &Instance, query: &str) -> Vec<Value> {
    let answer = instance.owner().get(&format!("audit?limit=1000{query}")).send().await.expect(200).json();
    answer["items"].as_array().unwrap().clone()
}

async fn actions(instance: &Instance) -> Vec<String> {
    let mut newest_first = records(instance, "").await;
    newest_first.reverse();
    newest_first.iter().map(|record| record["action"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn every_change_has_a_record_that_says_who_what_and_whence() {
    let instance = Instance::start().await;
    let owner = instance.owner();
    owner.set("A", &instance.plant()).await;
    owner.put("secrets/A").json(&json!({ "description": "Payments" })).send().await.expect(200);
    owner.set("A", &instance.plant()).await;
    owner.post("secrets/A/rollback").json(&json!({ "version": 1 })).send().await.expect(200);
    owner.delete("secrets/A").send().await.expect(200);
    owner.post("secrets/A/restore").send().await.expect(200);
    owner.delete("secrets/A?purge=true").send().await.expect(200);
    owner.post("declarations").json(&json!({ "secrets": [{ "name": "B" }] })).send().await.expect(200);
    owner.post("namespaces").json(&json!({ "name": "staging" })).send().await.expect(201);
    owner.post("apps").json(&json!({ "id": "shop" })).send().await.expect(201);
    let (_, token) = instance.mint(&["secrets:list"]).await;
    owner.delete(&format!("tokens/{}", token["id"].as_str().unwrap())).send().await.expect(200);
    functions::deploy(&owner, "f", &open(), "export default () => new Response('ok');\n").await;
    functions::deploy(&owner, "f", &open(), "export default () => new Response('other');\n").await;
    owner.post("functions/f/rollback").json(&json!({})).send().await.expect(200);
    owner.delete("functions/f").send().await.expect(200);
    let seen = actions(&instance).await;
    let expected = [
        "secret.set",
        "secret.edit",
        "secret.set",
        "secret.rollback",
        "secret.delete",
        "secret.restore",
        "secret.purge",
        "secret.declare",
        "namespace.create",
        "app.create",
        "token.create",
        "token.revoke",
        "function.deploy",
        "function.deploy",
        "function.rollback",
        "function.delete",
    ];
    let mut rest = seen.iter();
    for action in expected {
        assert!(rest.any(|seen| seen == action), "{action} is missing after its turn in {seen:?}");
    }
    let set = records(&instance, "&action=secret.set").await.pop().unwrap();
    assert_eq!((&set["actor"], &set["source"], &set["result"]), (&json!("owner"), &json!("127.0.0.1"), &json!("ok")));
    assert_eq!((&set["target"]["secret"], &set["target"]["version"]), (&json!("A"), &json!(1)), "{set}");
    assert!(set["request_id"].is_string() && set["at"].is_string(), "{set}");
    instance.close().await;
}

#[tokio::test]
async fn values_leave_only_with_a_record() {
    let instance = Instance::start().await;
    let owner = instance.owner();
    owner.set("A", &instance.plant()).await;
    owner.call(http::Method::PATCH, ".").json(&json!({ "allow_reveal": true })).send().await.expect(200);
    owner.get("resolve").send().await.expect(200);
    owner.get("export").send().await.expect(200);
    owner.post("secrets/A/reveal").send().await.expect(200);
    functions::deploy(&owner, "reader", &open(), &digest_of("secrets.get('A')")).await;
    instance.caller().get(&path("reader")).send().await.expect(200);
    instance.cli(["run", "--", "true"]).await.ok();
    let deliveries = records(&instance, "&action=values.").await;
    let count = |action: &str| deliveries.iter().filter(|record| record["action"] == action).count();
    assert_eq!((count("values.resolve"), count("values.export"), count("values.reveal")), (2, 1, 1), "{deliveries:?}");
    let worker: Vec<_> = deliveries.iter().filter(|record| record["action"] == "values.worker").collect();
    assert_eq!(worker[0]["target"]["names"], json!(["A"]));
    let before = worker.len();
    for _ in 0..5 {
        instance.caller().get(&path("reader")).send().await.expect(200);
    }
    assert_eq!(records(&instance, "&action=values.worker").await.len(), before, "an epoch is handed over once");
    owner.set("A", &instance.plant()).await;
    instance.caller().get(&path("reader")).send().await.expect(200);
    assert_eq!(records(&instance, "&action=values.worker").await.len(), before + 1);
    instance.close().await;
}

#[tokio::test]
async fn denials_have_records_too() {
    let instance = Instance::start().await;
    let lister = instance.client(&["secrets:list"]).await;
    lister.get("resolve").send().await.problem(403, "forbidden");
    let denied = records(&instance, "&action=access.denied").await;
    assert_eq!((&denied[0]["result"], &denied[0]["target"]["needed"]), (&json!("denied"), &json!("values:read")));
    assert!(denied[0]["actor"].as_str().unwrap().starts_with("token:"), "{}", denied[0]);
    instance.close().await;
}

#[tokio::test]
async fn records_are_found_by_action_text_and_time() {
    let instance = Instance::start().await;
    let owner = instance.owner();
    for name in ["FIRST", "SECOND"] {
        owner.set(name, &instance.plant()).await;
    }
    assert_eq!(records(&instance, "&search=FIRST").await.len(), 1);
    assert_eq!(records(&instance, "&action=secret.set&since=1h").await.len(), 2);
    assert!(records(&instance, "&since=2099-01-01T00:00:00Z").await.is_empty());
    let page = owner.get("audit?limit=1").send().await.expect(200).json();
    assert!(page["next_cursor"].is_string(), "{page}");
    let listed = instance.cli(["audit", "list", "--json"]).await.ok().json();
    assert!(!listed.as_array().unwrap().is_empty());
    instance.close().await;
}

/// An instance with a trail, stopped, so that its file can be tampered with; and its head.
async fn stopped() -> (Instance, Value) {
    let mut instance = Instance::start().await;
    for number in 0..6 {
        instance.owner().set(&format!("NAME_{number}"), &instance.plant()).await;
    }
    let verdict = instance.owner().get("audit/verify").send().await.expect(200).json();
    assert_eq!((&verdict["ok"], &verdict["problems"]), (&json!(true), &json!([])));
    assert!(verdict["records"].as_u64().unwrap() >= 6, "{verdict}");
    instance.stop().await;
    (instance, verdict["heads"][0].clone())
}

async fn verdict_after(mut instance: Instance, tamper: impl FnOnce(&Connection)) -> (Instance, Value) {
    let database = Connection::open(instance.database()).unwrap();
    tamper(&database);
    drop(database);
    instance.boot().await;
    let verdict = instance.owner().get("audit/verify").send().await.expect(200).json();
    (instance, verdict)
}

async fn is_found(tamper: impl FnOnce(&Connection)) {
    let (instance, _) = stopped().await;
    let (instance, verdict) = verdict_after(instance, tamper).await;
    assert_eq!(verdict["ok"], false, "{verdict}");
    assert!(!verdict["problems"].as_array().unwrap().is_empty(), "{verdict}");
    let told = instance.cli(["audit", "verify"]).await.expect(1);
    assert!(!told.stdout.is_empty() || !told.stderr.is_empty());
    instance.close().await;
}

/// The third record's place.
const THIRD: &str = "(SELECT place FROM audit ORDER BY place LIMIT 1 OFFSET 2)";

#[tokio::test]
async fn an_edited_record_is_found() {
    is_found(|database| {
        let edit = format!("UPDATE audit SET record = replace(record, 'owner', 'someone') WHERE place = {THIRD}");
        assert_eq!(database.execute(&edit, []).unwrap(), 1);
    })
    .await;
}

#[tokio::test]
async fn an_edited_column_is_found() {
    is_found(|database| {
        let edit = format!("UPDATE audit SET action = 'secret.edit' WHERE place = {THIRD}");
        assert_eq!(database.execute(&edit, []).unwrap(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_deleted_record_is_found() {
    is_found(|database| {
        assert_eq!(database.execute(&format!("DELETE FROM audit WHERE place = {THIRD}"), []).unwrap(), 1);
    })
    .await;
}

#[tokio::test]
async fn swapped_records_are_found() {
    is_found(|database| {
        let places: Vec<i64> = {
            let mut query = database.prepare("SELECT place FROM audit ORDER BY place LIMIT 2 OFFSET 2").unwrap();
            query.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
        };
        let swap = "UPDATE audit SET place = ?2 WHERE place = ?1";
        database.execute(swap, [places[0], -1]).unwrap();
        database.execute(swap, [places[1], places[0]]).unwrap();
        database.execute(swap, [-1, places[1]]).unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_forged_record_at_the_end_is_found() {
    is_found(|database| {
        let copy = "INSERT INTO audit (place, at, project, action, record, link) SELECT place + 1, at, project, action, record, link FROM audit ORDER BY place DESC LIMIT 1";
        assert_eq!(database.execute(copy, []).unwrap(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_trail_cut_short_differs_from_a_head_that_was_kept() {
    let (instance, head) = stopped().await;
    let kept = head["seq"].as_u64().unwrap();
    let (instance, verdict) = verdict_after(instance, |database| {
        database
            .execute("DELETE FROM audit WHERE place IN (SELECT place FROM audit ORDER BY place DESC LIMIT 2)", [])
            .unwrap();
    })
    .await;
    let now = &verdict["heads"][0];
    let differs = now["seq"].as_u64().unwrap() < kept || now["link"] != head["link"];
    assert!(differs, "{verdict}");
    // the command line compares with a head that was kept elsewhere
    let anchor = format!("{}:{}:{}", head["node"].as_str().unwrap(), kept, head["link"].as_str().unwrap());
    let told = instance.cli(["audit", "verify", "--head", &anchor]).await;
    assert_eq!(told.code, Some(1), "{}{}", told.stdout, told.stderr);
    instance.close().await;
}

#[tokio::test]
async fn an_untouched_trail_extends_a_head_that_was_kept() {
    let (instance, head) = stopped().await;
    let (instance, verdict) = verdict_after(instance, |_| {}).await;
    assert_eq!(verdict["ok"], true, "{verdict}");
    let anchor = format!("{}:{}:{}", head["node"].as_str().unwrap(), head["seq"], head["link"].as_str().unwrap());
    instance.cli(["audit", "verify", "--head", &anchor]).await.ok();
    instance.close().await;
}

#[tokio::test]
async fn the_command_line_leaves_records_without_a_server_too() {
    let mut instance = Instance::start().await;
    instance.stop().await;
    let value = instance.plant();
    instance.command(["secrets", "set", "LOCAL"]).input(value.as_str()).run().await.ok();
    instance.boot().await;
    let record = wait::eventually("the record", || async { records(&instance, "&search=LOCAL").await.pop() }).await;
    assert_eq!((&record["action"], &record["source"]), (&json!("secret.set"), &json!("process")));
    instance.close().await;
}

#[tokio::test]
async fn a_trail_that_grows_while_it_is_checked_is_whole() {
    let instance = Instance::start().await;
    let owner = instance.owner();
    let writing = owner.clone();
    let writer = tokio::spawn(async move {
        for number in 0..150 {
            writing.set("A", &format!("value-{number}")).await;
        }
    });
    while !writer.is_finished() {
        let verdict = owner.get("audit/verify").send().await.expect(200).json();
        assert_eq!(verdict["ok"], true, "{verdict}");
    }
    instance.close().await;
}
