//! Whoever can write to the database without the root key gains nothing: flipped bits, swapped, moved and rolled-back
//! rows, widened rights are refused loudly.

use std::fs;
use std::path::PathBuf;

use http::Method;
use rusqlite::Connection;
use serde_json::json;
use strongroom_e2e::functions::{deploy, path};
use strongroom_e2e::{Instance, canary, wait};

/// A stopped instance with one of everything, and what it takes to look at it after tampering.
struct Prepared {
    instance: Instance,
    copy: PathBuf,
    lister: String,
    revoked: String,
    expired: String,
    values: Vec<String>,
}

async fn prepare() -> Prepared {
    let mut instance = Instance::start().await;
    let owner = instance.owner();
    let values: Vec<_> = (0..4).map(|_| instance.plant()).collect();
    owner.set("A", &values[0]).await;
    owner.set("A", &values[1]).await;
    owner.set("B", &values[2]).await;
    owner.set("GONE", &values[3]).await;
    owner.delete("secrets/GONE").send().await.expect(200);
    let old = json!({ "name": "OLD", "value": instance.plant(), "expires_at": "1s" });
    owner.post("secrets").json(&old).send().await.expect(201);
    owner.post("/api/v1/projects").json(&json!({ "name": "other" })).send().await.expect(201);
    owner.in_project("other").set("A", &instance.plant()).await;
    let private = json!({ "auth": "token" });
    deploy(&owner, "f", &private, "export default () => new Response('one');\n").await;
    deploy(&owner, "f", &private, "export default () => new Response('two');\n").await;
    let (lister, _) = instance.mint(&["secrets:list"]).await;
    let (revoked, record) = instance.mint(&["admin"]).await;
    owner.delete(&format!("tokens/{}", record["id"].as_str().unwrap())).send().await.expect(200);
    let brief = json!({ "name": "brief", "capabilities": ["admin"], "expires_at": "1s" });
    let (expired, _) = instance.mint_with(&brief).await;
    let anonymous = instance.anonymous();
    wait::eventually("both expiries", || async {
        let token_is_over = anonymous.with_token(&expired).get("stats").send().await.status == 401;
        (token_is_over && owner.resolve("default", "OLD").await.is_none()).then_some(())
    })
    .await;
    instance.stop().await;
    let copy = instance.work().join("copy.db");
    checkpoint(&instance);
    fs::copy(instance.database(), &copy).unwrap();
    Prepared { instance, copy, lister, revoked, expired, values }
}

/// Brings everything into the one file.
fn checkpoint(instance: &Instance) {
    let database = Connection::open(instance.database()).unwrap();
    database.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
}

impl Prepared {
    /// Starts on the untouched copy with these statements applied. Each must change something.
    async fn tampered(&mut self, statements: &[&str]) {
        fs::copy(&self.copy, self.instance.database()).unwrap();
        for rest in ["strongroom.db-wal", "strongroom.db-shm"] {
            fs::remove_file(self.instance.home().join(rest)).ok();
        }
        let database = Connection::open(self.instance.database()).unwrap();
        database.pragma_update(None, "foreign_keys", false).unwrap();
        for statement in statements {
            assert!(database.execute(statement, []).unwrap() >= 1, "{statement} changes nothing");
        }
        drop(database);
        checkpoint(&self.instance);
        self.instance.boot().await;
    }

    /// Resolving this name does not give a value, and does not pretend that nothing is there.
    async fn fails_loudly(&mut self, what: &str, name: &str, statements: &[&str]) {
        self.tampered(statements).await;
        let owner = self.instance.owner();
        for path in [format!("resolve?names={name}"), "resolve".to_owned()] {
            let answer = owner.get(&path).send().await;
            assert!(answer.status >= 500, "{what}: {path} answers {}", answer.status);
            let tells = self.values.iter().any(|value| answer.text().contains(value));
            assert!(!tells, "{what}: {path} tells a value");
        }
        assert!(self.instance.log().contains("does not open"), "{what}: the log says nothing");
        self.instance.stop().await;
    }

    async fn refuses(&mut self, what: &str, statements: &[&str], token: &str, method: Method, path: &str) {
        self.tampered(statements).await;
        let body = json!({ "secrets": { "PLANTED": "x" } });
        let client = self.instance.anonymous().with_token(token);
        let answer = client.call(method.clone(), path).json(&body).send().await;
        assert!(answer.status >= 400, "{what}: {method} {path} answers {}", answer.status);
        self.instance.stop().await;
    }
}

/// The `versions` row of a secret's current version.
const A: &str =
    "secret = (SELECT id FROM secrets WHERE name = 'A' AND project = (SELECT id FROM projects WHERE name = 'default'))";

#[tokio::test]
async fn attack_53_sealed_values_open_only_where_they_were_sealed() {
    let mut prepared = prepare().await;
    let current = format!("{A} AND version = 2");
    for (what, offset) in [("its first byte", 1), ("its tenth byte", 10), ("its fortieth byte", 40)] {
        let flip = format!(
            "UPDATE versions SET envelope = CAST(substr(envelope, 1, {offset} - 1) || CASE WHEN substr(envelope, {offset}, 1) = x'00' THEN x'01' ELSE x'00' END || substr(envelope, {offset} + 1) AS BLOB) WHERE {current}"
        );
        prepared.fails_loudly(what, "A", &[&flip]).await;
    }
    let cut = format!("UPDATE versions SET envelope = substr(envelope, 1, length(envelope) - 1) WHERE {current}");
    prepared.fails_loudly("a shorter envelope", "A", &[&cut]).await;
    let empty = format!("UPDATE versions SET envelope = x'' WHERE {current}");
    prepared.fails_loudly("an empty envelope", "A", &[&empty]).await;
    let older = format!(
        "UPDATE versions SET envelope = (SELECT envelope FROM versions WHERE {A} AND version = 1) WHERE {current}"
    );
    prepared.fails_loudly("an older version's envelope", "A", &[&older]).await;
    let swap = format!(
        "UPDATE versions SET envelope = (SELECT envelope FROM versions WHERE secret = (SELECT id FROM secrets WHERE name = 'B')) WHERE {current}"
    );
    prepared.fails_loudly("another secret's envelope", "A", &[&swap]).await;
    let foreign = format!(
        "UPDATE versions SET envelope = (SELECT envelope FROM versions WHERE secret = (SELECT id FROM secrets WHERE name = 'A' AND project = (SELECT id FROM projects WHERE name = 'other'))) WHERE {current}"
    );
    prepared.fails_loudly("another project's envelope", "A", &[&foreign]).await;
    let gone = format!("DELETE FROM versions WHERE {current}");
    prepared.fails_loudly("a version that is gone", "A", &[&gone]).await;
    prepared.instance.close().await;
}

#[tokio::test]
async fn attack_53_a_secrets_head_cannot_be_forged() {
    let mut prepared = prepare().await;
    let default = "project = (SELECT id FROM projects WHERE name = 'default')";
    for (what, name, change) in [
        ("a head rolled back", "A", format!("UPDATE secrets SET version = 1 WHERE name = 'A' AND {default}")),
        ("another name", "C", format!("UPDATE secrets SET name = 'C' WHERE name = 'B' AND {default}")),
        ("another scope", "B", format!("UPDATE secrets SET scope = 'namespace', namespace = 'default' WHERE name = 'B' AND {default}")),
        ("an expiry taken away", "OLD", format!("UPDATE secrets SET expires_at = NULL WHERE name = 'OLD' AND {default}")),
        ("an expiry put off", "OLD", format!("UPDATE secrets SET expires_at = expires_at + 1000000000000 WHERE name = 'OLD' AND {default}")),
        ("a deletion undone", "GONE", format!("UPDATE secrets SET deleted_at = NULL WHERE name = 'GONE' AND {default}")),
        ("another project", "A", "UPDATE secrets SET project = (SELECT id FROM projects WHERE name = 'default'), name = 'X' WHERE name = 'A' AND project = (SELECT id FROM projects WHERE name = 'other')".to_owned()),
        ("a changed MAC", "B", format!("UPDATE secrets SET mac = x'00' WHERE name = 'B' AND {default}")),
        ("another's MAC", "B", format!("UPDATE secrets SET mac = (SELECT mac FROM secrets WHERE name = 'A' AND {default}) WHERE name = 'B' AND {default}")),
    ] {
        let name = if what == "another project" { "X" } else { name };
        prepared.fails_loudly(what, name, &[&change]).await;
    }
    prepared.instance.close().await;
}

#[tokio::test]
async fn attack_53_rights_cannot_be_widened_in_the_database() {
    let mut prepared = prepare().await;
    let (lister, revoked, expired) = (prepared.lister.clone(), prepared.revoked.clone(), prepared.expired.clone());
    let secrets = "/api/v1/projects/default/secrets";
    let widen = "UPDATE tokens SET access = replace(access, 'secrets:list', 'admin')";
    prepared.refuses("a widened grant", &[widen], &lister, Method::PUT, secrets).await;
    let other = "UPDATE tokens SET access = replace(access, '\"default\"', '\"other\"')";
    prepared.refuses("another project", &[other], &lister, Method::GET, "/api/v1/projects/other/secrets").await;
    let revive = "UPDATE tokens SET revoked_at = NULL WHERE revoked_at IS NOT NULL";
    prepared.refuses("a revocation undone", &[revive], &revoked, Method::PUT, secrets).await;
    let prolong = "UPDATE tokens SET expires_at = NULL WHERE expires_at IS NOT NULL";
    prepared.refuses("an expiry taken away", &[prolong], &expired, Method::PUT, secrets).await;
    let swap = "UPDATE tokens SET digest = x'00' WHERE access LIKE '%secrets:list%'";
    prepared.refuses("another digest", &[swap], &lister, Method::GET, secrets).await;
    prepared.instance.close().await;
}

#[tokio::test]
async fn attack_53_code_and_who_may_call_it_cannot_be_forged() {
    let mut prepared = prepare().await;
    for (what, change) in [
        ("other code", "UPDATE bundles SET code = CAST(replace(CAST(code AS TEXT), 'two', 'bad') AS BLOB)"),
        (
            "the code of another deployment",
            "UPDATE bundles SET code = (SELECT code FROM bundles WHERE number = 1) WHERE number = 2",
        ),
        ("an older deployment", "UPDATE workloads SET active = 1"),
        ("a public function", "UPDATE deployments SET manifest = replace(manifest, '\"token\"', '\"public\"')"),
        ("a function that is a job", "UPDATE workloads SET kind = 'job'"),
        ("another name", "UPDATE workloads SET name = 'g'"),
    ] {
        prepared.tampered(&[change]).await;
        let token = prepared.instance.owner().token().unwrap().to_owned();
        let name = if what == "another name" { "g" } else { "f" };
        for caller in [prepared.instance.caller(), prepared.instance.caller().with_token(&token)] {
            let answer = caller.get(&path(name)).send().await;
            assert!(answer.status >= 400, "{what}: {} {}", answer.status, answer.text());
        }
        prepared.instance.stop().await;
    }
    prepared.instance.close().await;
}

#[tokio::test]
async fn attack_53_project_keys_and_settings_cannot_be_swapped() {
    let mut prepared = prepare().await;
    let flip =
        "UPDATE project_keys SET wrapped = x'00' WHERE project = (SELECT id FROM projects WHERE name = 'default')";
    let swap = "UPDATE project_keys SET wrapped = (SELECT wrapped FROM project_keys WHERE project = (SELECT id FROM projects WHERE name = 'other')) WHERE project = (SELECT id FROM projects WHERE name = 'default')";
    let rename = "UPDATE projects SET name = 'default2' WHERE name = 'default'";
    for (what, changes) in [
        ("a broken key", vec![flip]),
        ("another project's key", vec![swap]),
        ("another name", vec![rename, "UPDATE projects SET name = 'default' WHERE name = 'other'"]),
    ] {
        fs::copy(&prepared.copy, prepared.instance.database()).unwrap();
        let database = Connection::open(prepared.instance.database()).unwrap();
        for change in changes {
            assert!(database.execute(change, []).unwrap() >= 1, "{what}");
        }
        drop(database);
        checkpoint(&prepared.instance);
        if let Some(answer) = started(&mut prepared.instance).await {
            assert!(answer >= 500, "{what}: resolving answers {answer}");
        }
    }
    let reveal = "UPDATE projects SET settings = replace(settings, 'false', 'true')";
    prepared.tampered(&[reveal]).await;
    let revealed = prepared.instance.owner().post("secrets/A/reveal").send().await;
    assert!(revealed.status >= 400, "a forged setting reveals a value");
    prepared.instance.stop().await;
    prepared.instance.close().await;
}

/// The status of resolving `A` once the server runs; none if it refuses to start.
async fn started(instance: &mut Instance) -> Option<u16> {
    let mut child = instance.server_command().spawn().unwrap();
    let token = instance.home().join("owner.token");
    fs::remove_file(&token).ok();
    let socket = instance.home().join("strongroom.sock");
    let runs = wait::eventually("the server to start or to refuse", || {
        let ended = child.try_wait().unwrap().is_some();
        let ready = token.exists() && socket.exists();
        async move { if ended { Some(false) } else { ready.then_some(true) } }
    });
    let status = if runs.await {
        let token = fs::read_to_string(&token).unwrap();
        let client = instance.socket().with_token(token.trim());
        Some(client.get("resolve?names=A").send().await.status)
    } else {
        None
    };
    child.start_kill().ok();
    child.wait().await.unwrap();
    status
}

#[tokio::test]
async fn attack_40_what_is_stored_about_values_is_no_digest_that_anyone_can_make() {
    let mut instance = Instance::start().await;
    let owner = instance.owner();
    // low entropy: whoever could test a guess would find it
    let guessable = "hunter2!";
    owner.set("A", guessable).await;
    owner.set("B", guessable).await;
    let tag = owner.get("resolve").send().await.expect(200).header("etag").to_owned();
    assert!(!canary::digest(guessable).contains(tag.trim_matches('"')));
    instance.stop().await;
    checkpoint(&instance);
    let database = Connection::open(instance.database()).unwrap();
    let mut query = database.prepare("SELECT envelope FROM versions").unwrap();
    let envelopes: Vec<Vec<u8>> = query.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    let tails: Vec<_> = envelopes.iter().map(|envelope| envelope[envelope.len() - 24..].to_vec()).collect();
    assert_ne!(tails[0], tails[1], "equal values look equal in the database");
    let bytes = fs::read(instance.database()).unwrap();
    let digest = hex::decode(canary::digest(guessable)).unwrap();
    assert!(!bytes.windows(digest.len()).any(|window| window == digest), "a bare digest is stored");
    drop(query);
    instance.close().await;
}

#[tokio::test]
async fn attack_53_a_deleted_projects_values_are_gone_for_good() {
    let mut instance = Instance::start().await;
    let owner = instance.owner();
    owner.post("/api/v1/projects").json(&json!({ "name": "doomed" })).send().await.expect(201);
    owner.in_project("doomed").set("A", &instance.plant()).await;
    instance.stop().await;
    checkpoint(&instance);
    let key: Vec<u8> = {
        let database = Connection::open(instance.database()).unwrap();
        let query = "SELECT wrapped FROM project_keys WHERE project = (SELECT id FROM projects WHERE name = 'doomed')";
        database.query_row(query, [], |row| row.get(0)).unwrap()
    };
    instance.boot().await;
    instance.owner().in_project("doomed").delete(".?confirm=doomed").send().await.expect(200);
    for entry in fs::read_dir(instance.home()).unwrap().flatten() {
        let bytes = fs::read(entry.path()).unwrap_or_default();
        let remains = bytes.windows(key.len()).any(|window| window == key);
        assert!(!remains, "{} still holds the project's wrapped key", entry.path().display());
    }
    instance.close().await;
}
