//! Whoever can write to the database without the root key: every column of every table is edited, and no edit gives anybody
//! anything that he did not get before. A table or column that stands in no list fails the test.

mod look;
mod tables;

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use rusqlite::Connection;
use serde_json::json;
use strongroom_e2e::functions::{deploy, digest_of, path, try_deploy};
use strongroom_e2e::identity::Issuer;
use strongroom_e2e::{Client, Instance, jobs, wait};

use tables::{COLUMNS, Fate, SPECIAL};

/// A stopped instance with rows in every table, and what its callers get from it.
struct World {
    instance: Instance,
    copy: PathBuf,
    tokens: BTreeMap<&'static str, String>,
    run: String,
    links: BTreeMap<&'static str, String>,
    /// Tokens of end users, by what they are.
    users: BTreeMap<&'static str, String>,
    /// The cookie and the CSRF token of the first person's session.
    session: (String, String),
    before: Seen,
}

/// What callers get: for each thing that is tried, what it gave, or none where it was refused.
type Seen = BTreeMap<String, Option<String>>;

async fn prepare() -> World {
    let mut instance = Instance::start().await;
    let owner = instance.owner();
    let allow = json!({ "name": "guarded", "protected": true });
    owner.post("namespaces").json(&allow).send().await.expect(201);
    owner
        .post("namespaces")
        .json(&json!({ "name": "staging" }))
        .header("idempotency-key", "once")
        .send()
        .await
        .expect(201);
    owner.post("apps").json(&json!({ "id": "shop" })).send().await.expect(201);
    owner.post("/api/v1/projects").json(&json!({ "name": "other" })).send().await.expect(201);
    for name in ["A", "A", "B", "GONE", "GUARDED"] {
        owner.set(name, &instance.plant()).await;
    }
    owner.delete("secrets/GONE").send().await.expect(200);
    let old = json!({ "name": "OLD", "value": instance.plant(), "expires_at": "1s" });
    owner.post("secrets").json(&old).send().await.expect(201);
    // names of their own: a row that is taken away gives way to a wider scope, which another test tells
    for (key, place, name) in [("namespace", "staging", "S"), ("namespace", "guarded", "G"), ("app", "shop", "P")] {
        let body = json!({ "name": name, "value": instance.plant(), key: place });
        owner.post("secrets").json(&body).send().await.expect(201);
    }
    owner.put("settings/secrets/A?user=u1").json(&json!({ "value": instance.plant() })).send().await.expect(200);
    owner.in_project("other").set("FOREIGN", &instance.plant()).await;
    workloads(&owner).await;
    let run = jobs::run(&owner, "work", &json!({ "from": "payload" })).await;
    jobs::until(&owner, &run, "succeeded").await;
    instance.caller().with_token(owner.token().unwrap()).get(&path("private")).send().await.expect(200);
    let tokens = tokens(&instance).await;
    let links = links(&instance).await;
    let users = end_users(&instance).await;
    let session = people(&instance).await;
    let expired = instance.anonymous().with_token(&tokens["expired"]);
    wait::eventually("both expiries", || async {
        let token_is_over = expired.get("stats").send().await.status == 401;
        (token_is_over && owner.resolve("default", "OLD").await.is_none()).then_some(())
    })
    .await;
    instance.stop().await;
    fill_slots(&instance);
    let copy = instance.work().join("copy.db");
    fs::copy(instance.database(), &copy).unwrap();
    let mut world = World { instance, copy, tokens, run, links, users, session, before: Seen::new() };
    assert!(world.boot(&[]).await, "the untouched copy does not start");
    world.before = world.look().await;
    let missing: Vec<_> = GIVEN.iter().filter(|what| world.before[**what].is_none()).collect();
    assert!(missing.is_empty(), "these give nothing in the first place: {missing:?}");
    world.instance.kill().await;
    world
}

async fn workloads(owner: &Client) {
    let private = json!({ "auth": "token" });
    deploy(owner, "private", &private, "export default () => new Response('one');\n").await;
    deploy(owner, "private", &private, "export default () => new Response('two');\n").await;
    try_deploy(owner, ("staging", "reader"), &private, &digest_of("secrets.get('S')")).await.expect(200);
    let job = json!({ "schedule": "0 0 1 1 *" });
    jobs::deploy(owner, "work", &job, "export default async (payload) => ({ saw: payload.from });\n").await;
}

async fn tokens(instance: &Instance) -> BTreeMap<&'static str, String> {
    let mut tokens = BTreeMap::new();
    for (name, body) in [
        ("lister", json!({ "name": "lister", "capabilities": ["secrets:list"] })),
        ("limited", json!({ "name": "limited", "capabilities": ["values:read"], "namespaces": ["staging"] })),
        ("abroad", json!({ "name": "abroad", "capabilities": ["admin"], "from": ["203.0.113.0/24"] })),
        ("unguarded", json!({ "name": "unguarded", "capabilities": ["values:read"] })),
        ("revoked", json!({ "name": "revoked", "capabilities": ["admin"] })),
        ("expired", json!({ "name": "expired", "capabilities": ["admin"], "expires_at": "1s" })),
    ] {
        let (token, record) = instance.mint_with(&body).await;
        if name == "revoked" {
            instance.owner().delete(&format!("tokens/{}", record["id"].as_str().unwrap())).send().await.expect(200);
        }
        tokens.insert(name, token);
    }
    tokens
}

/// A project's issuer, another one that another project trusts, and one that nobody trusts with this key: tokens of each.
async fn end_users(instance: &Instance) -> BTreeMap<&'static str, String> {
    let owner = instance.owner();
    let mut tokens = BTreeMap::new();
    for (name, project) in [("app", "default"), ("foreign", "other")] {
        let issuer = Issuer::shared("https://login.example.com");
        instance.watch(issuer.shared_key());
        let body = json!({ "name": name, "issuer": issuer.url, "audience": "shop", "shared_key": issuer.shared_key() });
        owner.in_project(project).post("issuers").json(&body).send().await.expect(201);
        let mut misdirected = issuer.claims("u1");
        misdirected["aud"] = json!("toys");
        tokens.insert(name, issuer.token("u1"));
        if name == "app" {
            tokens.insert("misdirected", issuer.sign(&issuer.header(), &misdirected));
        }
    }
    tokens
}

/// The first account, as an owner of `default` and a viewer of `viewed`; its session.
async fn people(instance: &Instance) -> (String, String) {
    let code = setup_code(instance).await;
    let body = json!({ "code": code, "name": "ada", "password": PASSWORD });
    let made = instance.anonymous().post("/api/v1/setup").json(&body).unwitnessed().send().await;
    assert!(made.status < 300, "{}", made.status);
    let (project, viewer) = (json!({ "name": "viewed" }), json!({ "role": "viewer" }));
    instance.owner().post("/api/v1/projects").json(&project).send().await.expect(201);
    instance.owner().in_project("viewed").put("members/ada").json(&viewer).send().await.expect(200);
    let again = json!({ "name": "ada", "password": PASSWORD });
    let made = instance.anonymous().post("/api/v1/session").json(&again).unwitnessed().send().await.expect(200);
    let cookie = made.header("set-cookie").split(';').next().unwrap().to_owned();
    (cookie, made.json()["csrf_token"].as_str().unwrap().to_owned())
}

/// A password that nobody has.
pub(super) const PASSWORD: &str = "seven planted words for ada alone";

/// The code of the setup address, which the server prints once.
pub(super) async fn setup_code(instance: &Instance) -> String {
    wait::eventually("the setup address", || async {
        let log = instance.log();
        let (_, rest) = log.split_once("/setup/")?;
        rest.split(|letter: char| !letter.is_ascii_alphanumeric()).next().map(str::to_owned)
    })
    .await
}

/// Fill-in links by what became of them, with their codes.
async fn links(instance: &Instance) -> BTreeMap<&'static str, String> {
    let mut links = BTreeMap::new();
    for state in ["open", "filled", "revoked"] {
        let body = json!({ "secrets": [{ "name": format!("ASKED_{state}") }] });
        let made = instance.owner().post("links").json(&body).unwitnessed().send().await.expect(201).json();
        let code = made["url"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
        if state == "filled" {
            let body = json!({ "code": code, "secrets": { "ASKED_filled": instance.plant() } });
            instance.anonymous().post("/api/v1/fill").json(&body).send().await.expect(200);
        } else if state == "revoked" {
            let id = made["link"]["id"].as_str().unwrap();
            instance.owner().delete(&format!("links/{id}")).send().await.expect(200);
        }
        links.insert(state, code);
    }
    links
}

/// A slot comes once a year: a row as the scheduler writes it.
fn fill_slots(instance: &Instance) {
    let database = Connection::open(instance.database()).unwrap();
    database.execute("INSERT INTO slots SELECT id, 1, NULL FROM workloads WHERE kind = 'job'", []).unwrap();
    database.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
}

/// What gives something in the first place.
const GIVEN: [&str; 16] = [
    "ada is",
    "ada lists default",
    "ada lists viewed",
    "ada writes default",
    "open link asks",
    "lister lists",
    "owner: default",
    "owner: staging",
    "owner: shop",
    "owner: guarded",
    "owner: other",
    "limited: staging",
    "end user: app",
    "owner calls private",
    "owner calls reader",
    "owner reads the run's result",
];

impl World {
    /// Starts on the untouched copy with these statements applied. Whether it starts.
    async fn boot(&mut self, statements: &[String]) -> bool {
        fs::copy(&self.copy, self.instance.database()).unwrap();
        for rest in ["strongroom.db-wal", "strongroom.db-shm"] {
            fs::remove_file(self.instance.home().join(rest)).ok();
        }
        let database = Connection::open(self.instance.database()).unwrap();
        database.pragma_update(None, "foreign_keys", false).unwrap();
        for statement in statements {
            let changed = database.execute(statement, []).unwrap_or_else(|error| panic!("{statement}: {error}"));
            assert!(
                changed >= 1 || [" invitations ", " identities "].iter().any(|table| statement.contains(table)),
                "{statement} changes nothing"
            );
        }
        drop(database);
        self.instance.try_boot().await
    }

    /// Applies edits, and compares what callers get with what they got. Whether something was refused.
    async fn tampered(&mut self, what: &str, statements: &[String]) -> bool {
        if !self.boot(statements).await {
            return true;
        }
        let after = self.look().await;
        self.instance.kill().await;
        let mut is_refused = false;
        for (tried, before) in &self.before {
            let now = &after[tried];
            assert!(is_no_more(now.as_deref(), before.as_deref()), "{what}: {tried} gives something else");
            is_refused |= now != before;
        }
        is_refused
    }

    /// Whether `audit verify` passes after these edits.
    async fn trail_is_whole(&mut self, statements: &[String]) -> bool {
        assert!(self.boot(statements).await, "{statements:?} keeps the server from starting");
        let verdict = self.instance.owner().get("audit/verify").send().await;
        self.instance.kill().await;
        verdict.status == 200 && verdict.json()["ok"] == true
    }
}

/// Whether each line of what is given now was given before.
fn is_no_more(now: Option<&str>, before: Option<&str>) -> bool {
    let before: Vec<_> = before.unwrap_or_default().lines().collect();
    now.unwrap_or_default().lines().all(|line| before.contains(&line))
}

/// The columns of every table of a database, with their types.
fn schema(database: &Connection) -> Vec<(String, String, String)> {
    let mut query = database
        .prepare(
            "SELECT t.name, c.name, c.type FROM sqlite_schema AS t, pragma_table_info(t.name) AS c
             WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%' ORDER BY t.name, c.cid",
        )
        .unwrap();
    let rows = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
    rows.map(Result::unwrap).collect()
}

/// The edits of one column: first one of every row, then special ones.
fn edits(table: &str, column: &str, kind: &str) -> Vec<String> {
    let special: Vec<_> = SPECIAL
        .iter()
        .filter(|(of, at, _)| (*of, *at) == (table, column))
        .map(|(_, _, edit)| format!("UPDATE {table} SET {edit}"))
        .collect();
    let plain = match kind {
        "INTEGER" => format!("{column} = coalesce({column}, 0) + 1000"),
        "TEXT" => format!("{column} = coalesce({column}, '') || 'x'"),
        _ => format!(
            "{column} = CASE WHEN coalesce(length({column}), 0) = 0 THEN x'01' ELSE CAST(substr({column}, 1, length({column}) - 1) || CASE substr({column}, -1) WHEN x'01' THEN x'00' ELSE x'01' END AS BLOB) END"
        ),
    };
    // what must be unique stays so
    let plain = match (table, column) {
        ("audit", "place") => "UPDATE audit SET place = place + 1000".to_owned(),
        ("runs" | "logs", "seq" | "id") if kind == "INTEGER" => {
            format!("UPDATE {table} SET {column} = {column} + 1000")
        }
        ("instance", "only") => "UPDATE instance SET only = 1".to_owned(),
        (_, "id" | "project" | "digest" | "workload" | "job" | "secret" | "run" | "user") if kind == "BLOB" => {
            format!("UPDATE {table} SET {column} = randomblob(coalesce(length({column}), 16))")
        }
        _ => format!("UPDATE {table} SET {plain}"),
    };
    std::iter::once(plain).chain(special).collect()
}

/// Tries every column of these tables.
async fn try_tables(only: &[&str]) {
    let mut world = prepare().await;
    let schema = schema(&Connection::open(&world.copy).unwrap());
    for table in only {
        let fate = |column: &str| COLUMNS.iter().find(|(of, at, _)| (of, *at) == (table, column)).unwrap().2;
        let columns: Vec<_> = schema.iter().filter(|(of, ..)| of == table).collect();
        assert!(!columns.is_empty(), "there is no table {table}");
        let mut facts = Vec::new();
        for (_, column, kind) in columns {
            for (index, edit) in edits(table, column, kind).into_iter().enumerate() {
                match fate(column) {
                    // the first edit is of every row, so that somebody must mind
                    Fate::Refused => {
                        let is_refused = world.tampered(&edit, std::slice::from_ref(&edit)).await;
                        assert!(is_refused || index > 0, "{edit}: nobody minds");
                    }
                    Fate::Trail => {
                        assert!(!world.trail_is_whole(std::slice::from_ref(&edit)).await, "{edit} is not found");
                    }
                    Fate::Fact(reason) => {
                        assert!(!reason.is_empty());
                        facts.push(edit);
                    }
                    Fate::Elsewhere(test) => assert!(test.contains('_')),
                }
            }
        }
        if !facts.is_empty() {
            // one after the other in one store: none of them may matter, nor all together
            world.tampered(&format!("the facts of {table}"), &facts).await;
        }
    }
    world.instance.close().await;
}

/// The tables, in groups that take about as long.
const GROUPS: [&[&str]; 6] = [
    &["instance", "projects", "project_keys", "namespaces", "apps", "epochs", "idempotency", "read_facts", "logs"],
    &["secrets", "versions"],
    &["tokens", "links", "trusts"],
    &["users", "members", "sessions", "invitations", "identities"],
    &["workloads", "deployments", "bundles"],
    &["runs", "slots", "audit", "audit_nodes", "audit_cuts"],
];

#[tokio::test]
async fn attack_53_no_edit_of_projects_keys_and_places_gives_anybody_anything() {
    try_tables(GROUPS[0]).await;
}

#[tokio::test]
async fn attack_53_no_edit_of_secrets_and_versions_gives_anybody_anything() {
    try_tables(GROUPS[1]).await;
}

#[tokio::test]
async fn attack_53_no_edit_of_tokens_and_links_gives_anybody_anything() {
    try_tables(GROUPS[2]).await;
}

#[tokio::test]
async fn attack_53_no_edit_of_people_and_sessions_gives_anybody_anything() {
    try_tables(GROUPS[3]).await;
}

#[tokio::test]
async fn attack_53_no_edit_of_workloads_gives_anybody_anything() {
    try_tables(GROUPS[4]).await;
}

#[tokio::test]
async fn attack_53_no_edit_of_runs_and_the_trail_gives_anybody_anything() {
    try_tables(GROUPS[5]).await;
}

#[tokio::test]
async fn attack_53_every_column_of_every_table_is_tried() {
    let mut instance = Instance::start().await;
    instance.stop().await;
    let there: Vec<_> = schema(&Connection::open(instance.database()).unwrap());
    let listed = |table: &str, column: &str| COLUMNS.iter().any(|(of, at, _)| (*of, *at) == (table, column));
    let missing: Vec<_> =
        there.iter().filter(|(table, column, _)| !listed(table, column)).map(|(t, c, _)| format!("{t}.{c}")).collect();
    assert!(missing.is_empty(), "say in rows/tables.rs what becomes of an edit of {missing:?}");
    let gone: Vec<_> = COLUMNS
        .iter()
        .filter(|(of, at, _)| {
            !there.iter().any(|(table, column, _)| (table, column) == (&(*of).to_owned(), &(*at).to_owned()))
        })
        .collect();
    assert!(gone.is_empty(), "these are no more: {gone:?}");
    let grouped: Vec<_> = GROUPS.iter().copied().flatten().collect();
    let ungrouped: Vec<_> = there.iter().filter(|(table, ..)| !grouped.contains(&&table.as_str())).collect();
    assert!(ungrouped.is_empty(), "these are tried by no test: {ungrouped:?}");
    instance.close().await;
}
