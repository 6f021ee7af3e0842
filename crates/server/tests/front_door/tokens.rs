//! Minting, revoking, and what a token's end means.

use std::task::{Context, Poll, Waker};

use http::Method;
use tower::ServiceExt as _;

use crate::support::{House, request};
use serde_json::json;

#[tokio::test]
async fn a_caller_who_hangs_up_does_not_keep_a_revocation_from_taking_effect() {
    let house = House::new().await;
    let minted = house.mint(json!({ "capabilities": ["secrets:list"] })).await;
    house.call_as(&minted.token, Method::GET, "secrets", None).await.expect(200);
    let revoke = request(&house.owner, Method::DELETE, &format!("tokens/{}", minted.id), &[], None);
    let mut call = Box::pin(house.router.clone().oneshot(revoke));
    // the request is under way, and its connection ends
    assert!(matches!(Future::poll(call.as_mut(), &mut Context::from_waker(Waker::noop())), Poll::Pending));
    drop(call);
    house
        .eventually("the token's end", || async {
            house.call_as(&minted.token, Method::GET, "secrets", None).await.status == 401
        })
        .await;
}

#[tokio::test]
async fn a_caller_who_hangs_up_does_not_keep_a_change_from_being_live() {
    let house = House::new().await;
    house.set(None, "KEY", "one").await;
    assert_eq!(house.get("resolve?names=KEY").await.expect(200)["secrets"]["KEY"], "one");
    let set = request(&house.owner, Method::PUT, "secrets", &[], Some(json!({ "secrets": { "KEY": "two" } })));
    let mut call = Box::pin(house.router.clone().oneshot(set));
    assert!(matches!(Future::poll(call.as_mut(), &mut Context::from_waker(Waker::noop())), Poll::Pending));
    drop(call);
    house
        .eventually("the new value", || async {
            house.get("resolve?names=KEY").await.expect(200)["secrets"]["KEY"] == "two"
        })
        .await;
}
