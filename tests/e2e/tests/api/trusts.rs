//! `/trusts` and `/api/v1/login/jwt`: a workload signs in with its platform's token, from the command line too.

use serde_json::json;
use strongroom_e2e::identity::{AUDIENCE, Issuer, KeyServer};
use strongroom_e2e::{Instance, Setup};

/// The names of a project's tokens.
async fn tokens(instance: &Instance) -> Vec<String> {
    let items = instance.owner().get("tokens").send().await.expect(200).json()["items"].clone();
    items.as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_workload_signs_in_from_the_command_line_and_reads_its_secret() {
    let instance = Setup::default().env("STRONGROOM_FETCH", "local").start().await;
    let issuer = Issuer::published("https://ci.example.com");
    let keys = KeyServer::start(&issuer.document()).await;
    let value = instance.plant();
    instance.owner().set("KEY", &value).await;
    let words = ["trusts", "add", "deploy", "--issuer", &issuer.url, "--audience", AUDIENCE, "--jwks-url", &keys.url];
    let unclaimed = instance.command(words).run().await.expect(2);
    assert!(unclaimed.stderr.contains("--claim"), "{}", unclaimed.stderr);
    let star = instance.command(words).words(["--claim", "sub=repo:acme/*"]).run().await.expect(2);
    assert!(star.stderr.contains("no wildcards"), "{}", star.stderr);
    let added = instance.command(words).words(["--claim", "sub=job-1", "--claim", "attempt:=1"]).run().await.ok();
    assert!(added.stdout.contains("✔ Trusted: deploy"), "{}", added.stdout);
    assert!(added.stderr.contains("for 15 minutes"), "{}", added.stderr);
    let listed = instance.cli(["trusts", "list"]).await.ok();
    assert!(listed.stdout.contains("attempt:=1 sub=job-1"), "{}", listed.stdout);

    let mut claims = issuer.claims("job-1");
    claims["attempt"] = json!(1);
    let jwt = issuer.sign(&issuer.header(), &claims);
    instance.watch(&jwt);
    let file = instance.work().join("jwt");
    std::fs::write(&file, &jwt).unwrap();
    let server = format!("http://{}", instance.management());
    let login = ["login", "--server", &server, "--trust", "deploy", "--jwt-file", file.to_str().unwrap()];
    let signed_in = instance.command(login).run().await.ok();
    assert!(signed_in.stdout.contains("by deploy, in project default"), "{}", signed_in.stdout);
    let names = instance.command(["secrets", "list", "--server", &server, "--json"]).run().await.ok();
    assert!(names.stdout.contains("\"KEY\""), "{}", names.stdout);
    let refused = instance.command(["secrets", "set", "KEY", "x", "--server", &server]).run().await.expect(4);
    assert!(refused.stderr.contains("needs the capability secrets:write"), "{}", refused.stderr);
    assert_eq!(tokens(&instance).await, ["deploy"]);

    let other = issuer.token("job-2");
    let login = ["login", "--server", &server, "--trust", "deploy", "--jwt-env", "ID_TOKEN"];
    let refused = instance.command(login).env("ID_TOKEN", &other).run().await.expect(4);
    assert!(refused.stderr.contains("logs list --category security"), "{}", refused.stderr);
    let why = instance.cli(["logs", "list", "--category", "security"]).await.ok();
    assert!(why.stdout.contains("these claims of it are others, or of another type: attempt, sub"), "{}", why.stdout);
    instance.cli(["trusts", "delete", "deploy"]).await.ok();
    instance.command(["secrets", "list", "--server", &server]).run().await.expect(4);
    instance.close().await;
}

#[tokio::test]
async fn a_login_lasts_as_long_as_the_trust_says_and_makes_room_for_the_next() {
    let instance = Instance::start().await;
    let issuer = Issuer::published("https://ci.example.com");
    let body = json!({ "name": "ci", "issuer": issuer.url, "audience": AUDIENCE, "jwks": issuer.document(),
        "claims": { "sub": "job" }, "capabilities": ["secrets:list"], "lasts": "1h" });
    let made = instance.owner().post("trusts").json(&body).send().await.expect(201).json();
    assert_eq!(made["lasts_seconds"], 3_600);
    instance.owner().post("trusts").json(&body).send().await.problem(409, "conflict");
    // the same token serves again until it runs out: each time it is judged anew
    let login = json!({ "trust": "ci", "jwt": issuer.token("job") });
    for _ in 0..3 {
        let got = instance.anonymous().post("/api/v1/login/jwt").json(&login).unwitnessed().send().await.expect(201);
        assert_eq!(got.header("cache-control"), "no-store");
        let client = instance.anonymous().with_token(got.json()["token"].as_str().unwrap());
        client.get("secrets").send().await.expect(200);
    }
    assert_eq!(tokens(&instance).await, ["ci"; 3]);
    let trail = instance.owner().get("audit?action=login.jwt").send().await.expect(200).json();
    assert_eq!(trail["items"][0]["target"]["subject"], "job");
    instance.close().await;
}
