//! The pages in a hostile world: all of them, as the list of routes tells them, with all their forms.

mod forms;
mod leftovers;
mod scripts;

use http::Method;
use serde_json::json;
use strongroom_e2e::{Answer, Call, Client, Instance, functions, jobs};

use super::rows::{PASSWORD, setup_code};

/// Names and texts that would do harm where a page forgot to escape them.
const HOSTILE: &str = "</title></textarea><script>alert(1)</script>\"'><img src=x onerror=alert(1)>";
/// How the beginning of its script stands in a page that escapes it.
const ESCAPED: &str = "&#60;script&#62;alert(1)";

/// A person's session in a browser.
struct Browser {
    client: Client,
    cookie: String,
    csrf: String,
}

impl Browser {
    fn of(instance: &Instance, answer: &Answer) -> Self {
        assert!(answer.status < 300, "{}: {}", answer.line, answer.status);
        let cookie = answer.header("set-cookie").split(';').next().unwrap().to_owned();
        let csrf = answer.json()["csrf_token"].as_str().unwrap().to_owned();
        Self { client: instance.anonymous(), cookie, csrf }
    }

    async fn enter(instance: &Instance, name: &str) -> Self {
        let body = json!({ "name": name, "password": PASSWORD });
        let call = instance.anonymous().post("/api/v1/session").header("user-agent", HOSTILE);
        Self::of(instance, &call.json(&body).unwitnessed().send().await)
    }

    fn call(&self, method: Method, path: &str) -> Call {
        self.client.call(method, path).header("cookie", &self.cookie).header("accept", "text/html")
    }

    async fn get(&self, path: &str) -> Answer {
        self.call(Method::GET, path).send().await
    }

    /// A form as a page of the server sends it.
    async fn send(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let fields = [&[("csrf", self.csrf.as_str())], fields].concat();
        form(self.call(Method::POST, path).header("sec-fetch-site", "same-origin"), &fields).send().await
    }
}

fn form(call: Call, fields: &[(&str, &str)]) -> Call {
    let pairs = fields.iter().map(|(name, text)| format!("{}={}", encoded(name), encoded(text)));
    let body = pairs.collect::<Vec<_>>().join("&");
    call.header("content-type", "application/x-www-form-urlencoded").body(body)
}

/// A text as it stands in an address.
fn encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02x}") })
        .collect()
}

/// An instance in which hostile text stands wherever text may stand, and what its parameters are called.
struct World {
    instance: Instance,
    ada: Browser,
    things: Vec<(&'static str, String)>,
}

impl World {
    async fn new() -> Self {
        let instance = Instance::start().await;
        let owner = instance.owner();
        let body = json!({ "code": setup_code(&instance).await, "name": "ada", "password": PASSWORD });
        instance.anonymous().post("/api/v1/setup").json(&body).unwitnessed().send().await.expect(201);
        let secret = json!({ "name": "KEY", "value": instance.plant(), "description": HOSTILE });
        owner.post("secrets").json(&secret).send().await.expect(201);
        for name in ["KEY", "GONE"] {
            owner.set(name, &instance.plant()).await;
        }
        owner.delete("secrets/GONE").send().await.expect(200);
        owner.post("secrets").json(&json!({ "name": "EMPTY", "description": HOSTILE })).send().await.expect(201);
        owner.post("apps").json(&json!({ "id": "shop", "name": HOSTILE })).send().await;
        let run = workloads(&instance).await;
        let (_, token) = instance.mint_with(&json!({ "name": HOSTILE, "capabilities": ["secrets:list"] })).await;
        let link = json!({ "secrets": [{ "name": "ASKED", "description": HOSTILE }] });
        let link = owner.post("links").json(&link).unwitnessed().send().await.expect(201).json();
        let invitation = json!({ "name": "bob", "project": "default", "role": "viewer" });
        let invited = owner.post("/api/v1/invitations").json(&invitation).unwitnessed().send().await.expect(201).json();
        let last = |url: &serde_json::Value| url.as_str().unwrap().rsplit('/').next().unwrap().to_owned();
        let things = vec![
            ("/fill/{code}", format!("/fill/{}", last(&link["url"]))),
            ("/invitation/{code}", format!("/invitation/{}", last(&invited["url"]))),
            ("{project}", "default".to_owned()),
            ("{namespace}", "default".to_owned()),
            ("/functions/default/{name}", "/functions/default/shop".to_owned()),
            ("/jobs/default/{name}", "/jobs/default/night".to_owned()),
            ("/namespaces/{name}", "/namespaces/default".to_owned()),
            ("/members/{name}", "/members/ada".to_owned()),
            ("/users/{name}", "/users/ada".to_owned()),
            ("/secrets/{name}/rollback", "/secrets/KEY/rollback?version=1".to_owned()),
            ("/functions/default/shop/rollback", "/functions/default/shop/rollback?deployment=1".to_owned()),
            ("/jobs/default/night/rollback", "/jobs/default/night/rollback?deployment=1".to_owned()),
            ("{name}", "KEY".to_owned()),
            ("{id}", token["id"].as_str().unwrap().to_owned()),
            ("{run}", run),
            ("{code}", "nothing".to_owned()),
            ("{file}", "nothing".to_owned()),
        ];
        let ada = Browser::enter(&instance, "ada").await;
        Self { instance, ada, things }
    }

    /// The paths of all pages that answer this method, with things that are there for their parameters.
    fn pages(&self, method: &str) -> Vec<String> {
        let pages = strongroom_e2e::routes::all().into_iter();
        let pages = pages.filter(|(its, path)| *its == method && strongroom_e2e::routes::is_page(path));
        let filled =
            |path: &str| self.things.iter().fold(path.to_owned(), |path, (part, word)| path.replace(part, word));
        let pages: Vec<_> = pages.map(|(_, path)| filled(path)).collect();
        assert!(pages.len() > 20 && pages.iter().all(|path| !path.contains('{')), "{pages:?}");
        pages
    }
}

/// A function and a job whose settings, output and errors are hostile. A run that failed.
async fn workloads(instance: &Instance) -> String {
    let owner = instance.owner();
    let text = json!(HOSTILE).to_string();
    for turn in ["one", "two"] {
        let code = format!("export default () => {{ console.log({text}); return new Response('{turn}'); }};\n");
        let manifest = json!({ "auth": "public", "env": { "TEXT": HOSTILE }, "secrets": [{ "name": "KEY" }] });
        functions::deploy(&owner, "shop", &manifest, &code).await;
        let code = format!("export default () => {{ console.error({text}); throw new Error({text} + '{turn}'); }};\n");
        jobs::deploy(&owner, "night", &json!({ "retries": 0 }), &code).await;
    }
    instance.caller().get(&functions::path("shop")).send().await.expect(200);
    let run = jobs::run(&owner, "night", &json!({ "text": HOSTILE })).await;
    jobs::until(&owner, &run, "dead").await;
    run
}
