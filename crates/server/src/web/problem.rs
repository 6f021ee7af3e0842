//! Refusals as pages, and as notices above a form.

use askama::Template;
use axum::response::Response;
use http::StatusCode;
use strongroom_api::{FieldError, Problem};

use super::frame::Frame;
use super::show_with;
use crate::failure::{Failure, Pending};
use crate::peer::RequestId;

#[derive(Template)]
#[template(path = "problem.html")]
struct ProblemPage<'a> {
    frame: Frame,
    status: u16,
    notice: Notice,
    request_id: &'a str,
}

/// A refusal that reached the guard, as a page. Everything else stays as it is.
pub(crate) fn dressed(mut response: Response, id: &RequestId) -> Response {
    let Some(Pending(problem)) = response.extensions_mut().remove::<Pending>() else { return response };
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let frame = Frame { title: problem.title.clone(), ..Frame::default() };
    let page = ProblemPage { frame, status: problem.status, notice: Notice::of(&problem), request_id: &id.0 };
    show_with(status, &page)
}

/// What was refused and why, above the form that asked for it. It carries what the refusal carries: names, never values.
#[derive(Debug)]
pub(crate) struct Notice {
    /// One sentence.
    pub(crate) detail: String,
    /// Every problem, where there are several.
    pub(crate) errors: Vec<FieldError>,
    /// The next command to type.
    pub(crate) hint: Option<String>,
}

impl Notice {
    fn of(problem: &Problem) -> Self {
        let errors = problem.errors.iter().filter(|error| error.detail != problem.detail).cloned();
        Self { detail: sentence(&problem.detail), errors: errors.collect(), hint: problem.hint.clone() }
    }
}

impl Notice {
    /// Without the next command to type, where the page itself offers what comes next.
    pub(crate) fn without_hint(self) -> Self {
        Self { hint: None, ..self }
    }
}

/// A detail as a sentence: our details begin in lower case and have no full stop.
fn sentence(detail: &str) -> String {
    let mut letters = detail.chars();
    let Some(first) = letters.next() else { return String::new() };
    // names keep their letters
    let is_word = detail
        .split([' ', ','])
        .next()
        .is_some_and(|word| word.chars().all(|letter| letter.is_ascii_lowercase() || letter == '\''));
    let first = if is_word { first.to_uppercase().to_string() } else { first.to_string() };
    let end = if detail.ends_with(['.', '?', '!']) { "" } else { "." };
    format!("{first}{}{end}", letters.as_str())
}

impl From<Failure> for (StatusCode, Notice) {
    fn from(failure: Failure) -> Self {
        let status = StatusCode::from_u16(failure.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        (status, Notice::of(&failure.0))
    }
}
