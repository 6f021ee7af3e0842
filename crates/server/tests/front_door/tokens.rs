//! Minting, revoking, and what a token's end means.

use std::task::{Context, Poll, Waker};

use ::http::Method;
use serde_json::{Value, json};
use strongroom_app::Clock as _;
use strongroom_model::ProjectName;
use tower::ServiceExt as _;

use crate::support::{Answer, House, request};

#[tokio::test]
async fn a_caller_who_hangs_up_does_not_keep_a_revocation_from_taking_effect() {
    let house = House::new().await;
    let minted = house.mint(json!({ "capabilities": ["secrets:list"] })).await;
    house.call_as(&minted.token, Method::GET, "secrets", None).await.expect(200);
    let revoke = request(&house.owner, Method::DELETE, &format!("tokens/{}", minted.id), &[], None);
    let mut call = Box::pin(house.router.clone().oneshot(revoke));
    // the request is under way, and its connection ends
    assert!(matches!(Future::poll(call.as_mut(), &mut Context::from_waker(Waker::noop())), Poll::Pending));
    drop(call);
    house
        .eventually("the token's end", || async {
            house.call_as(&minted.token, Method::GET, "secrets", None).await.status == 401
        })
        .await;
}

#[tokio::test]
async fn a_caller_who_hangs_up_does_not_keep_a_change_from_being_live() {
    let house = House::new().await;
    house.set(None, "KEY", "one").await;
    assert_eq!(house.get("resolve?names=KEY").await.expect(200)["secrets"]["KEY"], "one");
    let set = request(&house.owner, Method::PUT, "secrets", &[], Some(json!({ "secrets": { "KEY": "two" } })));
    let mut call = Box::pin(house.router.clone().oneshot(set));
    assert!(matches!(Future::poll(call.as_mut(), &mut Context::from_waker(Waker::noop())), Poll::Pending));
    drop(call);
    house
        .eventually("the new value", || async {
            house.get("resolve?names=KEY").await.expect(200)["secrets"]["KEY"] == "two"
        })
        .await;
}

/// A write under an idempotency key.
async fn keyed(house: &House, token: &str, (path, body): (&str, Value)) -> Answer {
    let method = if path.starts_with("secrets/") || path == "tokens" { Method::POST } else { Method::PUT };
    house.send(request(token, method, path, &[("idempotency-key", "k")], Some(body))).await
}

#[tokio::test]
async fn a_key_used_for_another_request_loses_nothing_silently() {
    let house = House::new().await;
    let set = |name: &str, value: &str| ("secrets", json!({ "secrets": { name: value } }));
    keyed(&house, &house.owner, set("A", "1")).await.expect(200);
    let again = keyed(&house, &house.owner, set("A", "1")).await.expect(200);
    assert_eq!(again["results"][0]["version"], 1);
    keyed(&house, &house.owner, set("B", "1")).await.problem(409, "conflict");
    keyed(&house, &house.owner, set("A", "2")).await.problem(409, "conflict");
    house.set(None, "A", "2").await;
    keyed(&house, &house.owner, ("secrets/A/rollback", json!({ "version": 1 }))).await.expect(200);
    keyed(&house, &house.owner, ("secrets/A/rollback", json!({ "version": 2 }))).await.problem(409, "conflict");
}

#[tokio::test]
async fn tokens_of_one_name_do_not_share_keys() {
    let house = House::new().await;
    let first = house.token(json!(["secrets:write"])).await;
    let second = house.token(json!(["secrets:write"])).await;
    let set = |value: &str| ("secrets", json!({ "secrets": { "A": value } }));
    keyed(&house, &first, set("1")).await.expect(200);
    let other = keyed(&house, &second, set("2")).await.expect(200);
    assert_eq!(other["results"][0]["version"], 2);
}

#[tokio::test]
async fn a_token_that_is_ending_mints_nothing() {
    let house = House::new().await;
    let parent = house.mint(json!({ "capabilities": ["admin"] })).await;
    house.call_as(&parent.token, Method::GET, "tokens", None).await.expect(200);
    // revoked in the store, and not yet forgotten here
    let (id, now) = (parent.id.parse().unwrap(), house.clock.now());
    house
        .damage(move |tx| {
            let project = tx.project(&ProjectName::default_project())?.unwrap();
            let mut row = tx.token(&project.id, &id)?.unwrap();
            row.revoked_at = Some(now);
            tx.update_token(&row).map(drop)
        })
        .await;
    let body = json!({ "name": "child", "capabilities": ["secrets:list"] });
    house.call_as(&parent.token, Method::POST, "tokens", Some(body)).await.problem(403, "forbidden");
}

#[tokio::test]
async fn a_damaged_token_keeps_nobody_from_revoking_and_is_never_made_whole() {
    let house = House::new().await;
    let parent = house.mint(json!({ "capabilities": ["admin"] })).await;
    let body = json!({ "name": "child", "capabilities": ["secrets:list"] });
    let child = house.call_as(&parent.token, Method::POST, "tokens", Some(body)).await.expect(201);
    let id = child["id"].as_str().unwrap().parse().unwrap();
    let stranger = house.mint(json!({ "capabilities": ["secrets:list"] })).await;
    let other = stranger.id.parse().unwrap();
    house
        .damage(move |tx| {
            let project = tx.project(&ProjectName::default_project())?.unwrap();
            for id in [id, other] {
                let mut row = tx.token(&project.id, &id)?.unwrap();
                row.mac = vec![7; 32];
                tx.update_token(&row)?;
            }
            Ok(())
        })
        .await;
    house.delete(&format!("tokens/{}", parent.id)).await.expect(200);
    house.call_as(&parent.token, Method::GET, "secrets", None).await.problem(401, "unauthenticated");
    let child = child["token"].as_str().unwrap();
    house.call_as(child, Method::GET, "secrets", None).await.problem(401, "unauthenticated");
    house.call_as(&stranger.token, Method::GET, "secrets", None).await.problem(500, "internal");
    let listed = house.get("tokens").await.expect(200);
    let state = |id: &str| {
        let item = listed["items"].as_array().unwrap().iter().find(|item| item["id"] == id).unwrap();
        (item["state"].clone(), item["capabilities"].clone())
    };
    assert_eq!(state(&stranger.id), (json!("damaged"), json!([])));
    assert_eq!(state(&parent.id).0, "revoked");
}

#[tokio::test]
async fn what_was_made_under_a_key_is_told_again() {
    let house = House::new().await;
    let post = async |path: &str, body: Value| {
        house.send(request(&house.owner, Method::POST, path, &[("idempotency-key", "k")], Some(body))).await
    };
    for (path, body, other) in [
        ("/api/v1/projects", json!({ "name": "shop" }), json!({ "name": "other" })),
        ("namespaces", json!({ "name": "staging" }), json!({ "name": "other" })),
        ("apps", json!({ "id": "a1", "name": "one" }), json!({ "id": "a1", "name": "two" })),
    ] {
        let first = post(path, body.clone()).await.expect(201);
        assert_eq!(post(path, body.clone()).await.expect(201), first);
        post(path, other).await.problem(409, "conflict");
        house.post(path, body).await.problem(409, "conflict");
    }
    let declare = json!({ "secrets": [{ "name": "K" }] });
    let first = post("declarations", declare.clone()).await.expect(200);
    assert_eq!(first["results"][0]["status"], "declared");
    assert_eq!(post("declarations", declare).await.expect(200), first);
}

#[tokio::test]
async fn a_token_of_a_deleted_project_finds_nothing_in_its_successor() {
    let house = House::new().await;
    let make = async || house.post("/api/v1/projects", json!({ "name": "shop" })).await.expect(201);
    make().await;
    let body = json!({ "name": "old", "capabilities": ["admin"] });
    let old = house.post("/api/v1/projects/shop/tokens", body).await.expect(201);
    let old = old["token"].as_str().unwrap();
    house.call_as(old, Method::GET, "secrets", None).await.expect(200);
    house.delete("/api/v1/projects/shop?confirm=shop").await.expect(200);
    make().await;
    house.call_as(old, Method::GET, "secrets", None).await.problem(401, "unauthenticated");
    let set = json!({ "secrets": { "K": "v" } });
    house.put("/api/v1/projects/shop/secrets", set).await.expect(200);
}

/// A call over the network from `address`.
async fn from(house: &House, token: &str, address: &str) -> u16 {
    let mut call = request(token, Method::GET, "secrets", &[("host", "127.0.0.1")], None);
    let peer = std::net::SocketAddr::new(address.parse().unwrap(), 40_000);
    call.extensions_mut().insert(strongroom_server::Peer::Tcp(peer));
    // said by the caller, and so worth nothing
    call.headers_mut().insert("x-forwarded-for", "127.0.0.9".parse().unwrap());
    call.headers_mut().insert("forwarded", "for=127.0.0.9".parse().unwrap());
    house.send(call).await.status.as_u16()
}

#[tokio::test]
async fn a_token_for_some_addresses_is_accepted_from_those_alone() {
    let house = House::new().await;
    let body = json!({ "capabilities": ["secrets:list", "admin"], "from": ["127.0.0.8/29"] });
    let limited = house.mint(body).await.token;
    for (address, status) in
        [("127.0.0.9", 200), ("127.0.0.1", 401), ("::ffff:127.0.0.9", 200), ("::ffff:127.0.0.1", 401), ("::1", 401)]
    {
        assert_eq!(from(&house, &limited, address).await, status, "{address}");
    }
    // this machine's own process and socket count as loopback, which is not in the range
    house.call_as(&limited, Method::GET, "secrets", None).await.problem(401, "unauthenticated");
    let local = house.mint(json!({ "capabilities": ["secrets:list"], "from": ["127.0.0.0/8"] })).await.token;
    house.call_as(&local, Method::GET, "secrets", None).await.expect(200);
    let listed = house.get("tokens").await.expect(200);
    assert!(listed["items"].as_array().unwrap().iter().any(|item| item["from"] == json!(["127.0.0.8/29"])), "{listed}");
}

#[tokio::test]
async fn a_token_mints_none_for_more_addresses_than_its_own() {
    let house = House::new().await;
    let parent = house.mint(json!({ "capabilities": ["admin"], "from": ["127.0.0.0/8"] })).await.token;
    let child = |from: Value| json!({ "name": "child", "capabilities": ["secrets:list"], "from": from });
    let mint = async |from: Value| house.call_as(&parent, Method::POST, "tokens", Some(child(from))).await;
    for wider in [json!([]), json!(["0.0.0.0/0"]), json!(["127.0.0.1", "10.0.0.1"]), json!(["::1"])] {
        mint(wider).await.problem(403, "forbidden");
    }
    mint(json!(["127.0.0.1"])).await.expect(201);
    house.post("tokens", child(json!(["127.0.0.1/8"]))).await.problem(400, "invalid");
    house.post("tokens", child(json!(["nowhere"]))).await.problem(400, "invalid");
}

#[tokio::test]
async fn one_token_mints_only_so_many_that_are_accepted_at_one_time() {
    let house = House::new().await;
    let parent = house.mint(json!({ "capabilities": ["admin"] })).await.token;
    let child = json!({ "name": "child", "capabilities": ["secrets:list"], "expires_at": "1h" });
    let mint = async || house.call_as(&parent, Method::POST, "tokens", Some(child.clone())).await;
    for _ in 0..100 {
        mint().await.expect(201);
    }
    let detail = mint().await.problem(409, "conflict");
    assert!(detail.contains("100"), "{detail}");
    // others are not held up, and what has run out does not count
    house.post("tokens", child.clone()).await.expect(201);
    house.clock.advance(3_601);
    mint().await.expect(201);
}

#[tokio::test]
async fn tokens_that_ended_leave_the_list_after_thirty_days_and_never_work_again() {
    const DAY: i64 = 24 * 3_600;
    let house = House::new().await;
    let kept = house.mint(json!({ "name": "kept", "capabilities": ["secrets:list"] })).await;
    let parent = house.mint(json!({ "name": "parent", "capabilities": ["admin"] })).await;
    let child = json!({ "name": "child", "capabilities": ["secrets:list"] });
    let child = house.call_as(&parent.token, Method::POST, "tokens", Some(child)).await.expect(201);
    let child = child["token"].as_str().unwrap().to_owned();
    let brief = house.mint(json!({ "name": "brief", "capabilities": ["secrets:list"], "expires_at": "1d" })).await;
    house.delete(&format!("tokens/{}", parent.id)).await.expect(200);
    let names = async || {
        let list = house.get("tokens").await.expect(200);
        let mut names: Vec<_> =
            list["items"].as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap().to_owned()).collect();
        names.sort_unstable();
        names
    };
    house.clock.advance(29 * DAY);
    house.app.erase_old().await.unwrap();
    assert_eq!(names().await, ["brief", "child", "kept", "parent"]);
    house.clock.advance(DAY + 60);
    house.app.erase_old().await.unwrap();
    // what ran out a day later than the others ended has a day more
    assert_eq!(names().await, ["brief", "kept"]);
    house.clock.advance(DAY);
    house.app.erase_old().await.unwrap();
    assert_eq!(names().await, ["kept"]);
    for ended in [&parent.token, &child, &brief.token] {
        house.call_as(ended, Method::GET, "secrets", None).await.problem(401, "unauthenticated");
    }
    house.call_as(&kept.token, Method::GET, "secrets", None).await.expect(200);
    // the trail still says what became of them
    let trail = house.get("audit?everything=true&limit=1000").await.expect(200).to_string();
    assert!(trail.contains(&parent.id) && trail.contains("token.revoke"));
}
