//! Pages of secrets.

use std::ops::ControlFlow;
use std::sync::Arc;

use strongroom_model::{Scope, ScopeKind};

use super::fixture::{
    app, at, id, in_app, in_namespace, name, namespace, of_user, read, secret_row, set, with_project, write,
};
use super::projects::all_kinds;
use crate::port::{SecretFilter, SecretRow, Store};

/// Twelve names, each in up to seven scopes, and deleted ones that must never show.
async fn crowd(store: &Arc<dyn Store>) {
    with_project(store).await;
    write(store, |tx| {
        let scopes = [
            Scope::Global,
            in_namespace("production"),
            in_namespace("staging"),
            in_app("production", "shop"),
            in_app("staging", "chat"),
            Scope::System,
            of_user("u"),
        ];
        let mut n = 1000;
        for text in ["a", "A1", "Aa", "B", "_", "a_b", "aXb", "b2", "c_", "d", "e", "z"] {
            for scope in scopes.iter().skip(usize::from(text == "d")) {
                n += 1;
                set(tx, n, 1, scope.clone(), text)?;
            }
        }
        tx.insert_secret(&SecretRow { deleted_at: Some(at(1)), ..secret_row(999, 1, Scope::Global, "deleted") })
    })
    .await;
}

/// All pages one after the other, checked against the names-only form.
async fn walk(store: &Arc<dyn Store>, filter: &SecretFilter) -> Vec<SecretRow> {
    let mut filter = filter.clone();
    let mut all = Vec::new();
    loop {
        let page = read(store, |rows| rows.list_secrets(&id(1), &filter)).await;
        let (names, next) = read(store, |rows| rows.list_secret_names(&id(1), &filter)).await;
        let expected: Vec<&str> = page.iter().map(|row| row.name.as_str()).collect();
        assert_eq!(names.iter().collect::<Vec<_>>(), expected);
        let mut heads = page.iter();
        read(store, |rows| {
            rows.view_secrets(&id(1), &filter, &mut |view| {
                assert_eq!(Some(view), heads.next().map(SecretRow::view), "a view shows what its head says");
                ControlFlow::Continue(())
            })
        })
        .await;
        assert_eq!(heads.next(), None);
        assert!(page.len() <= filter.limit);
        let Some(last) = page.last() else { return all };
        let last = (last.name.clone(), last.id);
        let after = SecretFilter { after: Some(last.clone()), ..filter.clone() };
        let more = !read(store, |rows| rows.list_secrets(&id(1), &after)).await.is_empty();
        assert_eq!(next, more.then(|| last.clone()), "a page tells where the next one begins, if there is one");
        filter.after = Some(last);
        all.extend(page);
    }
}

fn key(row: &SecretRow) -> (String, &'static str, String, String, String) {
    let text = |part: Option<&str>| part.unwrap_or("").to_owned();
    let scope = &row.scope;
    (
        row.name.as_str().to_owned(),
        scope.kind().as_str(),
        text(scope.namespace().map(strongroom_model::NamespaceName::as_str)),
        text(scope.app().map(strongroom_model::AppId::as_str)),
        text(scope.user().map(strongroom_model::EndUser::as_str)),
    )
}

pub(super) async fn pages_have_no_gaps_and_no_duplicates(store: Arc<dyn Store>) {
    crowd(&store).await;
    for (scopes, expected) in
        [(vec![], 59), (all_kinds(), 83), (vec![ScopeKind::User], 12), (vec![ScopeKind::Global], 11)]
    {
        for limit in [1, 2, 3, 7, 59, 1000] {
            let filter = SecretFilter { scopes: scopes.clone(), limit, ..SecretFilter::default() };
            let all = walk(&store, &filter).await;
            let keys: Vec<_> = all.iter().map(key).collect();
            assert!(
                keys.windows(2).all(|pair| matches!(pair, [first, second] if first < second)),
                "{scopes:?} {limit}"
            );
            assert_eq!(all.len(), expected, "{scopes:?} {limit}");
        }
    }
    let nothing = SecretFilter { limit: 0, ..SecretFilter::default() };
    assert_eq!(read(&store, |rows| rows.list_secrets(&id(1), &nothing)).await, []);
}

pub(super) async fn a_page_after_an_erased_row_skips_nothing(store: Arc<dyn Store>) {
    crowd(&store).await;
    let filter = SecretFilter { limit: 8, ..SecretFilter::default() };
    let first = read(&store, |rows| rows.list_secrets(&id(1), &filter)).await;
    let all = walk(&store, &filter).await;
    let last = first.last().unwrap().clone();
    let after = SecretFilter { after: Some((last.name.clone(), last.id)), limit: 100, ..SecretFilter::default() };
    // deleted: the place is still known
    let deleted = SecretRow { deleted_at: Some(at(1)), ..last.clone() };
    write(&store, move |tx| tx.update_secret(&deleted)).await;
    let page = read(&store, |rows| rows.list_secrets(&id(1), &after)).await;
    assert_eq!(page.iter().collect::<Vec<_>>(), all.iter().skip(8).collect::<Vec<_>>());
    // erased: what follows is there, even if some of the same name come again
    write(&store, move |tx| tx.purge_secret(&last.id)).await;
    let page = read(&store, |rows| rows.list_secrets(&id(1), &after)).await;
    assert!(all.iter().skip(8).all(|row| page.contains(row)));
    assert!(page.iter().all(|row| row.name >= after.after.as_ref().unwrap().0));
}

pub(super) async fn filters_narrow_without_excluding_global_secrets(store: Arc<dyn Store>) {
    crowd(&store).await;
    let scopes_of = async |filter: SecretFilter| {
        let rows = walk(&store, &SecretFilter { search: Some("z".to_owned()), limit: 100, ..filter }).await;
        rows.iter().map(|row| row.scope.to_string()).collect::<Vec<_>>()
    };
    let none = SecretFilter::default;
    let (production, shop) = (namespace("production"), app("shop"));
    assert_eq!(
        scopes_of(none()).await,
        ["app production/shop", "app staging/chat", "global", "namespace production", "namespace staging"]
    );
    assert_eq!(
        scopes_of(SecretFilter { namespace: Some(production.clone()), ..none() }).await,
        ["app production/shop", "global", "namespace production"]
    );
    assert_eq!(
        scopes_of(SecretFilter { app: Some(shop.clone()), ..none() }).await,
        ["app production/shop", "global", "namespace production", "namespace staging"]
    );
    let narrow = SecretFilter { scopes: vec![ScopeKind::App], namespace: Some(production), app: Some(shop), ..none() };
    assert_eq!(scopes_of(narrow).await, ["app production/shop"]);
    let user = |text: &str| SecretFilter {
        scopes: vec![ScopeKind::User],
        user: Some(text.parse().unwrap()),
        ..SecretFilter::default()
    };
    assert_eq!(scopes_of(user("u")).await, ["user u"]);
    assert_eq!(scopes_of(user("v")).await, [""; 0]);
    assert_eq!(read(&store, |rows| rows.list_secrets(&id(2), &SecretFilter { limit: 9, ..none() })).await, []);
}

pub(super) async fn search_ignores_case_and_takes_every_character_literally(store: Arc<dyn Store>) {
    crowd(&store).await;
    let found = async |text: &str| {
        let filter = SecretFilter {
            scopes: vec![ScopeKind::Global],
            search: Some(text.to_owned()),
            limit: 100,
            ..SecretFilter::default()
        };
        walk(&store, &filter).await.iter().map(|row| row.name.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(found("A").await, ["A1", "Aa", "a", "aXb", "a_b"]);
    assert_eq!(found("a_B").await, ["a_b"]);
    assert_eq!(found("_").await, ["_", "a_b", "c_"]);
    assert_eq!(found("%").await, [""; 0]);
    assert_eq!(found("' OR 1").await, [""; 0]);
}

pub(super) async fn order_is_that_of_bytes(store: Arc<dyn Store>) {
    crowd(&store).await;
    let filter = SecretFilter { scopes: vec![ScopeKind::Global], limit: 100, ..SecretFilter::default() };
    let names: Vec<_> = walk(&store, &filter).await.into_iter().map(|row| row.name).collect();
    assert_eq!(names, ["A1", "Aa", "B", "_", "a", "aXb", "a_b", "b2", "c_", "e", "z"].map(name));
}
