//! What HTTP asks of the API: methods, media types, sizes, hosts, addresses.

use ::http::{Method, Request, header};
use axum::body::{Body, Bytes};
use serde_json::{Value, json};
use strongroom_server::Peer;

use crate::support::{Answer, House, request};

/// A PUT of these bytes as the owner.
async fn put_bytes(house: &House, media: &str, body: Body) -> Answer {
    let request = Request::put("/api/v1/admin/secrets").header(header::CONTENT_TYPE, media);
    let request = request.header(header::AUTHORIZATION, format!("Bearer {}", house.owner));
    house.send(request.body(body).unwrap()).await
}

#[tokio::test]
async fn other_methods_and_addresses_are_problems() {
    let house = House::new().await;
    let refused = house.call(Method::PATCH, "secrets", None).await;
    let allowed = refused.headers[header::ALLOW].to_str().unwrap().to_owned();
    refused.problem(405, "method_not_allowed");
    for method in ["GET", "POST", "PUT"] {
        assert!(allowed.contains(method), "{allowed}");
    }
    house.call(Method::OPTIONS, "secrets", None).await.problem(405, "method_not_allowed");
    let head = house.call(Method::HEAD, "secrets", None).await;
    assert_eq!((head.status.as_u16(), head.text.as_str()), (200, ""));
    for path in [
        "secrets/",
        "/api/v1/admin/nothing",
        "/api/v1",
        "/api/v1/admin/../admin/secrets",
        "/api/v1/projects/default/secrets/A/B",
        "/API/v1/admin/secrets",
    ] {
        house.get(path).await.problem(404, "not_found");
    }
    // nor is there a page
    assert_eq!(house.get("//api/v1/admin/secrets").await.status, 404);
    for path in
        ["secrets/A%2FB", "secrets/..%2fsecrets", "secrets/A%00", "secrets/%D0%9A", "secrets/A%0A", "secrets/%ff"]
    {
        house.get(path).await.problem(400, "invalid");
    }
    house.get("/api/v1/projects/DEFAULT/secrets").await.problem(404, "not_found");
    house.get("/api/v1/projects/%ff/secrets").await.problem(400, "invalid");
}

#[tokio::test]
async fn unknown_words_are_refused_by_name_and_values_never_repeated() {
    let house = House::new().await;
    assert!(house.get("secrets?spcae=x").await.problem(400, "invalid").contains("spcae"));
    assert!(house.get("stats?x=1").await.problem(400, "invalid").contains('x'));
    let told = house.put("secrets", json!({ "secrtes": { "A": "canary-1" } })).await;
    assert!(!told.text.contains("canary"), "{}", told.text);
    assert!(told.problem(400, "invalid").contains("secrtes"));
    for body in [
        json!({ "secrets": "canary-2" }),
        json!({ "secrets": { "A": ["canary-2"] } }),
        json!({ "secrets": { "A": { "canary-2": 1 } } }),
        json!({ "secrets": { "canary 2": "x" } }),
        json!({ "secrets": { "A": "x" }, "if_version": "canary-2" }),
        json!({ "secrets": { "A": "x" }, "expires_at": "canary-2" }),
        json!({ "secrets": { "A": "x" }, "scope": "canary-2" }),
        json!({ "secrets": { "A": "x" }, "namespace": "canary 2" }),
        json!(["canary-2"]),
    ] {
        let told = house.put("secrets", body.clone()).await;
        assert!(!told.text.contains("canary"), "{body}: {}", told.text);
        told.problem(400, "invalid");
    }
}

#[tokio::test]
async fn every_value_that_is_none_is_reported() {
    let house = House::new().await;
    let long = "x".repeat(64 * 1024 + 1);
    let body = json!({ "secrets": { "A": long, "GOOD": "x", "B": "nul\u{0}canary", "not a name": "nul\u{0}" } });
    let told = house.put("secrets", body).await.problem(400, "invalid");
    for part in ["A (the value is 65537 bytes long", "B (the value contains a NUL byte", "a name that is none ("] {
        assert!(told.contains(part), "{told}");
    }
    assert!(!told.contains("canary") && !told.contains("not a name"), "{told}");
    assert_eq!(house.get("secrets").await.expect(200)["items"], json!([]));
}

#[tokio::test]
async fn bodies_are_json_of_a_bounded_size_and_depth() {
    let house = House::new().await;
    let good = r#"{"secrets":{"A":"x"}}"#;
    for media in ["", "text/plain", "application/x-www-form-urlencoded", "application/jsonp"] {
        put_bytes(&house, media, Body::from(good)).await.problem(415, "unsupported_media");
    }
    put_bytes(&house, "Application/JSON; charset=utf-8", Body::from(good)).await.expect(200);
    for bad in ["", "{", "nonsense", "{\"secrets\":{\"A\":\"\u{fffd}", &"[".repeat(100_000), "{\"secrets\":{}} x"] {
        put_bytes(&house, "application/json", Body::from(bad.to_owned())).await.problem(400, "invalid");
    }
    put_bytes(&house, "application/json", Body::from(vec![b'"', 0xff, b'"'])).await.problem(400, "invalid");
    // no length is announced
    let pieces = (0..3).map(|_| Ok::<_, std::io::Error>(Bytes::from(vec![b' '; 512 * 1024])));
    let endless = Body::from_stream(futures_util::stream::iter(pieces));
    put_bytes(&house, "application/json", endless).await.problem(413, "too_large");
    let split = good.as_bytes().chunks(3).map(|piece| Ok::<_, std::io::Error>(Bytes::copy_from_slice(piece)));
    let split: Vec<_> = split.collect();
    put_bytes(&house, "application/json", Body::from_stream(futures_util::stream::iter(split))).await.expect(200);
}

/// A listing as it would come over the network, from `from` for `host`.
async fn over(house: &House, from: &str, hosts: &[&str]) -> Answer {
    let headers: Vec<_> = hosts.iter().map(|host| ("host", *host)).collect();
    let mut request = request(&house.owner, Method::GET, "secrets", &headers, None);
    request.extensions_mut().insert(Peer::Tcp(from.parse().unwrap()));
    house.send(request).await
}

#[tokio::test]
async fn only_hosts_that_nobody_else_names_are_answered_and_only_in_private() {
    let house = House::new().await;
    for host in ["localhost", "LOCALHOST:7876", "127.0.0.1", "127.0.0.1:80", "[::1]", "[::1]:7876", "10.0.0.9:1"] {
        over(&house, "127.0.0.1:5000", &[host]).await.expect(200);
    }
    for hosts in [
        &["evil.example"][..],
        &["localhost.evil.example"],
        &["127.0.0.1.evil.example:80"],
        &["localhost:80@evil.example"],
        &[""],
        &[],
        &["localhost", "evil.example"],
    ] {
        over(&house, "127.0.0.1:5000", hosts).await.problem(400, "invalid");
    }
    over(&house, "[::ffff:127.0.0.1]:5000", &["localhost"]).await.expect(200);
    for from in ["192.0.2.1:5000", "[2001:db8::1]:5000", "[::ffff:192.0.2.1]:5000"] {
        over(&house, from, &["127.0.0.1"]).await.problem(421, "insecure_transport");
    }
}

#[tokio::test]
async fn a_version_is_expected_in_every_form_that_http_knows() {
    let house = House::new().await;
    house.set(None, "K", "one").await;
    let put = async |tag: &str| {
        let body: Value = json!({ "value": "two", "force": true });
        house.send(request(&house.owner, Method::PUT, "secrets/K", &[("if-match", tag)], Some(body))).await
    };
    put("\"1\"").await.expect(200);
    put("2").await.expect(200);
    put("*").await.expect(200);
    put("\"1\"").await.problem(412, "version_mismatch");
    for odd in ["W/\"4\"", "\"3\", \"4\"", "\"\"", "x", "-1", "\"\"4\"\""] {
        put(odd).await.problem(400, "invalid");
    }
    assert_eq!(house.get("secrets/K").await.expect(200)["version"], 4);
}

#[tokio::test]
async fn pages_are_bounded_and_cursors_not_believed() {
    let house = House::new().await;
    for name in ["A", "B", "C"] {
        house.set(None, name, "x").await;
    }
    let first = house.get("secrets?limit=2").await.expect(200);
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = house.get(&format!("secrets?limit=2&cursor={cursor}")).await.expect(200);
    assert_eq!(crate::support::names(&second), ["C"]);
    assert_eq!(second["next_cursor"], json!(null));
    for query in [
        "limit=0",
        "limit=1001",
        "limit=-1",
        "limit=x",
        "fields=value",
        "fields=name&limit=10001",
        "cursor=zz",
        "cursor=5b5d",
    ] {
        house.get(&format!("secrets?{query}")).await.problem(400, "invalid");
    }
    house.get("secrets?fields=name&limit=10000").await.expect(200);
}

/// Every page of a list, each of so many items.
async fn every_page(house: &House, list: &str, limit: usize) -> Vec<Value> {
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = house.get(&format!("{list}?limit={limit}{cursor}")).await.expect(200);
        let items = page["items"].as_array().unwrap().clone();
        assert!(items.len() <= limit, "{list}");
        seen.extend(items);
        let Some(next) = page["next_cursor"].as_str() else { return seen };
        cursor = format!("&cursor={next}");
    }
}

#[tokio::test]
async fn every_list_comes_in_pages() {
    let house = House::new().await;
    for name in ["one", "two", "three"] {
        house.call(Method::POST, "/api/v1/projects", Some(json!({ "name": name }))).await.expect(201);
        house.post("namespaces", json!({ "name": name })).await.expect(201);
        house.post("apps", json!({ "id": name })).await.expect(201);
        house.token(json!(["secrets:list"])).await;
        house.set(None, name, "x").await;
        house.post("links", json!({ "secrets": [{ "name": format!("LINK_{name}") }] })).await.expect(201);
        let invite = json!({ "name": name, "project": "default", "role": "viewer" });
        house.call(Method::POST, "/api/v1/invitations", Some(invite)).await.expect(201);
    }
    let lists = ["namespaces", "apps", "tokens", "secrets", "links", "functions", "jobs", "members"];
    let of_the_instance = ["/api/v1/projects", "/api/v1/users", "/api/v1/invitations"];
    let mut foreign = String::new();
    for list in lists.into_iter().chain(of_the_instance) {
        let all = house.get(list).await.expect(200);
        let all = all["items"].as_array().unwrap().clone();
        for limit in [1, 2, 100] {
            assert_eq!(every_page(&house, list, limit).await, all, "{list}");
        }
        for query in ["limit=0", "limit=1001", "limit=x", "cursor=6e6f", "cursor=zz", &format!("cursor={foreign}x")] {
            house.get(&format!("{list}?{query}")).await.problem(400, "invalid");
        }
        // the cursor of another list is none of this one's
        if !foreign.is_empty() {
            house.get(&format!("{list}?cursor={foreign}")).await.problem(400, "invalid");
        }
        if let Some(next) = house.get(&format!("{list}?limit=1")).await.expect(200)["next_cursor"].as_str() {
            next.clone_into(&mut foreign);
        }
    }
    // so that the test shows what it means to
    assert_eq!(house.get("apps").await.expect(200)["items"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn a_list_has_a_hundred_items_a_page_and_goes_on_where_an_item_is_gone() {
    let house = House::new().await;
    for number in 0..103 {
        house.post("apps", json!({ "id": format!("app{number:03}") })).await.expect(201);
    }
    let first = house.get("apps").await.expect(200);
    assert_eq!(first["items"].as_array().unwrap().len(), 100);
    let cursor = first["next_cursor"].as_str().unwrap();
    // the last of the page before goes, and one comes into being ahead
    house.delete("apps/app099").await.expect(200);
    house.post("apps", json!({ "id": "app101a" })).await.expect(201);
    let rest = house.get(&format!("apps?cursor={cursor}")).await.expect(200);
    let ids: Vec<_> = rest["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["app100", "app101", "app101a", "app102"]);
    assert_eq!(rest["next_cursor"], json!(null));
    house.post("namespaces", json!({ "name": "staging" })).await.expect(201);
    house.post("apps", json!({ "id": "there", "namespace": "staging" })).await.expect(201);
    let there = house.get("apps?namespace=staging").await.expect(200);
    assert_eq!(there["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn one_caller_does_not_take_all_streams() {
    let house = House::new().await;
    let greedy = house.token(json!(["secrets:list"])).await;
    let other = house.token(json!(["secrets:list"])).await;
    let open = async |token: &str| {
        let request = request(token, Method::GET, "events", &[], None);
        tower::ServiceExt::oneshot(house.router.clone(), request).await.unwrap()
    };
    let mut streams = Vec::new();
    for _ in 0..200 {
        streams.push(open(&greedy).await);
    }
    assert!(streams.iter().all(|answer| answer.status() == 200));
    house.call_as(&greedy, Method::GET, "events", None).await.problem(429, "too_many");
    assert_eq!(open(&other).await.status(), 200);
    streams.pop();
    assert_eq!(open(&greedy).await.status(), 200);
}

#[tokio::test]
async fn a_write_of_very_many_names_is_refused_before_it_holds_up_others() {
    let house = House::new().await;
    let many: serde_json::Map<_, _> = (0..40_000).map(|number| (format!("N{number}"), json!(""))).collect();
    let asked = house.put("secrets", json!({ "secrets": many }));
    let told = tokio::time::timeout(std::time::Duration::from_secs(5), asked).await.unwrap();
    assert!(told.problem(400, "invalid").contains("10000"));
}
