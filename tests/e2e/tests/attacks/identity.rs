//! Tokens that others sign: forged, misdirected, replayed elsewhere, and keys from where they must not come.

use serde_json::{Value, json};
use strongroom_e2e::identity::{self, Issuer, KeyServer, encoded, now, with_hmac};
use strongroom_e2e::{Answer, Instance, Setup};
use tokio::net::TcpListener;

async fn try_token(instance: &Instance, token: &str) -> Answer {
    instance.anonymous().with_token(token).get("/api/v1/me/secrets").send().await
}

/// Nobody is proved, and the answer repeats nothing of the token.
async fn refuse(instance: &Instance, what: &str, token: &str) {
    let answer = try_token(instance, token).await;
    assert_eq!(answer.status, 401, "{what} is accepted");
    assert!(!answer.text().contains("planted-subject"), "{what}: the answer repeats the token");
    answer.problem(401, "unauthenticated");
}

fn changed(issuer: &Issuer, name: &str, value: Value) -> String {
    let mut claims = issuer.claims("planted-subject");
    claims[name] = value;
    issuer.sign(&issuer.header(), &claims)
}

fn without(issuer: &Issuer, name: &str) -> String {
    let mut claims = issuer.claims("planted-subject");
    claims.as_object_mut().unwrap().remove(name);
    issuer.sign(&issuer.header(), &claims)
}

#[tokio::test]
async fn attack_19_claims_that_are_missing_misdirected_or_of_the_wrong_type_prove_nobody() {
    let (instance, issuer) = identity::instance().await;
    try_token(&instance, &issuer.token("planted-subject")).await.expect(200);
    for name in ["iss", "aud", "exp", "sub"] {
        refuse(&instance, &format!("a token without {name}"), &without(&issuer, name)).await;
        for wrong in [json!(null), json!(true), json!(7), json!(""), json!([]), json!({}), json!([issuer.url, 1])] {
            refuse(&instance, &format!("{name} as {wrong}"), &changed(&issuer, name, wrong)).await;
        }
    }
    let past = json!(now() - 3_600);
    for (name, wrong) in [
        ("iss", json!("https://login.example.com/")),
        ("iss", json!("https://LOGIN.example.com")),
        ("iss", json!("https://login.example.com\u{0}")),
        ("iss", json!([issuer.url])),
        ("aud", json!("shop2")),
        ("aud", json!("SHOP")),
        ("aud", json!("*")),
        ("aud", json!("shop other")),
        ("aud", json!({ "shop": true })),
        ("exp", past.clone()),
        ("exp", json!((now() + 600).to_string())),
        ("exp", json!(-1)),
        ("exp", json!(1e300)),
        ("nbf", json!(now() + 3_600)),
        ("nbf", json!("0")),
        ("iat", json!(now() + 3_600)),
        ("sub", json!("x".repeat(256))),
        ("sub", json!("a\nb")),
        ("sub", json!("a\u{0}")),
        ("sub", json!(["planted-subject"])),
    ] {
        refuse(&instance, &format!("{name} as {wrong}"), &changed(&issuer, name, wrong.clone())).await;
    }
    // two claims of one name: whichever is read, the other issuer, time or audience does not come with it
    let text = issuer.claims("planted-subject").to_string();
    for twice in
        [text.replacen('{', "{\"exp\":1,", 1), text.replace('}', ",\"exp\":1}"), text.replace('}', ",\"aud\":\"x\"}")]
    {
        let signed = format!("{}.{}", encoded(&issuer.header()), base64(&twice));
        let answer = try_token(&instance, &with_hmac(&signed, issuer.shared_key().as_bytes())).await;
        assert!(answer.status == 401 || twice.starts_with("{\"exp\":1,"), "{}", answer.status);
    }
    instance.close().await;
}

fn base64(text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(text)
}

#[tokio::test]
async fn attack_19_no_algorithm_header_or_key_id_stands_in_for_the_issuers_key() {
    let instance = Setup::default().env("STRONGROOM_FETCH", "local").start().await;
    let (issuer, stranger) = (Issuer::published("https://a.example.com"), Issuer::published("https://a.example.com"));
    let evil = KeyServer::start(&stranger.document()).await;
    let keys = KeyServer::start(&issuer.document()).await;
    issuer.trusted_by(&instance.owner(), Some(&keys)).await;
    let claims = issuer.claims("planted-subject");
    try_token(&instance, &issuer.token("planted-subject")).await.expect(200);
    // the public key as a shared one
    let document = issuer.published_key();
    let (x, whole) = (document["x"].as_str().unwrap().to_owned(), document.to_string());
    for key in [x, whole, issuer.document().to_string(), String::new()] {
        let header = json!({ "alg": "HS256", "typ": "JWT", "kid": issuer.key_id });
        let token = with_hmac(&format!("{}.{}", encoded(&header), encoded(&claims)), key.as_bytes());
        refuse(&instance, "HMAC with the public key", &token).await;
    }
    for none in ["none", "None", "NONE", "nOnE", ""] {
        for end in ["", "AAAA"] {
            let header = json!({ "alg": none, "kid": issuer.key_id });
            refuse(&instance, none, &format!("{}.{}.{end}", encoded(&header), encoded(&claims))).await;
        }
    }
    for algorithm in ["ES384", "RS256", "PS256", "EdDSA", "HS512"] {
        let header = json!({ "alg": algorithm, "kid": issuer.key_id });
        refuse(&instance, algorithm, &issuer.sign(&header, &claims)).await;
    }
    // where a token says that its key is
    for (name, value) in [
        ("jku", json!(evil.url)),
        ("x5u", json!(evil.url)),
        ("jwk", stranger.published_key()),
        ("x5c", json!(["MIIB"])),
    ] {
        let mut header = json!({ "alg": "ES256", "kid": issuer.key_id });
        header[name] = value;
        refuse(&instance, name, &stranger.sign(&header, &claims)).await;
    }
    assert_eq!(evil.asked(), 0, "a token made the server ask its own address");
    for id in ["../../../../dev/null", "/dev/null", "' OR 1=1 --", &evil.url, "k\u{0}", "", &"k".repeat(4_000)] {
        let header = json!({ "alg": "ES256", "kid": id });
        refuse(&instance, id, &stranger.sign(&header, &claims)).await;
        refuse(&instance, id, &issuer.sign(&header, &claims)).await;
    }
    for (name, value) in
        [("crit", json!(["exp"])), ("typ", json!("logout+jwt")), ("b64", json!(false)), ("zip", json!("DEF"))]
    {
        let mut header = issuer.header();
        header[name] = value;
        if name == "b64" {
            header["crit"] = json!(["b64"]);
        }
        refuse(&instance, name, &issuer.sign(&header, &claims)).await;
    }
    // two dozen tokens with keys that nobody has, and one question at most
    assert!(keys.asked() <= 2, "unknown keys made the server ask {} times", keys.asked());
    for text in ["", ".", "..", "a.b.c", "a.b.c.d", &"a.".repeat(5_000), &"A".repeat(7_000)] {
        refuse(&instance, "what is no token", text).await;
    }
    instance.close().await;
}

#[tokio::test]
async fn attack_19_a_swapped_or_poisoned_key_set_proves_nobody() {
    let instance = Setup::default().env("STRONGROOM_FETCH", "local").start().await;
    let issuer = Issuer::published("https://a.example.com");
    let shared = Issuer::shared("https://a.example.com");
    // a shared key that somebody publishes is no secret
    let octets = json!({ "kty": "oct", "kid": "shared", "alg": "HS256", "k": base64(shared.shared_key()) });
    let mut encrypting = issuer.published_key();
    encrypting["use"] = json!("enc");
    let mut other_kind = issuer.published_key();
    other_kind["alg"] = json!("HS256");
    let many: Vec<_> = (0..101)
        .map(|n| {
            let mut key = issuer.published_key();
            key["kid"] = json!(n.to_string());
            key
        })
        .collect();
    let good = issuer.document().to_string();
    let huge = good.replacen('{', &format!("{{\"x\":\"{}\",", "x".repeat(1 << 20)), 1);
    for (what, document) in [
        ("a shared key", json!({ "keys": [octets] }).to_string()),
        ("a key for encryption", json!({ "keys": [encrypting] }).to_string()),
        ("a key of another kind", json!({ "keys": [other_kind] }).to_string()),
        ("too many keys", json!({ "keys": many }).to_string()),
        ("no keys", json!({ "keys": [] }).to_string()),
        ("another shape", json!({ "keys": { "a": issuer.published_key() } }).to_string()),
        ("half a document", good[..good.len() / 2].to_owned()),
        ("more than a mebibyte", huge),
        ("nothing", String::new()),
    ] {
        let keys = KeyServer::start(&json!({})).await;
        keys.give_raw("200 OK", "content-type: application/json", &document);
        let added = issuer.trusted_by(&instance.owner(), Some(&keys)).await;
        assert!(added["warnings"][0].as_str().unwrap().contains("could not be fetched"), "{what}: {added}");
        for token in [issuer.token("ann"), shared.token("ann")] {
            let status = try_token(&instance, &token).await.status;
            assert!(matches!(status, 401 | 503), "{what}: {status}");
        }
        instance.owner().delete(&format!("issuers/{}", added["name"].as_str().unwrap())).send().await.expect(200);
    }
    instance.close().await;
}

#[tokio::test]
async fn attack_20_another_valid_token_is_another_person_or_nobody() {
    let (instance, one) = identity::instance().await;
    let owner = instance.owner();
    let two = Issuer::shared("https://two.example.com");
    two.trusted_by(&owner, None).await;
    let elsewhere = Issuer::shared("https://three.example.com");
    owner.post("/api/v1/projects").json(&json!({ "name": "other" })).send().await.expect(201);
    elsewhere.trusted_by(&owner.in_project("other"), None).await;
    // one id with two issuers: two people
    let [of_one, of_two] = [&one, &two].map(|issuer| instance.anonymous().with_token(&issuer.token("ann")));
    let body = json!({ "value": instance.plant() });
    of_one.put("/api/v1/me/secrets/KEY").json(&body).send().await.expect(200);
    let theirs = of_two.get("/api/v1/me/secrets").send().await.expect(200).json();
    assert_eq!(theirs["items"], json!([]));
    of_two.delete("/api/v1/me/secrets/KEY").send().await.problem(404, "not_found");
    // an issuer's key signs for that issuer alone
    refuse(&instance, "another issuer's name", &two.sign(&two.header(), &one.claims("ann"))).await;
    refuse(&instance, "another issuer's key", &one.sign(&one.header(), &two.claims("ann"))).await;
    // what another project trusts is nothing here, and the other way round
    refuse(&instance, "another project's issuer", &elsewhere.token("ann")).await;
    let there = instance.anonymous().with_token(&one.token("ann"));
    there.get("/api/v1/me/secrets?project=other").send().await.problem(401, "unauthenticated");
    // tokens of Strongroom's are no end users, and end users no operators
    refuse(&instance, "the owner's token", owner.token().unwrap()).await;
    of_one.get("secrets").send().await.problem(401, "unauthenticated");
    instance.close().await;
}

#[tokio::test]
async fn attack_13_a_refused_token_is_never_somebody_by_another_way() {
    let (instance, issuer) = identity::instance().await;
    let (token, _) = instance.mint(&["admin"]).await;
    let stale = changed(&issuer, "exp", json!(now() - 3_600));
    let bearer = format!("Bearer {stale}");
    let call = || instance.anonymous().get("/api/v1/me/secrets").header("authorization", &bearer);
    // a good credential beside a refused one
    for (name, value) in [
        ("x-strongroom-token", token.clone()),
        ("x-strongroom-user", issuer.token("ann")),
        ("x-vault-token", token.clone()),
        ("cookie", format!("strongroom={token}; __Host-strongroom={token}")),
        ("authorization", format!("Bearer {}", issuer.token("ann"))),
        ("authorization", format!("Bearer {token}")),
    ] {
        let answer = call().header(name, &value).send().await;
        assert!(matches!(answer.status, 400 | 401), "{name}: {}", answer.status);
    }
    for path in
        ["/api/v1/me/secrets?token=x", "/api/v1/me/secrets/../secrets", "/api/v1/me/secretsx", "/api/v1/me/%73ecrets"]
    {
        let answer = instance.anonymous().with_token(&token).get(path).send().await;
        assert!((400..500).contains(&answer.status), "{path}: {}", answer.status);
        assert_eq!(instance.anonymous().with_token(&stale).get(path).send().await.status / 100, 4, "{path}");
    }
    instance.close().await;
}

#[tokio::test]
async fn attack_20_code_that_runs_for_one_user_speaks_for_no_other() {
    let (instance, issuer) = identity::instance().await;
    let owner = instance.owner();
    let [ann, eve] = ["ann", "eve"].map(|user| issuer.token(user));
    let body = json!({ "value": instance.plant() });
    let of_ann = instance.anonymous().with_token(&ann);
    of_ann.put("/api/v1/me/secrets/KEY").json(&body).send().await.expect(200);
    // it says frames of its own, sets a header of the supervisor's, and tries names of the user's as places
    let code = "const frames = (x) => [{ t: 'keep', x, i: 1, n: 'KEY', v: 'forged' }, { t: 'user', x, id: 'ann' }, { t: 'kept', i: 1 }];
export default async (req, ctx) => {
  for (const frame of frames(new URL(req.url).searchParams.get('x') ?? ctx.executionId)) {
    console.log(JSON.stringify(frame)); await Deno.stdout.write(new TextEncoder().encode(JSON.stringify(frame) + '\\n'));
  }
  const told = [];
  for (const name of ['../ann/KEY', 'ann\\nKEY', 'KEY?user=ann', '__proto__', 'constructor']) {
    told.push(secrets.getUser(name) ?? null);
    await ctx.userSecrets.set(name, 'by eve').catch(() => {});
  }
  for (const user of [{ id: 'ann' }, 'ann']) { try { ctx.user = user; } catch {} try { ctx.user.id = 'ann'; } catch {} }
  try { ctx.userSecrets.set = () => {}; } catch {}
  await ctx.userSecrets.set('KEY', 'by eve');
  return Response.json({ told, user: ctx.user.id, own: secrets.getUser('KEY') });
};\n";
    let manifest = json!({ "auth": "user", "user_secrets": "write" });
    strongroom_e2e::functions::deploy(&owner, "eve", &manifest, code).await;
    let at = strongroom_e2e::functions::path("eve");
    let call = instance.caller().with_token(&eve).get(&at);
    let call =
        call.header("x-strongroom-invocation", "0 x 0.0.0.0 http://x/ user").header("x-strongroom-user-id", "ann");
    let told = call.send().await.expect(200).json();
    assert_eq!(told["told"], json!([null, null, null, null, null]), "{told}");
    assert_eq!((&told["user"], &told["own"]), (&json!("eve"), &json!("by eve")));
    let of = |user: &'static str| {
        let owner = owner.clone();
        async move { owner.get(&format!("settings/secrets?user={user}")).send().await.expect(200).json()["items"].clone() }
    };
    assert_eq!(of("ann").await[0]["version"], 1, "somebody changed ann's secret");
    let of_eve = of("eve").await;
    assert!(of_eve.as_array().unwrap().iter().any(|item| item["name"] == "KEY"), "{of_eve}");
    let theirs = of_ann.get("/api/v1/me/secrets").send().await.expect(200).json();
    assert_eq!(theirs["items"].as_array().unwrap().len(), 1, "{theirs}");
    instance.close().await;
}

#[tokio::test]
async fn attack_48_keys_of_issuers_are_not_fetched_from_private_addresses_however_written() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (instance, issuer) = (Instance::start().await, Issuer::published("https://login.example.com"));
    let body = |url: &str| json!({ "name": "app", "issuer": issuer.url, "audience": "shop", "jwks_url": url });
    for host in [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f.1",
        "0177.0.0.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[64:ff9b::7f00:1]",
        "localhost",
        "LOCALHOST",
        "localhost.",
        "0.0.0.0",
        "[::]",
        "169.254.169.254",
        "10.0.0.1",
        "192.168.0.1",
        "172.16.0.1",
        "100.64.0.1",
        "[fd00::1]",
        "[fe80::1]",
    ] {
        let answer =
            instance.owner().post("issuers").json(&body(&format!("https://{host}:{port}/jwks.json"))).send().await;
        answer.problem(400, "invalid");
    }
    for url in [
        "http://127.0.0.1/",
        "http://login.example.com/jwks.json",
        "file:///etc/passwd",
        "https://a@127.0.0.1/",
        "gopher://127.0.0.1/",
    ] {
        instance.owner().post("issuers").json(&body(url)).send().await.problem(400, "invalid");
    }
    // found out from the issuer itself
    for url in
        [format!("https://127.0.0.1:{port}"), format!("https://localhost:{port}"), format!("http://127.0.0.1:{port}")]
    {
        let body = json!({ "name": "app", "issuer": url, "audience": "shop" });
        instance.owner().post("issuers").json(&body).send().await.problem(400, "invalid");
    }
    let listed = instance.owner().get("issuers").send().await.expect(200).json();
    assert_eq!(listed["items"], json!([]));
    let connected = tokio::time::timeout(std::time::Duration::from_millis(50), listener.accept()).await;
    assert!(connected.is_err(), "the server connected to a private address");
    instance.close().await;
}

#[tokio::test]
async fn attack_48_no_redirect_of_a_key_set_is_followed() {
    let instance = Setup::default().env("STRONGROOM_FETCH", "local").start().await;
    let issuer = Issuer::published("https://login.example.com");
    let inner = KeyServer::start(&issuer.document()).await;
    for status in
        ["301 Moved Permanently", "302 Found", "303 See Other", "307 Temporary Redirect", "308 Permanent Redirect"]
    {
        let outer = KeyServer::start(&json!({})).await;
        outer.give_raw(status, &format!("location: {}", inner.url), &issuer.document().to_string());
        let added = issuer.trusted_by(&instance.owner(), Some(&outer)).await;
        assert!(added["warnings"][0].is_string(), "{status}: {added}");
        assert!(matches!(try_token(&instance, &issuer.token("ann")).await.status, 401 | 503), "{status}");
        instance.owner().delete(&format!("issuers/{}", added["name"].as_str().unwrap())).send().await.expect(200);
    }
    assert_eq!(inner.asked(), 0, "a redirect was followed");
    instance.close().await;
}
