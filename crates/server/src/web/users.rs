//! `/users`: who has an account, and what those who manage the instance may do about it.

use askama::Template;
use axum::extract::Path;
use axum::response::Response;
use http::StatusCode;
use jiff::Timestamp;
use serde::Deserialize;
use strongroom_api::Code;
use strongroom_api::people::UserItem;
use strongroom_app::accounts::users::{self, Change};
use strongroom_model::AccountName;

use super::forms::Form;
use super::frame::{Flash, Frame};
use super::invitations::{self, Invitation};
use super::nav::Hall;
use super::problem::Notice;
use super::visit::{Visit, visitor};
use super::when::When;
use super::{show, show_with};
use crate::extract::{ManagesInstance, Query};
use crate::failure::Failure;
use crate::place::required;

/// An account, for people.
struct Account {
    name: String,
    href: String,
    /// `active`, `disabled` or `damaged`.
    state: String,
    is_admin: bool,
    has_second_factor: bool,
    signed_in: Option<When>,
    created: When,
    created_by: String,
}

impl Account {
    fn new(item: UserItem, now: Timestamp) -> Self {
        Self {
            href: address(&item.name),
            state: item.state,
            is_admin: item.is_instance_admin,
            has_second_factor: item.has_second_factor,
            signed_in: When::maybe(item.signed_in_at, now),
            created: When::new(item.created_at, now),
            created_by: visitor(&item.created_by),
            name: item.name,
        }
    }

    fn is_disabled(&self) -> bool {
        self.state == "disabled"
    }

    fn is_damaged(&self) -> bool {
        self.state == "damaged"
    }
}

fn address(name: &str) -> String {
    let name: String = form_urlencoded::byte_serialize(name.as_bytes()).collect();
    format!("/users/{name}")
}

#[derive(Template)]
#[template(path = "users/list.html")]
struct UsersPage {
    frame: Frame,
    accounts: Vec<Account>,
    invitations: Vec<Invitation>,
}

/// Everybody who has an account, and who was invited.
pub(crate) async fn list(visit: Visit<ManagesInstance>) -> Result<Response, Failure> {
    let now = visit.scene.app.now();
    let items = users::list(&visit.scene.app, &visit.scene.caller).await?;
    let accounts = items.into_iter().map(|item| Account::new(item, now)).collect();
    let invitations = invitations::open(&visit.scene).await?;
    Ok(show(&UsersPage { frame: visit.hall("People", Hall::People), accounts, invitations }))
}

async fn account(visit: &Visit<ManagesInstance>, name: &str) -> Result<Account, Failure> {
    let name: AccountName = required("name", name)?;
    let items = users::list(&visit.scene.app, &visit.scene.caller).await?;
    let item = items.into_iter().find(|item| item.name == name.as_str());
    let item = item.ok_or_else(|| Failure::new(Code::NotFound, format!("there is no account {name}")))?;
    Ok(Account::new(item, visit.scene.app.now()))
}

#[derive(Template)]
#[template(path = "users/show.html")]
struct UserPage {
    frame: Frame,
    account: Account,
}

/// One account.
pub(crate) async fn show_one(visit: Visit<ManagesInstance>, Path(name): Path<String>) -> Result<Response, Failure> {
    let account = account(&visit, &name).await?;
    let frame = visit.hall(&account.name, Hall::People).crumb("People", "/users");
    Ok(show(&UserPage { frame, account }))
}

/// What is asked before an account changes.
struct Question {
    /// In the address and in the form.
    word: &'static str,
    change: Change,
    asks: &'static str,
    button: &'static str,
    is_grave: bool,
    /// What follows, in whole sentences.
    follows: &'static str,
    done: &'static str,
}

const QUESTIONS: [Question; 6] = [
    Question {
        word: "disable",
        change: Change::Disable,
        asks: "Disable",
        button: "Disable the account",
        is_grave: true,
        follows: "Nobody can sign in with it any more. Their sessions end, and the tokens that they made are revoked. You can enable it again.",
        done: "is disabled. Their sessions are over.",
    },
    Question {
        word: "enable",
        change: Change::Enable,
        asks: "Enable",
        button: "Enable the account",
        is_grave: false,
        follows: "They can sign in again, with the password that they had. Tokens that were revoked stay revoked.",
        done: "is enabled.",
    },
    Question {
        word: "admin",
        change: Change::MakeAdmin,
        asks: "Make an administrator of",
        button: "Make them an administrator",
        is_grave: false,
        follows: "Administrators manage people, projects and keys of this server. Values they read only where they are members. Their sessions end; they sign in again.",
        done: "is an administrator now.",
    },
    Question {
        word: "no-admin",
        change: Change::UnmakeAdmin,
        asks: "Take administration from",
        button: "Take it away",
        is_grave: true,
        follows: "They stay a member of their projects. Their sessions end; they sign in again.",
        done: "is no administrator any more.",
    },
    Question {
        word: "no-factor",
        change: Change::RemoveFactor,
        asks: "Remove the second factor of",
        button: "Remove it",
        is_grave: true,
        follows: "Their password alone lets them in again, until they set up a new one. Make sure that it is really they who ask. Their sessions end.",
        done: "signs in with a password alone now.",
    },
    Question {
        word: "delete",
        change: Change::Delete,
        asks: "Delete",
        button: "Delete the account",
        is_grave: true,
        follows: "The account and all of its memberships are gone, their sessions end, and the tokens that they made are revoked. The audit trail keeps what they did. This cannot be taken back.",
        done: "is deleted.",
    },
];

fn question(word: &str) -> Result<&'static Question, Failure> {
    let found = QUESTIONS.iter().find(|question| question.word == word);
    found.ok_or_else(|| Failure::new(Code::NotFound, "there is nothing at this address"))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChangeParams {
    to: String,
}

#[derive(Template)]
#[template(path = "users/change.html")]
struct ChangePage {
    frame: Frame,
    notice: Option<Notice>,
    account: Account,
    question: &'static Question,
}

fn page(
    visit: &Visit<ManagesInstance>,
    (status, notice): (StatusCode, Option<Notice>),
    account: Account,
    question: &'static Question,
) -> Response {
    let frame = visit.hall(question.button, Hall::People).crumb("People", "/users");
    let frame = frame.crumb(account.name.as_str(), account.href.as_str());
    show_with(status, &ChangePage { frame, notice, account, question })
}

/// Asks whether an account shall change.
pub(crate) async fn ask(
    visit: Visit<ManagesInstance>,
    Path(name): Path<String>,
    Query(params): Query<ChangeParams>,
) -> Result<Response, Failure> {
    let question = question(&params.to)?;
    Ok(page(&visit, (StatusCode::OK, None), account(&visit, &name).await?, question))
}

/// Changes it, or says why it stays as it is.
pub(crate) async fn change(
    visit: Visit<ManagesInstance>,
    Path(name): Path<String>,
    form: Form,
) -> Result<Response, Failure> {
    let question = question(&form.line("to"))?;
    let name: AccountName = required("name", &name)?;
    let scene = &visit.scene;
    if let Err(error) = users::change(&scene.app, &scene.caller, &name, question.change).await {
        let (status, notice): (StatusCode, Notice) = Failure::from(error).into();
        let account = account(&visit, name.as_str()).await?;
        return Ok(page(&visit, (status, Some(notice.without_hint())), account, question));
    }
    let back = if question.change == Change::Delete { "/users".to_owned() } else { address(name.as_str()) };
    Ok(Flash::done(format!("{name} {}", question.done)).at(&back))
}
