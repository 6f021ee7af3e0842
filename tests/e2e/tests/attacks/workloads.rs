//! Workloads that sign in with their platform's token: which tokens are believed, and how far what they get reaches.

use rusqlite::Connection;
use serde_json::{Value, json};
use strongroom_e2e::identity::{AUDIENCE, Issuer, encoded, now, with_hmac};
use strongroom_e2e::{Answer, Instance};

use super::rows::{PASSWORD, setup_code};

/// What the platform says of the shop's deployment.
fn shop(issuer: &Issuer) -> Value {
    let mut claims = issuer.claims("repo:acme/shop:environment:production");
    claims["repository"] = json!("acme/shop");
    claims["environment"] = json!("production");
    claims["run_attempt"] = json!(1);
    claims["protected"] = json!(true);
    claims["kubernetes.io"] = json!({ "namespace": "prod" });
    claims
}

/// A trust that asks for all of it.
fn trust(name: &str, issuer: &Issuer) -> Value {
    json!({
        "name": name, "issuer": issuer.url, "audience": AUDIENCE, "jwks": issuer.document(),
        "claims": { "repository": "acme/shop", "environment": "production", "run_attempt": 1, "protected": true,
                    "sub": "repo:acme/shop:environment:production", "/kubernetes.io/namespace": "prod" },
        "capabilities": ["values:read"], "namespaces": ["default"],
    })
}

/// A server that trusts one platform, and has one secret.
async fn prepare() -> (Instance, Issuer) {
    let (instance, issuer) = (Instance::start().await, Issuer::published("https://ci.example.com"));
    instance.owner().set("KEY", &instance.plant()).await;
    instance.owner().post("trusts").json(&trust("shop", &issuer)).send().await.expect(201);
    (instance, issuer)
}

async fn log_in(instance: &Instance, name: &str, jwt: &str) -> Answer {
    let body = json!({ "trust": name, "jwt": jwt });
    instance.anonymous().post("/api/v1/login/jwt").json(&body).unwitnessed().send().await
}

fn token(answer: &Answer) -> String {
    assert_eq!(answer.status, 201, "{}", answer.line);
    answer.json()["token"].as_str().unwrap().to_owned()
}

/// Claims with another value, or without the claim.
fn with(claims: &Value, name: &str, value: Value) -> Value {
    let mut claims = claims.clone();
    match value {
        Value::Null => drop(claims.as_object_mut().unwrap().remove(name)),
        value => claims[name] = value,
    }
    claims
}

#[tokio::test]
async fn attack_19_only_exactly_these_claims_sign_a_workload_in() {
    let (instance, issuer) = prepare().await;
    let claims = shop(&issuer);
    let good = issuer.sign(&issuer.header(), &claims);
    instance.watch(&good);
    let shown = token(&log_in(&instance, "shop", &good).await);
    let workload = instance.anonymous().with_token(&shown);
    assert!(workload.resolve("default", "KEY").await.is_some());
    workload.get("secrets").send().await.problem(403, "forbidden");

    let header = issuer.header();
    let mut bad: Vec<(String, String)> = Vec::new();
    for (name, values) in [
        (
            "repository",
            json!(["acme/shop2", "acme/", "ACME/shop", " acme/shop", "acme/*", "*", ["acme/shop"], null, 7, { "acme/shop": true }]),
        ),
        ("environment", json!(["Production", "", null, true])),
        ("run_attempt", json!(["1", 1.0, 2, true, [1], null])),
        ("protected", json!(["true", 1, false, null])),
        ("kubernetes.io", json!([{ "namespace": "prod2" }, { "namespace": ["prod"] }, "prod", {}, null])),
        (
            "sub",
            json!([
                "repo:acme/shop:environment:productio",
                "repo:acme/shop:environment:production2",
                "repo:acme/*",
                7,
                "",
                null
            ]),
        ),
        ("aud", json!(["shop2", "SHOP", [], ["other"], ["shop", 7], 7, null])),
        ("iss", json!(["https://ci.example.com/", "https://evil.example", 7, null])),
        ("exp", json!([now() - 120, (now() + 600).to_string(), -1, null])),
        ("nbf", json!([now() + 600, "x"])),
    ] {
        for value in values.as_array().unwrap() {
            let told = format!("{name} is {value}");
            bad.push((told, issuer.sign(&header, &with(&claims, name, value.clone()))));
        }
    }
    // a name with a path in it is no path
    bad.push((
        "a flat pointer".to_owned(),
        issuer.sign(&header, &{
            let flat = with(&claims, "kubernetes.io", Value::Null);
            with(&flat, "kubernetes.io/namespace", json!("prod"))
        }),
    ));
    let part = |alg: &str| encoded(&json!({ "alg": alg, "typ": "JWT", "kid": issuer.key_id }));
    for alg in ["none", "None", "NONE"] {
        bad.push((format!("alg {alg}"), format!("{}.{}.", part(alg), encoded(&claims))));
    }
    let public = issuer.published_key().to_string();
    let signed = format!("{}.{}", part("HS256"), encoded(&claims));
    bad.push(("the public key as a shared one".to_owned(), with_hmac(&signed, public.as_bytes())));
    let mut other = Issuer::published(&issuer.url);
    other.key_id.clone_from(&issuer.key_id);
    bad.push(("another key of the same id".to_owned(), other.sign(&header, &claims)));
    for (name, value) in [
        ("kid", json!("../../../../dev/null")),
        ("kid", json!("' OR 1=1 --")),
        ("jku", json!("https://evil.example/jwks.json")),
        ("jwk", other.published_key()),
        ("x5u", json!("https://evil.example/cert.pem")),
    ] {
        bad.push((format!("{name} {value}"), other.sign(&with(&header, name, value), &claims)));
    }
    for text in ["", "x", "a.b.c", good.trim_end_matches(|_| true)] {
        bad.push((format!("the text {text:?}"), text.to_owned()));
    }
    let refusal = log_in(&instance, "nothing", &good).await.problem(401, "unauthenticated")["detail"].clone();
    for (told, jwt) in &bad {
        let answer = log_in(&instance, "shop", jwt).await;
        assert_eq!(answer.status, 401, "{told}: {}", answer.text());
        assert_eq!(answer.json()["detail"], refusal, "{told} is told apart");
    }
    let elsewhere = json!({ "trust": "shop", "project": "no-such-project", "jwt": good });
    let elsewhere = instance.anonymous().post("/api/v1/login/jwt").json(&elsewhere).unwitnessed().send().await;
    assert_eq!((elsewhere.status, elsewhere.json()["detail"].clone()), (401, refusal));
    // the admin is told why
    let log = instance.owner().get("logs?category=security&limit=1000").send().await.expect(200).text();
    assert!(log.contains("run_attempt") && log.contains("does not go with the issuer's key"), "{log}");
    instance.close().await;
}

#[tokio::test]
async fn attack_19_a_trust_without_what_tells_customers_apart_and_one_with_wildcards_is_refused() {
    let instance = Instance::start().await;
    let issuer = Issuer::published("https://ci.example.com");
    let github = "https://token.actions.githubusercontent.com";
    let base = trust("shop", &issuer);
    for (name, value) in [
        ("claims", json!({})),
        ("claims", json!({ "sub": "repo:acme/*" })),
        ("claims", json!({ "repository": "*" })),
        ("claims", json!({ "repository": "" })),
        ("claims", json!({ "repository": ["acme/shop"] })),
        ("claims", json!({ "repository": null })),
        ("claims", json!({ "run_attempt": 1.5 })),
        ("claims", json!({ "aud": "shop" })),
        ("audience", json!("")),
        ("capabilities", json!(["admin"])),
        ("capabilities", json!([])),
        ("lasts", json!("13h")),
        ("lasts", json!("30s")),
        ("jwks", json!({ "keys": [] })),
        ("jwks", json!({ "keys": [{ "kty": "oct", "k": "c2VjcmV0" }] })),
        ("preset", json!("Github")),
    ] {
        let answer = instance.owner().post("trusts").json(&with(&base, name, value.clone())).send().await;
        assert_eq!(answer.status, 400, "{name} {value}: {}", answer.text());
    }
    for (issuer, claims) in [
        (github, json!({ "ref": "refs/heads/main" })),
        (github, json!({ "repository_owner": "acme", "environment": "production" })),
        ("https://gitlab.com", json!({ "ref": "main" })),
    ] {
        let body = with(&with(&base, "issuer", json!(issuer)), "claims", claims);
        let answer = instance.owner().post("trusts").json(&body).send().await;
        assert!(answer.status == 400 && answer.text().contains("anybody's workload"), "{issuer}: {}", answer.text());
    }
    let body = with(&with(&base, "issuer", Value::Null), "preset", json!("github"));
    let made = instance.owner().post("trusts").json(&body).send().await.expect(201).json();
    assert_eq!(made["issuer"], json!(github));
    instance.close().await;
}

#[tokio::test]
async fn attack_20_another_valid_token_renews_nothing_and_what_was_given_ends_with_the_trust() {
    let (instance, issuer) = prepare().await;
    let owner = instance.owner();
    owner.post("namespaces").json(&json!({ "name": "staging" })).send().await.expect(201);
    let mut second = trust("other", &issuer);
    second["claims"] = json!({ "repository": "acme/other" });
    second["namespaces"] = json!(["staging"]);
    second["lasts"] = json!("1m");
    owner.post("trusts").json(&second).send().await.expect(201);
    let jwt = issuer.sign(&issuer.header(), &shop(&issuer));
    let of_other = issuer.sign(&issuer.header(), &with(&issuer.claims("x"), "repository", json!("acme/other")));
    let first = log_in(&instance, "shop", &jwt).await;
    let (held, record) = (token(&first), first.json());

    // a credential that is held makes nothing of another one: what comes is the other one's
    let body = json!({ "trust": "other", "jwt": of_other });
    let call = instance.anonymous().with_token(&held).post("/api/v1/login/jwt").json(&body);
    let got = call.unwitnessed().send().await;
    let other = instance.anonymous().with_token(&token(&got));
    assert_eq!(got.json()["namespaces"], json!(["staging"]));
    assert!(got.json()["expires_at"].as_str() < record["expires_at"].as_str());
    other.get("resolve?namespace=default").send().await.problem(403, "forbidden");
    assert_eq!(log_in(&instance, "shop", &of_other).await.status, 401);
    assert_eq!(log_in(&instance, "other", &jwt).await.status, 401);
    let tokens = owner.get("tokens").send().await.expect(200).json();
    let mine = tokens["items"].as_array().unwrap().iter().find(|item| item["id"] == record["id"]).unwrap().clone();
    assert_eq!(mine["expires_at"], record["expires_at"]);

    // what is held manages nothing and mints nothing
    let holder = instance.anonymous().with_token(&held);
    holder.get("trusts").send().await.problem(403, "forbidden");
    let longer = json!({ "name": "longer", "capabilities": ["values:read"], "namespaces": ["default"] });
    holder.post("tokens").json(&longer).send().await.problem(403, "forbidden");
    assert!(holder.resolve("default", "KEY").await.is_some());
    owner.delete("trusts/shop").send().await.expect(200);
    assert_eq!(holder.get("resolve").send().await.status, 401, "what the trust gave lives on");
    assert_eq!(log_in(&instance, "shop", &jwt).await.status, 401);
    other.get("resolve?namespace=staging").send().await.expect(200);
    instance.close().await;
}

#[tokio::test]
async fn attack_16_nobody_trusts_a_platform_with_more_than_he_has_and_it_ends_with_his_right() {
    let (instance, issuer) = prepare().await;
    let narrow = json!({ "name": "narrow", "capabilities": ["admin"], "namespaces": ["default"] });
    let (text, _) = instance.mint_with(&narrow).await;
    let limited = instance.anonymous().with_token(&text);
    for namespaces in [json!([]), json!(["production"])] {
        let wide = with(&trust("wide", &issuer), "namespaces", namespaces);
        let answer = limited.post("trusts").json(&wide).send().await;
        assert!([403, 404].contains(&answer.status), "{}: {}", answer.status, answer.text());
    }
    let (text, parent) = instance.mint_with(&json!({ "name": "parent", "capabilities": ["admin"] })).await;
    let admin = instance.anonymous().with_token(&text);
    admin.post("trusts").json(&trust("by-token", &issuer)).send().await.expect(201);
    let jwt = issuer.sign(&issuer.header(), &shop(&issuer));
    let held = token(&log_in(&instance, "by-token", &jwt).await);
    let id = parent["id"].as_str().unwrap();
    instance.owner().delete(&format!("tokens/{id}")).send().await.expect(200);
    assert_eq!(log_in(&instance, "by-token", &jwt).await.status, 403);
    let holder = instance.anonymous().with_token(&held);
    assert_eq!(holder.get("resolve").send().await.status, 401, "a child outlives its parent");

    // a person's trust ends with his role
    let body = json!({ "code": setup_code(&instance).await, "name": "ada", "password": PASSWORD });
    let made = instance.anonymous().post("/api/v1/setup").json(&body).unwitnessed().send().await.expect(201);
    let cookie = made.header("set-cookie").split(';').next().unwrap().to_owned();
    let csrf = made.json()["csrf_token"].as_str().unwrap().to_owned();
    let call = instance.anonymous().post("trusts").json(&trust("by-ada", &issuer));
    call.header("cookie", &cookie).header("x-csrf-token", &csrf).send().await.expect(201);
    let held = token(&log_in(&instance, "by-ada", &jwt).await);
    // the last owner of a project stays, so that another one comes first
    let body = json!({ "name": "bob", "project": "default", "role": "owner" });
    let invited =
        instance.owner().post("/api/v1/invitations").json(&body).unwitnessed().send().await.expect(201).json();
    let code = invited["url"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    let body = json!({ "code": code, "password": PASSWORD });
    instance.anonymous().post("/api/v1/invitations/accept").json(&body).unwitnessed().send().await.expect(201);
    instance.owner().put("members/ada").json(&json!({ "role": "developer" })).send().await.expect(200);
    assert_eq!(log_in(&instance, "by-ada", &jwt).await.status, 403);
    let holder = instance.anonymous().with_token(&held);
    assert_eq!(holder.get("resolve").send().await.status, 401, "it outlives its giver's role");
    instance.close().await;
}

#[tokio::test]
async fn attack_53_an_edited_trust_signs_nobody_in() {
    let (instance, issuer) = prepare().await;
    let evil = with(&shop(&issuer), "repository", json!("evil/shop"));
    let evil = issuer.sign(&issuer.header(), &evil);
    let good = issuer.sign(&issuer.header(), &shop(&issuer));
    for edit in [
        "record = replace(record, 'acme/shop\"', 'evil/shop\"')",
        "record = replace(record, 'values:read', 'admin')",
        "record = replace(record, '\"lasts_seconds\":900', '\"lasts_seconds\":90000000')",
        "kind = 'users'",
        "name = 'shop2'",
        "mac = randomblob(32)",
    ] {
        let database = Connection::open(instance.database()).unwrap();
        database.execute("CREATE TABLE kept AS SELECT * FROM trusts", []).unwrap();
        assert_eq!(database.execute(&format!("UPDATE trusts SET {edit}"), []).unwrap(), 1, "{edit}");
        for (name, jwt) in [("shop", &evil), ("shop", &good), ("shop2", &good)] {
            let status = log_in(&instance, name, jwt).await.status;
            assert!([401, 500].contains(&status), "{edit}: {status}");
        }
        database.execute_batch("DELETE FROM trusts; INSERT INTO trusts SELECT * FROM kept; DROP TABLE kept").unwrap();
    }
    token(&log_in(&instance, "shop", &good).await);
    instance.close().await;
}
