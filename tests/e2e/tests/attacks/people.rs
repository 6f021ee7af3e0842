//! People: who makes the first account, who gets in, what ends with a right, and what a flood of sign-ins costs.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use strongroom_e2e::{Client, Instance, factor};

const PASSWORD: &str = "four random words of hers";

/// The code in the address that the server printed for the first account.
fn setup_code(instance: &Instance) -> Option<String> {
    let log = instance.log();
    let line = log.lines().rev().find(|line| line.contains("Set up the first account: "))?;
    line.rsplit('/').next().map(|code| code.trim().to_owned())
}

async fn set_up(instance: &Instance, code: &str) -> u16 {
    let body = json!({ "code": code, "name": "ada@example.com", "password": PASSWORD });
    instance.anonymous().post("/api/v1/setup").json(&body).send().await.status
}

async fn sign_in(caller: &Client, name: &str, password: &str) -> (u16, Value) {
    let body = json!({ "name": name, "password": password });
    let answer = caller.post("/api/v1/session").json(&body).send().await;
    (answer.status, answer.json())
}

#[tokio::test]
async fn attack_28_the_first_account_needs_the_printed_code_and_is_made_once() {
    let mut instance = Instance::start().await;
    let code = setup_code(&instance).unwrap();
    for guess in ["", "0", "setup", "..", &"0".repeat(32), &format!("{code}0"), &code.to_uppercase()] {
        assert!(set_up(&instance, guess).await >= 400, "{guess}");
    }
    // guesses neither use the code up nor change it
    instance.stop().await;
    instance.boot().await;
    assert_eq!(set_up(&instance, &code).await, 404, "a code of an earlier start is accepted");
    let code = setup_code(&instance).unwrap();
    assert_eq!(set_up(&instance, &code).await, 201);
    assert_eq!(set_up(&instance, &code).await, 404, "the code is accepted twice");
    let before = instance.log().matches("Set up the first account").count();
    instance.stop().await;
    instance.boot().await;
    assert_eq!(instance.log().matches("Set up the first account").count(), before, "it is offered again");
    instance.close().await;
}

#[tokio::test]
async fn attack_02_and_06_an_account_has_one_writing_and_one_set_of_tries() {
    let instance = Instance::start().await;
    let code = setup_code(&instance).unwrap();
    assert_eq!(set_up(&instance, &code).await, 201);
    let owner = instance.owner();
    for name in ["ADA@EXAMPLE.COM", "ada@example.com ", " ada@example.com", "аda@example.com", "root", "ROOT", " root"]
    {
        let status = owner.post("/api/v1/invitations").json(&json!({ "name": name })).send().await.status;
        assert!([400, 409].contains(&status), "{name:?} can be invited: {status}");
    }
    let writings = ["ada@example.com", "ADA@example.com", " ada@example.com", "ada@example.com "];
    let anonymous = instance.anonymous();
    let mut statuses = Vec::new();
    for turn in 0..12 {
        statuses.push(sign_in(&anonymous, writings[turn % writings.len()], "wrong password").await.0);
    }
    assert!(statuses.iter().all(|status| [401, 429].contains(status)), "{statuses:?}");
    assert!(statuses.contains(&429), "no limit after {} tries in several writings", statuses.len());
    instance.close().await;
}

#[tokio::test]
async fn attack_12_and_24_an_invited_person_has_no_power_and_a_removed_one_none_left() {
    let instance = Instance::start().await;
    let owner = instance.owner();
    let body = json!({ "name": "bob", "project": "default", "role": "developer" });
    let made = owner.post("/api/v1/invitations").json(&body).send().await.expect(201).json();
    let code = made["url"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    let anonymous = instance.anonymous();
    assert_eq!(sign_in(&anonymous, "bob", PASSWORD).await.0, 401, "who is only invited gets in");
    let accept = async || {
        let body = json!({ "code": code, "password": PASSWORD });
        anonymous.post("/api/v1/invitations/accept").json(&body).send().await
    };
    let cookie = accept().await.expect(201).header("set-cookie").split(';').next().unwrap().to_owned();
    assert_eq!(accept().await.status, 404, "an invitation is accepted twice");
    let status = async || anonymous.get("secrets").header("cookie", &cookie).send().await.status;
    assert_eq!(status().await, 200);
    owner.delete("members/bob").send().await.expect(200);
    assert_eq!(status().await, 401, "a removed member's session lives");
    assert_eq!(accept().await.status, 404, "the invitation can be replayed after the removal");
    instance.close().await;
}

#[tokio::test]
async fn attack_23_a_sign_in_takes_as_long_for_who_does_not_exist() {
    let instance = Instance::start().await;
    let code = setup_code(&instance).unwrap();
    assert_eq!(set_up(&instance, &code).await, 201);
    let anonymous = instance.anonymous();
    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    for turn in 0..9 {
        for (name, times) in [("ada@example.com".to_owned(), &mut known), (format!("nobody{turn}"), &mut unknown)] {
            let begun = Instant::now();
            assert_eq!(sign_in(&anonymous, &name, "wrong password").await.0, 401);
            times.push(begun.elapsed());
        }
    }
    let median = |times: &mut Vec<Duration>| {
        times.sort_unstable();
        times[times.len() / 2].as_secs_f64()
    };
    let ratio = median(&mut known) / median(&mut unknown);
    // without a hash for who does not exist, this is a hundred or more
    assert!((0.5..2.0).contains(&ratio), "known names take {ratio:.2} times as long");
    instance.close().await;
}

#[tokio::test]
async fn attack_33_a_flood_of_sign_ins_takes_bounded_memory() {
    let instance = Instance::start().await;
    let flood = (0..60).map(|turn| {
        let anonymous = instance.anonymous();
        async move { sign_in(&anonymous, &format!("nobody{turn}"), "wrong password").await.0 }
    });
    let statuses: Vec<u16> = futures_util::future::join_all(flood).await;
    assert!(statuses.iter().all(|status| [401, 429].contains(status)), "{statuses:?}");
    assert!(statuses.contains(&429), "nobody is turned away");
    let status = std::fs::read_to_string(format!("/proc/{}/status", instance.pid())).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let peak_kib: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
    assert!(peak_kib < 600 * 1_024, "the server took {peak_kib} KiB");
    instance.owner().get("secrets").send().await.expect(200);
    instance.close().await;
}

/// Ada's account with a second factor: its secret and recovery codes.
async fn with_factor(instance: &Instance) -> (String, Vec<String>) {
    let code = setup_code(instance).unwrap();
    let body = json!({ "code": code, "name": "ada@example.com", "password": PASSWORD });
    let made = instance.anonymous().post("/api/v1/setup").json(&body).unwitnessed().send().await.expect(201);
    let cookie = made.header("set-cookie").split(';').next().unwrap().to_owned();
    let csrf = made.json()["csrf_token"].as_str().unwrap().to_owned();
    let call = |call: strongroom_e2e::Call| call.header("cookie", &cookie).header("x-csrf-token", &csrf).unwitnessed();
    let path = "/api/v1/session/factor";
    let begun = call(instance.anonymous().post(path).json(&json!({}))).send().await.expect(201).json();
    let secret = begun["secret"].as_str().unwrap().to_owned();
    let body = json!({ "code": factor::code(&secret, 0) });
    let confirmed = call(instance.anonymous().put(path).json(&body)).send().await.expect(200).json();
    let codes = confirmed["recovery_codes"].as_array().unwrap();
    (secret, codes.iter().map(|code| code.as_str().unwrap().to_owned()).collect())
}

async fn sign_in_with(instance: &Instance, code: &str) -> u16 {
    let body = json!({ "name": "ada@example.com", "password": PASSWORD, "code": code });
    instance.anonymous().post("/api/v1/session").json(&body).unwitnessed().send().await.status
}

#[tokio::test]
async fn attack_25_a_code_serves_once_whatever_its_writing_and_however_many_try_at_once() {
    let mut instance = Instance::start().await;
    let (secret, codes) = with_factor(&instance).await;
    // what is left behind is searched for the secret and the recovery codes in the end
    codes.iter().chain([&secret]).for_each(|text| instance.watch(text));
    let codes_of_now = [factor::code(&secret, -1), factor::code(&secret, 0)];
    for code in &codes_of_now {
        assert_eq!(sign_in_with(&instance, code).await, 401, "the code that set it up, or an earlier one, serves");
    }
    // the step after the present one is accepted, once
    let code = factor::code(&secret, 1);
    let at_once = futures_util::future::join_all((0..3).map(|_| sign_in_with(&instance, &code))).await;
    assert_eq!(at_once.iter().filter(|status| **status == 200).count(), 1, "{at_once:?}");
    assert_eq!(
        sign_in_with(&instance, &format!(" {} {} ", &code[..3], &code[3..])).await,
        401,
        "with spaces it serves"
    );
    // a start of the server forgets no code, and gives tries back
    instance.stop().await;
    instance.boot().await;
    assert_eq!(sign_in_with(&instance, &code).await, 401, "after a start it serves again");
    let at_once = futures_util::future::join_all((0..3).map(|_| sign_in_with(&instance, &codes[0]))).await;
    assert_eq!(at_once.iter().filter(|status| **status == 200).count(), 1, "{at_once:?}");
    for writing in [codes[0].to_uppercase(), codes[0].replace('-', ""), codes[0].replace('-', " ")] {
        assert_eq!(sign_in_with(&instance, &writing).await, 401, "a recovery code serves again as {writing}");
    }
    let mut statuses = Vec::new();
    for turn in 0..10 {
        statuses.push(sign_in_with(&instance, &format!("00000{turn}")).await);
    }
    assert!(statuses.contains(&429), "codes can be guessed: {statuses:?}");
    instance.close().await;
}
