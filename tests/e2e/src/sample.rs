//! A lively sample project, made as people make one: through the command line and the API.

use serde_json::{Value, json};

use crate::instance::Instance;
use crate::{functions, jobs, wait};

const SHOP: &str = "\
export default async function handler(req, ctx) {\n\
  const key = await ctx.secrets.get('STRIPE_SECRET_KEY');\n\
  console.log('charged order', Math.floor(Math.random() * 9000) + 1000, 'in tier', ctx.env.TIER);\n\
  if (new URL(req.url).searchParams.has('slow')) console.warn('the payment provider answers slowly');\n\
  if (new URL(req.url).searchParams.has('bad')) throw new Error('the card was refused');\n\
  return Response.json({ ok: key.length > 0 });\n\
}\n";

/// What the sample leaves for tests to go on with.
pub struct Sample {
    /// A run that has failed for good.
    pub dead_run: String,
    /// A run that succeeded.
    pub good_run: String,
    /// A token's id.
    pub token: String,
}

/// Fills the project `default` with secrets in every state, functions, jobs with runs, logs, tokens and a past.
pub async fn seed(instance: &Instance) -> Sample {
    secrets(instance).await;
    workloads(instance).await;
    let (good_run, dead_run) = runs(instance).await;
    let token = tokens(instance).await;
    let refused = instance.anonymous().with_token(&token.1);
    refused.put("secrets").json(&json!({ "secrets": { "STOLEN": "no" } })).send().await.expect(403);
    Sample { dead_run, good_run, token: token.0 }
}

async fn secrets(instance: &Instance) {
    let value = || instance.plant_plain();
    let set = |words: Vec<String>| async move { instance.command(words).run().await.ok() };
    let words = |text: &str| text.split('|').map(str::to_owned).collect::<Vec<_>>();
    let global = [
        ("STRIPE_SECRET_KEY", "Stripe, live mode"),
        ("STRIPE_WEBHOOK_SECRET", "Signs what Stripe sends us"),
        ("DATABASE_URL", "PostgreSQL of the shop"),
        ("SENTRY_DSN", ""),
        ("OPENAI_API_KEY", "Texts of products"),
        ("SMTP_PASSWORD", "Mail to customers"),
        ("S3_ACCESS_KEY_ID", ""),
        ("S3_SECRET_ACCESS_KEY", "Pictures of products"),
        ("JWT_SIGNING_KEY", "Sessions of the shop"),
        ("MAPS_API_KEY", ""),
    ];
    for (name, description) in global {
        set(words(&format!("secrets|set|{name}|{}|--description|{description}", value()))).await;
    }
    for namespace in ["staging", "production"] {
        instance.cli(["namespaces", "create", namespace]).await.ok();
        let own = format!("DATABASE_URL|{}|--namespace|{namespace}", value());
        set(words(&format!("secrets|set|{own}"))).await;
    }
    let more = [
        format!("secrets|set|STRIPE_SECRET_KEY|{}|--namespace|production|--expires|5d", value()),
        format!("secrets|set|STRIPE_SECRET_KEY|{}", value()),
        format!("secrets|set|STRIPE_SECRET_KEY|{}", value()),
        "secrets|rollback|STRIPE_SECRET_KEY|1".to_owned(),
        format!("secrets|set|SENTRY_DSN|{}|--expires|3d", value()),
        format!("secrets|set|MAPS_API_KEY|{}|--expires|1s", value()),
        "secret|create|--secret|PAYPAL_CLIENT_SECRET:PayPal, from the developer dashboard|--secret|TWILIO_TOKEN:Messages to couriers".to_owned(),
        format!("secrets|set|STRIPE_SECRET_KEY|{}|--app|backoffice|--namespace|production", value()),
        format!("settings|secrets|set|openai_key|{}", value()),
        format!("secrets|set|OLD_KEY|{}", value()),
        "secrets|delete|OLD_KEY|--yes".to_owned(),
    ];
    for line in more {
        set(words(&line)).await;
    }
    wait::eventually("a secret that has expired", || async {
        let list = instance.cli(["secrets", "list", "--json"]).await.ok().json();
        list.as_array().unwrap().iter().any(|item| item["state"] == "expired").then_some(())
    })
    .await;
}

async fn workloads(instance: &Instance) {
    let owner = instance.owner();
    let manifest = |tier: &str| {
        let secrets = json!([{ "name": "STRIPE_SECRET_KEY" }, { "name": "DATABASE_URL" }, { "name": "TWILIO_TOKEN", "required": false }]);
        json!({ "auth": "public", "secrets": secrets, "env": { "TIER": tier, "CURRENCY": "EUR" }, "allow_net": ["api.stripe.com"] })
    };
    for tier in ["silver", "gold", "platinum"] {
        functions::deploy(&owner, "charge-card", &manifest(tier), SHOP).await;
    }
    functions::deploy(
        &owner,
        "product-texts",
        &json!({ "auth": "token", "secrets": [{ "name": "OPENAI_API_KEY" }] }),
        SHOP,
    )
    .await;
    for query in ["", "?slow", "", "?bad", ""] {
        instance.caller().get(&format!("{}{query}", functions::path("charge-card"))).send().await;
    }
}

async fn runs(instance: &Instance) -> (String, String) {
    let owner = instance.owner();
    let nightly = json!({ "schedule": "0 3 * * *", "retries": 0, "secrets": [{ "name": "DATABASE_URL" }] });
    let works = "export default async function handler(payload, ctx) { console.log('synchronised', 120, 'orders'); return { orders: 120 }; }";
    let fails = "export default async function handler() { console.error('no answer from the warehouse'); throw new Error('the warehouse does not answer'); }";
    jobs::deploy(&owner, "nightly-sync", &nightly, works).await;
    jobs::deploy(&owner, "stock-report", &json!({ "retries": 0 }), fails).await;
    let good = jobs::run(&owner, "nightly-sync", &json!({})).await;
    jobs::until(&owner, &good, "succeeded").await;
    let dead = jobs::run(&owner, "stock-report", &json!({})).await;
    jobs::until(&owner, &dead, "dead").await;
    (good, dead)
}

/// A token's id, and the text of one that may only list.
async fn tokens(instance: &Instance) -> (String, String) {
    let mint = |body: Value| async move { instance.mint_with(&body).await };
    let (_, deploys) = mint(json!({ "name": "github-deploy", "capabilities": ["secrets:list", "functions:deploy"], "namespaces": ["production"], "expires_at": "90d" })).await;
    let (agent, _) =
        mint(json!({ "name": "claude", "capabilities": ["secrets:list", "secrets:declare"], "agent": true })).await;
    let (_, old) = mint(json!({ "name": "old-laptop", "capabilities": ["admin"] })).await;
    instance.owner().delete(&format!("tokens/{}", old["id"].as_str().unwrap())).send().await.expect(200);
    (deploys["id"].as_str().unwrap().to_owned(), agent)
}
