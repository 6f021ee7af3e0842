//! Text of others never becomes script, and no page has any of its own within it.

use strongroom_e2e::Answer;

use super::{ESCAPED, HOSTILE, World, encoded, form};

/// The tags of a page as they are written, without their angle brackets; a `>` within quotes ends none.
fn tags(html: &str) -> Vec<(&str, &str)> {
    let mut found = Vec::new();
    let mut rest = html;
    while let Some((_, after)) = rest.split_once('<') {
        let mut quote = None;
        let end = after.char_indices().find(|(_, letter)| match (quote, letter) {
            (None, '>') => true,
            (None, '"' | '\'') => {
                quote = Some(*letter);
                false
            }
            (Some(open), letter) if open == *letter => {
                quote = None;
                false
            }
            _ => false,
        });
        let Some((end, _)) = end else { break };
        rest = &after[end + 1..];
        found.push((&after[..end], rest));
    }
    found
}

/// The attributes of a tag: name and value.
fn attributes(tag: &str) -> Vec<(String, &str)> {
    let mut found = Vec::new();
    let mut rest = tag.split_once(char::is_whitespace).map_or("", |(_, rest)| rest).trim_start();
    while !rest.is_empty() {
        let end = rest.find(|letter: char| letter.is_whitespace() || letter == '=').unwrap_or(rest.len());
        let name = rest[..end].to_ascii_lowercase();
        rest = &rest[end..];
        let mut value = "";
        if let Some(after) = rest.strip_prefix('=') {
            let after_quote = after.strip_prefix('"').unwrap_or_else(|| panic!("an attribute without quotes: {tag}"));
            (value, rest) = after_quote.split_once('"').unwrap();
        }
        found.push((name, value));
        rest = rest.trim_start();
    }
    found
}

/// Nothing in a page runs but what it names by address, and it is sent so that a browser holds it to that.
#[track_caller]
pub(super) fn holds_no_script(page: &Answer) {
    let line = &page.line;
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8", "{line}");
    let html = page.text();
    assert!(!html.contains(HOSTILE) && !html.contains("<img src=x"), "{line} repeats a text as it is");
    for (tag, after) in tags(&html) {
        let name = tag.split(char::is_whitespace).next().unwrap().to_ascii_lowercase();
        let forbidden = ["style", "base", "iframe", "object", "embed", "frame", "applet"];
        assert!(!forbidden.contains(&name.as_str()), "{line}: <{tag}>");
        for (attribute, value) in attributes(tag) {
            let is_inline =
                attribute.starts_with("on") || ["style", "srcdoc", "http-equiv"].contains(&attribute.as_str());
            assert!(!is_inline, "{line}: <{tag}>");
            if ["href", "src", "action", "formaction"].contains(&attribute.as_str()) {
                let is_own = value.starts_with('#')
                    || value.starts_with('?')
                    || (value.starts_with('/') && !value.starts_with("//"));
                assert!(is_own, "{line}: <{tag}> leads elsewhere");
            }
        }
        if name == "script" {
            assert!(tag.contains(" src=\"/assets/") && after.starts_with("</script>"), "{line}: <{tag}>");
        }
    }
    let policy = page.header("content-security-policy");
    for rule in [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    ] {
        assert!(policy.split(';').any(|part| part.trim() == rule), "{line}: {rule} is not in {policy}");
    }
    assert!(!policy.contains("unsafe") && !policy.contains('*'), "{line}: {policy}");
    for (name, value) in [
        ("cache-control", "no-store"),
        ("x-frame-options", "DENY"),
        ("x-content-type-options", "nosniff"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
    ] {
        assert_eq!(page.header(name), value, "{line}: {name}");
    }
    assert!(["same-origin", "no-referrer"].contains(&page.header("referrer-policy")), "{line}");
}

#[tokio::test]
async fn attack_61_text_of_others_is_text_on_every_page() {
    let world = World::new().await;
    let (mut shown, mut seen) = (0, 0);
    for path in world.pages("GET") {
        let page = world.ada.get(&path).await;
        // who is signed in is led on; a code, a file or what a question asks may be missing
        assert!(matches!(page.status, 200 | 303 | 400 | 404), "{path}: {}", page.status);
        if page.status == 303 {
            continue;
        }
        holds_no_script(&page);
        seen += usize::from(page.status == 200);
        shown += usize::from(page.text().contains(ESCAPED));
    }
    assert!(seen > 30, "{seen} pages");
    // secrets, one secret and its forms, functions, jobs, runs, logs, tokens, fill-in pages: the test shows what it means to
    assert!(shown >= 12, "hostile text stands on {shown} pages alone");
    world.instance.close().await;
}

#[tokio::test]
async fn attack_61_what_is_asked_for_is_text_in_every_error() {
    let world = World::new().await;
    let hostile = encoded(HOSTILE);
    for path in world.pages("GET") {
        for query in ["search", "state", "namespace", "scope", "cursor", "next", "level", "name", "no_such_word"] {
            let sign = if path.contains('?') { '&' } else { '?' };
            let page = world.ada.get(&format!("{path}{sign}{query}={hostile}")).await;
            assert!(page.status < 500, "{path}?{query}: {}", page.status);
            if page.status != 303 {
                holds_no_script(&page);
            }
        }
    }
    for (_, path) in strongroom_e2e::routes::all().into_iter().filter(|(_, path)| strongroom_e2e::routes::is_page(path))
    {
        let parts: Vec<_> =
            path.split('/').map(|part| if part.starts_with('{') { hostile.as_str() } else { part }).collect();
        let page = world.ada.get(&parts.join("/")).await;
        assert!(page.status < 500, "{path}: {}", page.status);
        if page.status != 303 {
            holds_no_script(&page);
        }
    }
    // every form, filled in with nothing else
    let fields = ["name", "value", "description", "expires", "place", "file", "role", "namespace", "password", "again"];
    let fields: Vec<_> = fields
        .into_iter()
        .chain(["confirm", "next", "draft", "once", "capability"])
        .map(|name| (name, HOSTILE))
        .collect();
    for path in world.pages("POST").into_iter().filter(|path| path != "/sign-out") {
        let page = world.ada.send(&path, &fields).await;
        assert!(page.status < 500, "{path}: {}", page.status);
        if page.status != 303 {
            holds_no_script(&page);
        }
    }
    // nobody is signed in: the same at the door
    let refused = form(world.instance.anonymous().post("/sign-in").header("sec-fetch-site", "same-origin"), &fields);
    holds_no_script(&refused.send().await);
    world.instance.close().await;
}

#[tokio::test]
async fn attack_61_names_that_could_be_script_are_none() {
    let world = World::new().await;
    let owner = world.instance.owner();
    let name = serde_json::json!({ "name": HOSTILE });
    for path in ["/api/v1/projects", "namespaces", "secrets", "/api/v1/invitations"] {
        owner.post(path).json(&name).send().await.problem(400, "invalid");
    }
    owner.post("apps").json(&serde_json::json!({ "id": HOSTILE })).send().await.problem(400, "invalid");
    let bundle = serde_json::json!({ "manifest": {}, "bundle": "export default () => new Response('');" });
    for path in ["functions", "jobs", "secrets", "members"] {
        let answer = owner.put(&format!("{path}/{}", encoded(HOSTILE))).json(&bundle).send().await;
        assert!((400..500).contains(&answer.status), "{path}: {}", answer.status);
    }
    // what a program gets is never taken for a page
    let problem = owner.get(&format!("secrets?search={}&state={}", encoded(HOSTILE), encoded(HOSTILE))).send().await;
    assert_eq!((problem.status, problem.header("content-type")), (400, "application/problem+json"));
    assert_eq!(problem.header("x-content-type-options"), "nosniff");
    world.instance.close().await;
}
