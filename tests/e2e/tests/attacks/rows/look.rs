//! What everybody gets who tries something: before an edit of the database, and after it.

use http::Method;
use serde_json::json;
use strongroom_e2e::{Client, canary};

use super::{Seen, World, path};

impl World {
    /// Everything that callers try.
    pub(super) async fn look(&self) -> Seen {
        let mut seen = Seen::new();
        let owner = self.instance.owner();
        let holder = |name: &str| self.instance.anonymous().with_token(&self.tokens[name]);
        for (who, client, places) in [
            ("owner", owner.clone(), &["default", "staging", "guarded"][..]),
            ("limited", holder("limited"), &["default", "staging"][..]),
            ("unguarded", holder("unguarded"), &["guarded"][..]),
            ("lister", holder("lister"), &["default"][..]),
            ("abroad", holder("abroad"), &["default"][..]),
            ("revoked", holder("revoked"), &["default"][..]),
            ("expired", holder("expired"), &["default"][..]),
        ] {
            for place in places {
                let given = values(&client, &format!("resolve?namespace={place}")).await;
                seen.insert(format!("{who}: {place}"), given);
            }
        }
        let listed = holder("lister").get("stats").send().await;
        seen.insert("lister lists".to_owned(), (listed.status < 400).then(|| "listed".to_owned()));
        seen.insert("owner: shop".to_owned(), values(&owner, "resolve?app=shop").await);
        seen.insert("owner: other".to_owned(), values(&owner.in_project("other"), "resolve").await);
        for name in ["A", "B", "A_MOVED", "GONE", "OLD", "FOREIGN"] {
            let given = values(&owner, &format!("resolve?names={name}")).await;
            seen.insert(format!("owner: {name}"), given);
        }
        let body = json!({ "secrets": { "PLANTED": "x" } });
        for who in ["lister", "limited", "abroad", "revoked", "expired"] {
            let answer = holder(who).call(Method::PUT, "secrets").json(&body).send().await;
            seen.insert(format!("{who} writes"), (answer.status < 400).then(|| "written".to_owned()));
        }
        let revealed = owner.post("secrets/A/reveal").send().await;
        seen.insert("owner reveals".to_owned(), (revealed.status < 400).then(|| canary::digest(&revealed.text())));
        for (state, code) in &self.links {
            let asked = self.instance.anonymous().post("/api/v1/fill/look").json(&json!({ "code": code })).send().await;
            let names = |body: &serde_json::Value| -> Vec<String> {
                body["secrets"].as_array().unwrap().iter().map(|secret| secret["name"].to_string()).collect()
            };
            let asks = (asked.status < 400).then(|| names(&asked.json()).join("\n"));
            seen.insert(format!("{state} link asks"), asks);
        }
        for (who, token) in &self.users {
            let own = self.instance.anonymous().with_token(token).get("/api/v1/me/secrets").send().await;
            // names in lists are not proved; that anything is listed is what the issuer's row gives
            seen.insert(format!("end user: {who}"), (own.status < 400).then(|| "listed".to_owned()));
        }
        self.look_at_people(&mut seen).await;
        self.look_at_workloads(&owner, &mut seen).await;
        seen
    }

    async fn look_at_people(&self, seen: &mut Seen) {
        let (cookie, csrf) = &self.session;
        let ada = self.instance.anonymous();
        let signed_in = |call: strongroom_e2e::Call| call.header("cookie", cookie).header("x-csrf-token", csrf);
        let who = signed_in(ada.get("/api/v1/session")).unwitnessed().send().await;
        let may =
            |body: &serde_json::Value| format!("{} {} {}", body["name"], body["is_instance_admin"], body["proved_at"]);
        seen.insert("ada is".to_owned(), (who.status < 400).then(|| may(&who.json())));
        for project in ["default", "viewed"] {
            let listed = signed_in(ada.in_project(project).get("stats")).send().await;
            seen.insert(format!("ada lists {project}"), (listed.status < 400).then(|| "listed".to_owned()));
            let body = json!({ "secrets": { "BY_ADA": "x" } });
            let written = signed_in(ada.in_project(project).put("secrets")).json(&body).send().await;
            seen.insert(format!("ada writes {project}"), (written.status < 400).then(|| "written".to_owned()));
        }
    }

    async fn look_at_workloads(&self, owner: &Client, seen: &mut Seen) {
        let caller = self.instance.caller().with_token(owner.token().unwrap());
        let paths = [("private", path("private")), ("reader", "/fn/default/staging/reader".to_owned())];
        for (name, path) in &paths {
            for (who, client) in [("nobody", caller.anonymous()), ("owner", caller.clone())] {
                let answer = client.get(path).send().await;
                // a function that asked for a secret that is gone says so
                let gives = answer.status < 400 && answer.text() != "undefined";
                seen.insert(format!("{who} calls {name}"), gives.then(|| answer.text()));
            }
        }
        let run = owner.get(&format!("runs/{}", self.run)).send().await;
        let result = (run.status < 400).then(|| run.json()["result"].clone()).filter(|result| !result.is_null());
        seen.insert("owner reads the run's result".to_owned(), result.map(|result| result.to_string()));
    }
}

/// The values that a resolution gives, a line with a digest each; none if it was refused or gave no value.
async fn values(client: &Client, path: &str) -> Option<String> {
    let answer = client.get(path).send().await;
    if answer.status >= 400 {
        return None;
    }
    let secrets = answer.json()["secrets"].clone();
    let secrets = secrets.as_object().filter(|secrets| !secrets.is_empty())?;
    let line = |(name, value): (&String, &serde_json::Value)| format!("{name} {}", canary::digest(&value.to_string()));
    Some(secrets.iter().map(line).collect::<Vec<_>>().join("\n"))
}
