//! People with accounts, made as an owner makes them: by the setup address, and by invitations.

use serde_json::{Value, json};

use crate::browser::Person;
use crate::instance::Instance;

/// Somebody with an account.
pub struct Account {
    /// The name to sign in with.
    pub name: String,
    /// The password; planted, so that it must turn up nowhere.
    pub password: String,
}

/// The setup address as the server printed it.
pub fn setup_address(instance: &Instance) -> String {
    let log = instance.log();
    let printed = log.split_whitespace().find(|word| word.contains("/setup/"));
    printed.expect("a setup address is printed").to_owned()
}

/// The first account, which manages the instance and owns the project `default`.
pub async fn first(instance: &Instance, name: &str) -> Account {
    let address = setup_address(instance);
    let account = Account { name: name.to_owned(), password: instance.plant() };
    let code = address.rsplit('/').next();
    let body = json!({ "code": code, "name": account.name, "password": account.password });
    instance.anonymous().post("/api/v1/setup").json(&body).unwitnessed().send().await.expect(201);
    account
}

/// Somebody who was invited and has accepted. `terms` is what the invitation says besides the name: `project`, `role`,
/// `namespaces`, `instance_admin`.
pub async fn invited(instance: &Instance, name: &str, mut terms: Value) -> Account {
    let account = Account { name: name.to_owned(), password: instance.plant() };
    terms["name"] = name.into();
    let made = instance.owner().post("/api/v1/invitations").json(&terms).unwitnessed().send().await.expect(201).json();
    let code = made["url"].as_str().and_then(|url| url.rsplit('/').next());
    let body = json!({ "code": code, "password": account.password });
    instance.anonymous().post("/api/v1/invitations/accept").json(&body).unwitnessed().send().await.expect(201);
    account
}

impl Account {
    /// Signs in on the sign-in page that `person` looks at.
    pub async fn sign_in_here(&self, person: &Person<'_>) -> String {
        person.fill("Name or e-mail address", &self.name).await;
        person.fill("Password", &self.password).await;
        person.press("Sign in").await
    }

    /// Opens the sign-in page in the window of `person`, and signs in.
    pub async fn sign_in(&self, person: &Person<'_>) {
        assert_eq!(person.open("/sign-in").await, 200);
        assert_eq!(self.sign_in_here(person).await, "/", "{} is signed in", self.name);
    }
}
