//! The pages of secrets: values go in and never come out.

use ::http::Method;
use serde_json::json;

use crate::support::{Answer, House};

const SECRETS: &str = "/projects/default/secrets";

impl House {
    /// The value that workloads get, which no page shows.
    async fn value(&self, name: &str) -> String {
        self.get("resolve").await.expect(200)["secrets"][name].as_str().unwrap_or_default().to_owned()
    }

    async fn detail(&self, name: &str) -> serde_json::Value {
        self.get(&format!("secrets/{name}")).await.expect(200)
    }
}

/// The value of a hidden field.
#[track_caller]
fn hidden(page: &Answer, name: &str) -> String {
    let marked = format!("name=\"{name}\" value=\"");
    let after = page.text.split_once(&marked).unwrap_or_else(|| panic!("no field {name}: {}", page.text)).1;
    after.split_once('"').unwrap().0.to_owned()
}

#[tokio::test]
async fn the_page_of_a_secret_tells_all_that_is_known_but_its_value() {
    let house = House::new().await;
    for value in ["canary-one", "canary-two", "canary-three"] {
        house.set(None, "KEY", value).await;
    }
    let page = house.page(&format!("{SECRETS}/KEY")).await;
    let html = page.html(200);
    assert!(!html.contains("canary"), "{html}");
    for shown in ["<strong>3</strong>", "<strong>1</strong>", "rollback?version=2", "Set a new value", "never"] {
        assert!(html.contains(shown), "{shown} is missing: {html}");
    }
    assert!(!html.contains("rollback?version=3"), "the current version needs no rollback");
    house.page(&format!("{SECRETS}/NOWHERE")).await.html(404);
    house.page(&format!("{SECRETS}/not-a-name")).await.html(404);
    house.page(&format!("{SECRETS}/KEY?namespace=default")).await.html(404);
}

#[tokio::test]
async fn a_new_value_is_set_unless_somebody_was_quicker() {
    let house = House::new().await;
    house.set(None, "KEY", "canary-old").await;
    let path = format!("{SECRETS}/KEY/value");
    let form = house.page(&path).await;
    assert!(form.html(200).contains("type=\"password\"") && !form.text.contains("canary"));
    let version = hidden(&form, "version");
    let sent = house.form(&path, &[("version", &version), ("value", "canary-new"), ("expires", "")]).await;
    assert_eq!(sent.sent_to(), format!("{SECRETS}/KEY"));
    assert_eq!(house.value("KEY").await, "canary-new");
    let late = house.form(&path, &[("version", &version), ("value", "canary-late"), ("expires", "")]).await;
    assert!(late.html(412).contains("current version is 2") && !late.text.contains("canary"));
    let nothing = house.form(&path, &[("version", "2"), ("value", ""), ("expires", "")]).await;
    assert!(nothing.html(400).contains("Type or paste a value"), "{}", nothing.text);
    let both = [("version", "2"), ("value", "canary-a"), ("value.lines", "canary-b")];
    assert!(!house.form(&path, &both).await.html(400).contains("canary"));
    house.form(&path, &[("version", "2"), ("empty", "yes"), ("expires", "")]).await.sent_to();
    assert_eq!(house.get("resolve").await.expect(200)["secrets"]["KEY"], "");
    house.form(&path, &[("version", "3"), ("generate", "yes"), ("expires", "")]).await.sent_to();
    assert_eq!(house.value("KEY").await.len(), 43);
    let nul = house.form(&path, &[("version", "4"), ("value", "canary\0")]).await;
    assert!(!nul.html(400).contains("canary"));
}

#[tokio::test]
async fn description_and_expiry_are_edited_and_cleared_without_a_new_version() {
    let house = House::new().await;
    house.set(None, "KEY", "canary").await;
    house.set(None, "OTHER", "canary-other").await;
    let path = format!("{SECRETS}/KEY/edit");
    let fields = [("description", "<b>what it is for</b>"), ("expires", "2031-01-31")];
    assert_eq!(house.form(&path, &fields).await.sent_to(), format!("{SECRETS}/KEY"));
    let detail = house.detail("KEY").await;
    assert_eq!(detail["expires_at"], "2031-01-31T00:00:00Z");
    assert_eq!((&detail["description"], &detail["version"]), (&json!("<b>what it is for</b>"), &json!(1)));
    let form = house.page(&path).await;
    let html = form.html(200);
    assert!(html.contains("value=\"2031-01-31\"") && html.contains("&#60;b&#62;") && !html.contains("canary"));
    let same = [("description", "kept"), ("expires", "2031-01-31")];
    house.form(&path, &same).await.sent_to();
    assert_eq!(house.detail("KEY").await["expires_at"], "2031-01-31T00:00:00Z");
    let wrong = house.form(&path, &[("description", "typed"), ("expires", "-5d")]).await;
    assert!(wrong.html(400).contains("value=\"-5d\"") && wrong.text.contains("value=\"typed\""));
    house.form(&path, &[("description", ""), ("expires", "")]).await.sent_to();
    let detail = house.detail("KEY").await;
    assert_eq!((&detail["description"], &detail["expires_at"]), (&json!(null), &json!(null)));
    assert_eq!(detail["version"], 1);
}

#[tokio::test]
async fn a_rollback_asks_first() {
    let house = House::new().await;
    house.set(None, "KEY", "canary-one").await;
    house.set(None, "KEY", "canary-two").await;
    let question = house.page(&format!("{SECRETS}/KEY/rollback?version=1")).await;
    assert!(question.html(200).contains("Roll back to version 1?") && !question.text.contains("canary"));
    assert_eq!(house.value("KEY").await, "canary-two", "the question changes nothing");
    house.form(&format!("{SECRETS}/KEY/rollback"), &[("version", "1")]).await.sent_to();
    assert_eq!(house.value("KEY").await, "canary-one");
    assert_eq!(house.detail("KEY").await["version"], 3);
    house.page(&format!("{SECRETS}/KEY/rollback?version=99")).await.html(404);
    house.page(&format!("{SECRETS}/KEY/rollback")).await.html(400);
}

#[tokio::test]
async fn a_deleted_secret_is_listed_and_restored() {
    let house = House::new().await;
    house.set(Some("staging"), "KEY", "canary").await;
    let question = house.page(&format!("{SECRETS}/KEY/delete?namespace=staging")).await;
    assert!(question.html(200).contains("Delete KEY?"));
    let sent = house.form(&format!("{SECRETS}/KEY/delete?namespace=staging"), &[]).await;
    assert_eq!(sent.sent_to(), SECRETS);
    house.get("secrets/KEY?namespace=staging").await.problem(404, "not_found");
    let list = house.page("/projects/default/deleted-secrets").await;
    let action = format!("{SECRETS}/KEY/restore?namespace=staging");
    assert!(list.html(200).contains(&format!("action=\"{action}\"")), "{}", list.text);
    house.form(&action, &[]).await.sent_to();
    house.get("secrets/KEY?namespace=staging").await.expect(200);
    assert!(house.page("/projects/default/deleted-secrets").await.html(200).contains("Nothing to restore"));
    house.form(&action, &[]).await.html(409);
    house.form(&format!("{SECRETS}/KEY/delete?namespace=staging"), &[]).await.sent_to();
    house.clock.advance(8 * 86_400);
    assert!(!house.page("/projects/default/deleted-secrets").await.html(200).contains("KEY"));
    house.form(&action, &[]).await.html(404);
}

#[tokio::test]
async fn an_import_shows_names_and_warnings_and_writes_when_told() {
    let house = House::new().await;
    house.set(None, "SAME", "canary-same").await;
    house.set(None, "OLD", "canary-old").await;
    let file = "NEW=canary-new\r\nOLD=canary-changed\r\nSAME=canary-same\r\nNODE_OPTIONS=canary\r\na line with no sign\r\nP=canary#cut\r\n";
    let preview = house.form("/projects/default/import", &[("place", "global"), ("file", file)]).await;
    let html = preview.html(200);
    assert!(!html.contains("canary"), "{html}");
    for shown in
        ["2 new, 1 changed, 1 stay", "line 5", "line 4", "line 6", "NEW", "NODE_OPTIONS", "Nothing is written yet"]
    {
        assert!(html.contains(shown), "{shown} is missing: {html}");
    }
    assert_eq!(house.value("OLD").await, "canary-old", "the preview writes nothing");
    let draft = hidden(&preview, "draft");
    let other = house.token(json!(["secrets:write", "secrets:list"])).await;
    house.form_as(&other, "/projects/default/import/write", &[("draft", &draft)]).await.html(409);
    house.form("/projects/default/import/write", &[("draft", &draft)]).await.sent_to();
    assert_eq!((house.value("NEW").await, house.value("OLD").await), ("canary-new".into(), "canary-changed".into()));
    assert_eq!(house.value("P").await, "canary", "as the dotenv package reads it");
    let again = house.form("/projects/default/import/write", &[("draft", &draft)]).await;
    assert!(again.html(409).contains("paste the file again"));

    let preview = house.form("/projects/default/import", &[("place", "global"), ("file", "OLD=x\nFRESH=y")]).await;
    let fields = [("draft", hidden(&preview, "draft")), ("only_new", "yes".to_owned())];
    let fields = fields.each_ref().map(|(name, text)| (*name, text.as_str()));
    house.form("/projects/default/import/write", &fields).await.sent_to();
    assert_eq!((house.value("OLD").await, house.value("FRESH").await), ("canary-changed".into(), "y".into()));

    let wrong = "1BAD=canary\nGOOD=canary\nal-so=canary";
    let refused = house.form("/projects/default/import", &[("place", "global"), ("file", wrong)]).await;
    let html = refused.html(400);
    assert!(html.contains("line 1") && html.contains("line 3") && !html.contains("canary"), "{html}");
    house.form("/projects/default/import", &[("place", "global"), ("file", "")]).await.html(400);
    house.form("/projects/default/import", &[("place", "<script>"), ("file", "A=1")]).await.html(400);
}

#[tokio::test]
async fn the_printed_address_leads_to_the_declared_names_which_are_saved_all_at_once() {
    let house = House::new().await;
    house.set(None, "THERE", "canary-there").await;
    let body = json!({ "secrets": [
        { "name": "FIRST", "description": "from the dashboard" }, { "name": "SECOND" }, { "name": "THERE" },
    ] });
    let declared = house.call(Method::POST, "declarations", Some(body)).await.expect(200);
    let url = declared["url"].as_str().unwrap();
    let path = url.strip_prefix("http://127.0.0.1:7876").unwrap();
    let page = house.page(path).await;
    let html = page.html(200);
    for shown in ["FIRST", "from the dashboard", "SECOND", "THERE", "Replace its value"] {
        assert!(html.contains(shown), "{shown} is missing: {html}");
    }
    assert!(!html.contains("canary"), "{html}");
    let names = [("name", "FIRST"), ("name", "SECOND"), ("name", "THERE"), ("replaces:THERE", "yes")];
    let mut fields = names.to_vec();
    fields.extend([("value:FIRST", "canary-first"), ("value:SECOND.lines", "two\r\nlines"), ("value:THERE", "")]);
    house.form(path, &fields).await.sent_to();
    assert_eq!((house.value("FIRST").await, house.value("SECOND").await), ("canary-first".into(), "two\nlines".into()));
    assert_eq!(house.value("THERE").await, "canary-there", "what is left empty stays");

    // a form that was opened before somebody else filled it in replaces nothing
    let late = [("name", "FIRST"), ("value:FIRST", "canary-late")];
    let refused = house.form(path, &late).await;
    assert!(refused.html(409).contains("has a value") && !refused.text.contains("canary"));
    let told = [("name", "FIRST"), ("replaces:FIRST", "yes"), ("value:FIRST", "canary-told")];
    house.form(path, &told).await.sent_to();
    assert_eq!(house.value("FIRST").await, "canary-told");
    house.form(path, &names).await.html(400);
    let undeclared = [("name", "UNDECLARED"), ("value:UNDECLARED", "x")];
    house.form(path, &undeclared).await.html(404);
    assert!(house.page("/projects/default/fill").await.html(200).contains("Nothing waits for a value"));
}
