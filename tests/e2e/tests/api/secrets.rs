//! `/secrets`: creating, reading, changing, history, rollback, deleting.

use serde_json::json;
use strongroom_e2e::Instance;

#[tokio::test]
async fn a_secret_is_created_with_all_fields_and_shown_without_its_value() {
    let instance = Instance::start().await;
    let owner = instance.owner();
    let body = json!({ "name": "API_KEY", "value": instance.plant(), "scope": "namespace", "namespace": "production",
        "description": "Payments", "expires_at": "30d" });
    let created = owner.post("secrets").json(&body).send().await.expect(201).json();
    assert_eq!(created["name"], "API_KEY");
    assert_eq!(created["scope"], "namespace");
    assert_eq!(created["namespace"], "production");
    assert_eq!(created["app"], json!(null));
    assert_eq!(created["version"], 1);
    assert_eq!(created["description"], "Payments");
    assert_eq!(created["state"], "set");
    assert!(created["expires_at"].is_string(), "{created}");
    assert_eq!(created["created"], json!(["namespace production"]), "{created}");

    let shown = owner.get("secrets/API_KEY?namespace=production").send().await.expect(200).json();
    assert_eq!(shown["version"], 1);
    assert_eq!(shown["used_by"], json!([]));
    assert!(shown.get("value").is_none());
    owner.get("secrets/API_KEY").send().await.problem(404, "not_found");
    owner.post("secrets").json(&body).send().await.problem(409, "conflict");
    instance.close().await;
}

#[tokio::test]
async fn creating_refuses_what_is_missing_or_contradicts() {
    let instance = Instance::start().await;
    let owner = instance.owner();
    for body in [
        json!({ "value": "x" }),
        json!({ "name": "", "value": "x" }),
        json!({ "name": "   ", "value": "x" }),
        json!({ "name": "1A", "value": "x" }),
        json!({ "name": "A-B", "value": "x" }),
        json!({ "name": "A.B", "value": "x" }),
        json!({ "name": "A B", "value": "x" }),
        json!({ "name": "A=B", "value": "x" }),
        json!({ "name": "Ä", "value": "x" }),
        json!({ "name": "A".repeat(257), "value": "x" }),
        json!({ "name": "PATH", "value": "x" }),
        json!({ "name": "DENO_DIR", "value": "x" }),
        json!({ "name": "VITE_KEY", "value": "x" }),
        json!({ "name": "STRONGROOM_TOKEN", "value": "x", "allow_name": true }),
        json!({ "name": "A", "value": "x", "scope": "planet" }),
        json!({ "name": "A", "value": "x", "scope": "namespace" }),
        json!({ "name": "A", "value": "x", "scope": "app" }),
        json!({ "name": "A", "value": "x", "scope": "global", "namespace": "production" }),
        json!({ "name": "A", "value": "x", "namespace": "Not A Name" }),
        json!({ "name": "A", "value": "x", "namespace": "../x" }),
        json!({ "name": "A", "value": "x", "expires_at": "-5d" }),
        json!({ "name": "A", "value": "x", "expires_at": "1.5d" }),
        json!({ "name": "A", "value": "x", "expires_at": "30" }),
        json!({ "name": "A", "value": "x", "expires_at": "30 apples" }),
        json!({ "name": "A", "value": "x", "description": "two\nlines" }),
        json!({ "name": "A", "value": "a\u{0}b" }),
        json!({ "name": "A", "value": 5 }),
        json!({ "name": "A", "value": "x".repeat(65_537) }),
        json!({ "name": "A", "value": "x", "colour": "red" }),
        json!([]),
        json!("A=x"),
    ] {
        let answer = owner.post("secrets").json(&body).send().await;
        assert_eq!(
            answer.status,
            400,
            "{} fields: {}",
            body.as_object().map_or(0, serde_json::Map::len),
            answer.text()
        );
        answer.problem(400, "invalid");
    }
    assert_eq!(owner.get("secrets").send().await.expect(200).json()["items"], json!([]));
    instance.close().await;
}

#[tokio::test]
async fn legal_names_and_values_come_back_byte_for_byte() {
    let instance = Instance::start().await;
    let owner = instance.owner();
    let long = "A".repeat(256);
    let huge = "ü".repeat(32_768);
    let pem = "-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----\n";
    for (name, value) in [
        ("lower_case", "x"),
        ("_", "one character"),
        ("__proto__", "prototype"),
        ("constructor", "built"),
        ("toString", "text"),
        (&long, "long name"),
        ("EMPTY", ""),
        ("SPACES", "  padded \t"),
        ("CRLF", "a\r\nb\r\n"),
        ("PEM", pem),
        ("JSON", r#"{"a":[1,"\u0000 as text",{"b":null}]}"#),
        ("UNICODE", "päss🔑\u{202e}word"),
        ("REFERENCE", "${OTHER} $(id) `id`"),
        ("QUOTES", r#"'"\'\""#),
        ("HUGE", &huge),
    ] {
        assert_eq!(owner.set(name, value).await["results"][0]["status"], "set");
        let resolved = owner.resolve("default", name).await;
        assert!(resolved.as_deref() == Some(value), "{name} did not come back as it was");
    }
    owner.post("secrets").json(&json!({ "name": "PORT", "value": "1", "allow_name": true })).send().await.expect(201);
    instance.close().await;
}

#[tokio::test]
async fn names_that_differ_by_case_alone_are_refused() {
    let instance = Instance::start().await;
    let owner = instance.owner();
    owner.set("Api_Key", "x").await;
    for name in ["API_KEY", "api_key"] {
        owner.post("secrets").json(&json!({ "name": name, "value": "y" })).send().await.problem(409, "conflict");
        owner.get(&format!("secrets/{name}")).send().await.problem(404, "not_found");
    }
    owner
        .post("secrets")
        .json(&json!({ "name": "API_KEY", "value": "y", "namespace": "default" }))
        .send()
        .await
        .expect(201);
    instance.close().await;
}

#[tokio::test]
async fn an_update_changes_what_it_names_and_nothing_else() {
    let instance = Instance::start().await;
    let owner = instance.owner();
    owner.set("API_KEY", &instance.plant()).await;
    let put = async |body: serde_json::Value| owner.put("secrets/API_KEY").json(&body).send().await;
    let value = put(json!({ "value": instance.plant() })).await.expect(200).json();
    assert_eq!(value["version"], 2);
    let description = put(json!({ "description": "Payments" })).await.expect(200).json();
    assert_eq!((&description["version"], &description["description"]), (&json!(2), &json!("Payments")));
    let both = put(json!({ "value": instance.plant(), "expires_at": "1d12h" })).await.expect(200).json();
    assert_eq!(
        (&both["version"], &both["state"], &both["description"]),
        (&json!(3), &json!("expiring_soon"), &json!("Payments"))
    );
    let cleared = put(json!({ "expires_at": null, "description": "" })).await.expect(200).json();
    assert_eq!((&cleared["expires_at"], &cleared["description"]), (&json!(null), &json!(null)));
    put(json!({})).await.problem(400, "invalid");
    put(json!({ "name": "OTHER", "value": "x" })).await.problem(400, "invalid");
    put(json!({ "namespace": "production", "value": "x" })).await.problem(404, "not_found");
    owner.put("secrets/MISSING").json(&json!({ "value": "x" })).send().await.problem(404, "not_found");
    let disagree =
        owner.put("secrets/API_KEY?namespace=a").json(&json!({ "namespace": "b", "value": "x" })).send().await;
    disagree.problem(400, "invalid");
    instance.close().await;
}

#[tokio::test]
async fn an_identical_value_is_told_to_those_who_may_read_values_alone() {
    let instance = Instance::start().await;
    let value = instance.plant();
    let owner = instance.owner();
    owner.set("API_KEY", &value).await;
    let again = owner.set("API_KEY", &value).await;
    assert_eq!((&again["results"][0]["status"], &again["results"][0]["version"]), (&json!("unchanged"), &json!(1)));
    let writer = instance.client(&["secrets:write"]).await;
    let blind = writer.set("API_KEY", &value).await;
    assert_eq!((&blind["results"][0]["status"], &blind["results"][0]["version"]), (&json!("updated"), &json!(2)));
    let forced = owner.put("secrets").json(&json!({ "secrets": { "API_KEY": value }, "force": true })).send().await;
    assert_eq!(forced.expect(200).json()["results"][0]["version"], 3);
    instance.close().await;
}

#[tokio::test]
async fn history_and_rollback_number_versions_without_gaps() {
    let instance = Instance::start().await;
    let owner = instance.owner();
    let first = instance.plant();
    owner.set("API_KEY", &first).await;
    for _ in 0..2 {
        owner.set("API_KEY", &instance.plant()).await;
    }
    let history = async || owner.get("secrets/API_KEY/history").send().await.expect(200).json();
    let items = history().await["items"].as_array().unwrap().clone();
    assert_eq!(items.iter().map(|item| item["version"].as_u64().unwrap()).collect::<Vec<_>>(), [3, 2, 1]);
    assert_eq!(items[0]["current"], true);
    assert_eq!(items[1]["current"], false);
    let roll = async |body: serde_json::Value| owner.post("secrets/API_KEY/rollback").json(&body).send().await;
    let rolled = roll(json!({ "version": 1 })).await.expect(200).json();
    assert_eq!(rolled["version"], 4);
    let newest = history().await["items"][0].clone();
    assert_eq!((&newest["kind"], &newest["from_version"]), (&json!("rollback"), &json!(1)));
    assert!(owner.resolve("default", "API_KEY").await == Some(first), "the rollback resolves to another value");
    roll(json!({ "version": 99 })).await.problem(404, "not_found");
    roll(json!({ "version": "invalid" })).await.problem(400, "invalid");
    roll(json!({ "version": 0 })).await.problem(404, "not_found");
    owner.post("secrets/MISSING/rollback").json(&json!({ "version": 1 })).send().await.problem(404, "not_found");
    instance.close().await;
}

#[tokio::test]
async fn a_lost_race_changes_nothing() {
    let instance = Instance::start().await;
    let owner = instance.owner();
    owner.set("API_KEY", &instance.plant()).await;
    let put = async |expected: &str| {
        let call = owner.put("secrets/API_KEY").header("if-match", expected);
        call.json(&json!({ "value": instance.plant() })).send().await
    };
    assert_eq!(put("\"1\"").await.expect(200).json()["version"], 2);
    put("\"1\"").await.problem(412, "version_mismatch");
    put("nonsense").await.problem(400, "invalid");
    let body = json!({ "secrets": { "API_KEY": "x" }, "if_version": 7 });
    owner.put("secrets").json(&body).send().await.problem(412, "version_mismatch");
    assert_eq!(owner.get("secrets/API_KEY").send().await.expect(200).json()["version"], 2);
    let fresh = json!({ "secrets": { "NEW": "x" }, "if_version": 0 });
    owner.put("secrets").json(&fresh).send().await.expect(200);
    owner.put("secrets").json(&fresh).send().await.problem(412, "version_mismatch");
    instance.close().await;
}

#[tokio::test]
async fn one_bad_entry_stops_a_batch_and_every_bad_entry_is_told() {
    let instance = Instance::start().await;
    let owner = instance.owner();
    let body = json!({ "secrets": { "GOOD": "x", "bad name": "y", "PATH": "z", "NEXT_PUBLIC_A": "w" } });
    let problem = owner.put("secrets").json(&body).send().await.problem(400, "invalid");
    let errors = problem["errors"].as_array().unwrap();
    assert_eq!(errors.len(), 3, "{problem}");
    owner.get("secrets/GOOD").send().await.problem(404, "not_found");
    let granted = json!({ "secrets": { "GOOD": "x", "PATH": "z" }, "allow_names": ["PATH"] });
    owner.put("secrets").json(&granted).send().await.expect(200);
    let twice =
        owner.put("secrets").header("content-type", "application/json").body(r#"{"secrets":{"A":"1","A":"2"}}"#);
    twice.send().await.problem(400, "invalid");
    instance.close().await;
}

#[tokio::test]
async fn deleting_and_restoring_and_purging() {
    let instance = Instance::start().await;
    let owner = instance.owner();
    let value = instance.plant();
    owner.set("API_KEY", &value).await;
    let deleted = owner.delete("secrets/API_KEY").send().await.expect(200).json();
    assert_eq!(deleted["results"][0]["status"], "deleted");
    owner.get("secrets/API_KEY").send().await.problem(404, "not_found");
    owner.delete("secrets/API_KEY").send().await.problem(404, "not_found");
    owner.post("secrets/API_KEY/restore").send().await.expect(200);
    assert!(owner.resolve("default", "API_KEY").await == Some(value), "it came back with another value");
    owner.delete("secrets/API_KEY").send().await.expect(200);
    owner.set("API_KEY", &instance.plant()).await;
    owner.post("secrets/API_KEY/restore").send().await.problem(409, "conflict");
    let purged = owner.delete("secrets/API_KEY?purge=true").send().await.expect(200).json();
    assert_eq!(purged["results"][0]["status"], "purged");
    instance.close().await;
}

#[tokio::test]
async fn declaring_registers_names_and_never_blanks_a_value() {
    let instance = Instance::start().await;
    let owner = instance.owner();
    owner.set("KEPT", &instance.plant()).await;
    let body = json!({ "secrets": [{ "name": "NEW", "description": "to fill in" }, { "name": "KEPT", "description": "has one" }] });
    owner.post("declarations").json(&body).send().await.expect(200);
    let new = owner.get("secrets/NEW").send().await.expect(200).json();
    assert_eq!((&new["state"], &new["version"]), (&json!("no_value"), &json!(null)));
    let kept = owner.get("secrets/KEPT").send().await.expect(200).json();
    assert_eq!((&kept["state"], &kept["description"]), (&json!("set"), &json!("has one")));
    let wider = json!({ "namespace": "production", "secrets": [{ "name": "KEPT" }] });
    owner.post("declarations").json(&wider).send().await.problem(409, "conflict");
    let partly = json!({ "secrets": [{ "name": "FINE" }, { "name": "not fine" }] });
    owner.post("declarations").json(&partly).send().await.problem(400, "invalid");
    owner.get("secrets/FINE").send().await.problem(404, "not_found");
    let missing = owner.get("resolve?names=NEW").send().await.expect(200).json();
    assert_eq!(missing["missing"], json!([{ "name": "NEW", "reason": "no_value" }]));
    instance.close().await;
}
