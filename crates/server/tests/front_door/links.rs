//! Fill-in links: somebody without an account sends values in, once, and learns nothing.

use ::http::Method;
use futures_util::FutureExt as _;
use serde_json::{Value, json};

use crate::support::{Answer, House, names};

/// A link that the token makes, and its code.
async fn link(house: &House, token: &str, body: Value) -> (Value, String) {
    let made = house.call_as(token, Method::POST, "links", Some(body)).await.expect(201);
    let code = made["url"].as_str().unwrap().strip_prefix("http://127.0.0.1:7876/fill/").unwrap().to_owned();
    (made, code)
}

fn asks(name: &str) -> Value {
    json!({ "secrets": [{ "name": name, "description": "from the dashboard" }] })
}

async fn look(house: &House, code: &str) -> Answer {
    house.call_as("", Method::POST, "/api/v1/fill/look", Some(json!({ "code": code }))).await
}

async fn fill(house: &House, code: &str, secrets: Value) -> Answer {
    house.call_as("", Method::POST, "/api/v1/fill", Some(json!({ "code": code, "secrets": secrets }))).await
}

async fn value(house: &House, name: &str) -> Value {
    house.get(&format!("resolve?names={name}")).await.expect(200)["secrets"][name].clone()
}

async fn state(house: &House, id: &Value) -> Value {
    let listed = house.get("links").await.expect(200);
    let item = listed["items"].as_array().unwrap().iter().find(|item| item["id"] == *id).cloned();
    item.map_or(Value::Null, |item| item["state"].clone())
}

#[tokio::test]
async fn a_colleague_without_an_account_fills_in_once() {
    let house = House::new().await;
    let body = json!({ "secrets": [{ "name": "STRIPE_KEY", "description": "live key" }, { "name": "OTHER" }] });
    let (made, code) = link(&house, &house.owner, body).await;
    assert_eq!(made["results"][0]["status"], "declared");
    // looking, as previews of chat programs do, uses nothing up
    for _ in 0..3 {
        let asked = look(&house, &code).await.expect(200);
        assert_eq!(asked["project"], "default");
        assert_eq!(asked["asked_by"], "owner");
        let secrets = json!([{ "name": "STRIPE_KEY", "description": "live key" }, { "name": "OTHER" }]);
        assert_eq!(asked["secrets"], secrets);
    }
    // what cannot be taken leaves the link as it is
    fill(&house, &code, json!({})).await.problem(400, "invalid");
    fill(&house, &code, json!({ "STRIPE_KEY": "" })).await.problem(400, "invalid");
    fill(&house, &code, json!({ "STRIPE_KEY": "x", "STRANGE": "y" })).await.problem(400, "invalid");
    let answer = fill(&house, &code, json!({ "STRIPE_KEY": "sk-canary", "OTHER": "" })).await.expect(200);
    assert_eq!(answer, json!({ "status": "received" }));
    assert_eq!(value(&house, "STRIPE_KEY").await, "sk-canary");
    fill(&house, &code, json!({ "STRIPE_KEY": "again" })).await.problem(404, "not_found");
    look(&house, &code).await.problem(404, "not_found");
    assert_eq!(value(&house, "STRIPE_KEY").await, "sk-canary");
    // whoever asked is told
    let item = house.get("links").await.expect(200)["items"][0].clone();
    assert_eq!((&item["state"], &item["filled_from"]), (&json!("filled"), &json!("process")));
    assert!(item["filled_at"].is_string());
    let trail = house.get("audit?limit=100").await.expect(200);
    let trail = trail["items"].as_array().unwrap();
    let record = trail.iter().find(|record| record["action"] == "link.fill").unwrap();
    assert_eq!(record["actor"], format!("link:{}", item["id"].as_str().unwrap()));
    assert_eq!(record["target"]["set"], json!(["STRIPE_KEY"]));
    let lines = house.get("logs?category=security").await.expect(200);
    let line = lines["items"].as_array().unwrap().iter().find(|line| line["message"].to_string().contains("filled in"));
    assert!(line.unwrap()["message"].to_string().contains("set: STRIPE_KEY"), "{lines}");
    for answer in [house.get("links").await.text, house.get("audit?limit=100").await.text, lines.to_string()] {
        assert!(!answer.contains("sk-canary") && !answer.contains(&code), "{answer}");
    }
}

#[tokio::test]
async fn a_value_that_is_there_stays_and_nobody_is_told_that_there_is_one() {
    let house = House::new().await;
    house.set(None, "TAKEN", "old").await;
    let body = json!({ "secrets": [{ "name": "TAKEN" }, { "name": "FREE" }] });
    let (_, code) = link(&house, &house.owner, body.clone()).await;
    let asked = look(&house, &code).await.expect(200);
    assert_eq!(asked["secrets"], json!([{ "name": "TAKEN" }, { "name": "FREE" }]));
    let answer = fill(&house, &code, json!({ "TAKEN": "new", "FREE": "new" })).await.expect(200);
    assert_eq!(answer, json!({ "status": "received" }));
    assert_eq!((value(&house, "TAKEN").await, value(&house, "FREE").await), (json!("old"), json!("new")));
    let mut body = body;
    body["replace"] = json!(true);
    let (_, code) = link(&house, &house.owner, body).await;
    fill(&house, &code, json!({ "TAKEN": "new" })).await.expect(200);
    assert_eq!(value(&house, "TAKEN").await, "new");
    // a link to a secret that has gone since makes none
    let (_, code) = link(&house, &house.owner, asks("LATER")).await;
    house.delete("secrets/LATER").await.expect(200);
    fill(&house, &code, json!({ "LATER": "x" })).await.expect(200);
    house.get("secrets/LATER").await.problem(404, "not_found");
}

#[tokio::test]
async fn used_revoked_expired_and_unknown_codes_look_alike() {
    let house = House::new().await;
    let (_, used) = link(&house, &house.owner, asks("A")).await;
    fill(&house, &used, json!({ "A": "v" })).await.expect(200);
    let (made, revoked) = link(&house, &house.owner, asks("B")).await;
    let id = made["link"]["id"].as_str().unwrap();
    assert_eq!(house.delete(&format!("links/{id}")).await.expect(200)["state"], "revoked");
    let mut body = asks("C");
    body["expires_at"] = json!("1h");
    let (_, expired) = link(&house, &house.owner, body).await;
    let minted = house.mint(json!({ "capabilities": ["secrets:write"] })).await;
    let (ended, orphan) = link(&house, &minted.token, asks("D")).await;
    assert_eq!(state(&house, &ended["link"]["id"]).await, "open");
    house.delete(&format!("tokens/{}", minted.id)).await.expect(200);
    assert_eq!(state(&house, &ended["link"]["id"]).await, "ended");
    house.clock.advance(3_601);
    let unknown = format!("srl_{}", "x".repeat(49));
    let mut seen = Vec::new();
    for code in [&used, &revoked, &expired, &orphan, &unknown, &String::new(), &house.owner] {
        for answer in [look(&house, code).await, fill(&house, code, json!({ "A": "v" })).await] {
            let mut body = answer.body.clone();
            body["request_id"] = Value::Null;
            assert_eq!(answer.status, 404, "{body}");
            seen.push(body);
        }
    }
    assert!(seen.iter().all(|body| *body == seen[0]), "{seen:?}");
    // a link also runs out if nobody said when: after 72 hours
    let (_, code) = link(&house, &house.owner, asks("E")).await;
    house.clock.advance(72 * 3_600 - 1);
    look(&house, &code).await.expect(200);
    house.clock.advance(1);
    look(&house, &code).await.problem(404, "not_found");
    for never in ["never", "31d", "2020-01-01T00:00:00Z"] {
        let mut body = asks("F");
        body["expires_at"] = json!(never);
        house.post("links", body).await.problem(400, "invalid");
    }
}

#[tokio::test]
async fn nobody_asks_for_more_than_he_may_write() {
    let house = House::new().await;
    house.set(Some("staging"), "KEY", "v").await;
    house.post("namespaces", json!({ "name": "production", "protected": true })).await.expect(201);
    let at = |namespace: &str| json!({ "namespace": namespace, "secrets": [{ "name": "KEY" }], "replace": true });
    let post = async |token: &str, body: Value| house.call_as(token, Method::POST, "links", Some(body)).await;
    let reader = house.token(json!(["secrets:list", "values:read", "secrets:declare"])).await;
    post(&reader, at("staging")).await.problem(403, "forbidden");
    let writer = house.token(json!(["secrets:write"])).await;
    post(&writer, at("production")).await.problem(403, "forbidden");
    post(&writer, asks("GLOBAL")).await.problem(403, "forbidden");
    let body = json!({ "capabilities": ["secrets:write"], "namespaces": ["staging"], "names": ["KEY"] });
    let narrow = house.mint(body).await.token;
    post(&narrow, json!({ "namespace": "staging", "secrets": [{ "name": "OTHER" }] })).await.problem(403, "forbidden");
    post(&narrow, json!({ "namespace": "nowhere", "secrets": [{ "name": "KEY" }] })).await.problem(403, "forbidden");
    let (made, code) = link(&house, &narrow, at("staging")).await;
    // it sees its own scope's links, and others' are not there for it
    let (other, _) = link(&house, &house.owner, asks("ELSE")).await;
    let listed = house.call_as(&narrow, Method::GET, "links", None).await.expect(200);
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);
    let other = format!("links/{}", other["link"]["id"].as_str().unwrap());
    house.call_as(&narrow, Method::DELETE, &other, None).await.problem(404, "not_found");
    // what is protected later is closed to the link too, as to whoever made it; naming it opens it
    let (_, closed) = link(&house, &writer, at("staging")).await;
    house.call(Method::PATCH, "namespaces/staging", Some(json!({ "protected": true }))).await.expect(200);
    look(&house, &closed).await.problem(404, "not_found");
    fill(&house, &code, json!({ "KEY": "filled" })).await.expect(200);
    assert_eq!(state(&house, &made["link"]["id"]).await, "filled");
}

#[tokio::test]
async fn of_two_who_use_a_link_at_once_one_comes_first() {
    let house = House::new().await;
    let (_, code) = link(&house, &house.owner, asks("RACE")).await;
    let fills = (0..8).map(|n| fill(&house, &code, json!({ "RACE": format!("v{n}") })).boxed());
    let answers = futures_util::future::join_all(fills).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
    let history = house.get("secrets/RACE/history").await.expect(200);
    assert_eq!(history["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_link_that_is_changed_in_the_database_opens_nothing() {
    let house = House::new().await;
    house.set(None, "OTHER", "kept").await;
    let change = async |edit: fn(&mut strongroom_store::port::LinkRow)| {
        let (made, code) = link(&house, &house.owner, asks("KEY")).await;
        let id = made["link"]["id"].as_str().unwrap().parse().unwrap();
        house
            .damage(move |tx| {
                let project = tx.project(&strongroom_model::ProjectName::default_project())?.unwrap();
                let mut row = tx.link(&project.id, &id)?.unwrap();
                tx.prune_links(row.expires_at.checked_add(jiff::SignedDuration::from_secs(1)).unwrap())?;
                edit(&mut row);
                tx.insert_link(&row)
            })
            .await;
        assert_eq!(fill(&house, &code, json!({ "KEY": "v" })).await.status, 500);
        assert_eq!(state(&house, &made["link"]["id"]).await, "damaged");
    };
    change(|row| row.terms = row.terms.replace("\"replace\":false", "\"replace\":true")).await;
    change(|row| row.terms = row.terms.replace("KEY", "OTHER")).await;
    change(|row| row.expires_at = row.expires_at.checked_add(jiff::SignedDuration::from_hours(1)).unwrap()).await;
    change(|row| row.mac = vec![0; 32]).await;
    // used, and then made to look as if it had not been
    let (made, code) = link(&house, &house.owner, asks("KEY")).await;
    fill(&house, &code, json!({ "KEY": "first" })).await.expect(200);
    let id = made["link"]["id"].as_str().unwrap().parse().unwrap();
    house
        .damage(move |tx| {
            let project = tx.project(&strongroom_model::ProjectName::default_project())?.unwrap();
            let row = tx.link(&project.id, &id)?.unwrap();
            tx.update_link(&strongroom_store::port::LinkRow { filled_at: None, ..row }).map(drop)
        })
        .await;
    assert_eq!(fill(&house, &code, json!({ "KEY": "second" })).await.status, 500);
    assert_eq!((value(&house, "KEY").await, value(&house, "OTHER").await), (json!("first"), json!("kept")));
}

#[tokio::test]
async fn a_link_says_nothing_over_plain_http_from_afar() {
    let house = House::new().await;
    let (_, code) = link(&house, &house.owner, asks("KEY")).await;
    let body = json!({ "code": code, "secrets": { "KEY": "v" } });
    let mut call = crate::support::request("", Method::POST, "/api/v1/fill", &[("host", "127.0.0.1")], Some(body));
    let peer = "192.0.2.9:40000".parse().unwrap();
    call.extensions_mut().insert(strongroom_server::Peer::Tcp(peer));
    house.send(call).await.problem(421, "insecure_transport");
    assert_eq!(value(&house, "KEY").await, Value::Null);
}

#[tokio::test]
async fn a_repeated_request_makes_no_second_link() {
    let house = House::new().await;
    let post = async |body| {
        let call =
            crate::support::request(&house.owner, Method::POST, "links", &[("idempotency-key", "k")], Some(body));
        house.send(call).await
    };
    let first = post(asks("A")).await.expect(201);
    let again = post(asks("A")).await.expect(409);
    assert_eq!(again["id"], first["link"]["id"]);
    assert_eq!(again.get("url"), None);
    post(asks("B")).await.problem(409, "conflict");
    assert_eq!(names(&house.get("secrets").await.expect(200)), ["A"]);
}

/// What a browser sends and gets on the page of a link.
async fn page(house: &House, code: &str, form: Option<&str>) -> Answer {
    let mut call = ::http::Request::builder().uri(format!("/fill/{code}"));
    if form.is_some() {
        call = call.method(Method::POST).header("content-type", "application/x-www-form-urlencoded");
    }
    house.send(call.body(form.unwrap_or_default().to_owned().into()).unwrap()).await
}

#[tokio::test]
async fn a_colleague_fills_in_on_a_page_without_script_or_account() {
    let house = House::new().await;
    let body = json!({ "secrets": [{ "name": "STRIPE_KEY", "description": "<b>live</b> key" }, { "name": "PEM" }] });
    let (_, code) = link(&house, &house.owner, body).await;
    for _ in 0..2 {
        let shown = page(&house, &code, None).await;
        assert_eq!(shown.status, 200);
        assert_eq!(shown.headers["referrer-policy"], "no-referrer");
        assert_eq!(shown.headers["cache-control"], "no-store");
        assert!(shown.headers["content-security-policy"].to_str().unwrap().contains("default-src 'none'"));
        assert!(shown.text.contains("STRIPE_KEY") && shown.text.contains("&#60;b&#62;live"), "{}", shown.text);
        assert!(!shown.text.contains(&code), "{}", shown.text);
    }
    let empty = page(&house, &code, Some("STRIPE_KEY=&PEM=&PEM.lines=")).await;
    assert_eq!(empty.status, 400);
    assert!(empty.text.contains("Fill in at least one value"), "{}", empty.text);
    let wrong = page(&house, &code, Some("STRIPE_KEY=canary-one&STRIPE_KEY.lines=canary-two")).await;
    assert_eq!(wrong.status, 400);
    assert!(!wrong.text.contains("canary"), "{}", wrong.text);
    let done = page(&house, &code, Some("STRIPE_KEY=sk-canary&PEM.lines=one%0D%0Atwo&OTHER=x")).await;
    assert_eq!((done.status.as_u16(), &done.headers["referrer-policy"]), (200, &"no-referrer".parse().unwrap()));
    assert!(done.text.contains("it has arrived") && !done.text.contains("canary"), "{}", done.text);
    assert_eq!(
        (value(&house, "STRIPE_KEY").await, value(&house, "PEM").await),
        (json!("sk-canary"), json!("one\ntwo"))
    );
    house.get("secrets/OTHER").await.problem(404, "not_found");
    let unknown = format!("srl_{}", "x".repeat(49));
    let gone: Vec<_> = [page(&house, &code, None).await, page(&house, &unknown, Some("A=1")).await]
        .into_iter()
        .map(|answer| (answer.status.as_u16(), answer.text))
        .collect();
    assert!(gone[0].0 == 404 && gone[0].1.contains("This address does not work") && gone[0] == gone[1], "{gone:?}");
    assert_eq!(page(&house, "a/b", None).await.status, 404);
}

#[tokio::test]
async fn codes_are_guessed_so_often_and_no_oftener_from_one_address() {
    let house = House::new().await;
    let (_, code) = link(&house, &house.owner, asks("KEY")).await;
    let guess = async |address: &str, code: String, page: bool| {
        let path = if page { format!("/fill/{code}") } else { "/api/v1/fill/look".to_owned() };
        let (method, body) = if page { (Method::GET, None) } else { (Method::POST, Some(json!({ "code": code }))) };
        let mut call = crate::support::request("", method, &path, &[("host", "127.0.0.1")], body);
        let peer = std::net::SocketAddr::new(address.parse().unwrap(), 40_000);
        call.extensions_mut().insert(strongroom_server::Peer::Tls(peer));
        house.send(call).await.status.as_u16()
    };
    let wrong = format!("srl_{}", "x".repeat(49));
    let mut guesses = 0;
    while guess("192.0.2.9", wrong.clone(), guesses % 2 == 0).await != 429 {
        guesses += 1;
        assert!(guesses < 20_000, "nobody stops the guessing");
    }
    assert_eq!(guess("192.0.2.10", code.clone(), false).await, 200);
    assert_eq!(guess("192.0.2.10", code, true).await, 200);
}
