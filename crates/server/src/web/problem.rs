//! Refusals as pages, and as notices above a form.

use askama::Template;
use axum::response::Response;
use http::{StatusCode, header};
use strongroom_api::{Code, FieldError, Problem};
use strongroom_model::ProjectName;

use super::frame::{Crumb, Frame};
use super::show_with;
use crate::failure::{Failure, Pending};
use crate::peer::RequestId;

#[derive(Template)]
#[template(path = "problem.html")]
struct ProblemPage<'a> {
    frame: Frame,
    status: u16,
    notice: Notice,
    advice: &'static str,
    request_id: &'a str,
    way: Crumb,
}

/// The same for somebody who is not signed in: there is no menu to go on from.
#[derive(Template)]
#[template(path = "problem-bare.html")]
struct BareProblemPage<'a> {
    frame: Frame,
    notice: Notice,
    advice: &'static str,
    request_id: &'a str,
    way: Crumb,
}

/// What somebody may do who meets a refusal on a page, where the refusal itself does not say.
fn advice(problem: &Problem) -> &'static str {
    if problem.code == Code::Forbidden && problem.detail.starts_with("this needs the capability") {
        return "An owner or admin of the project can give you a role that has it.";
    }
    ""
}

/// What a refusal's page takes from the request that was refused.
#[derive(Debug, Clone)]
pub(crate) struct Around {
    /// Who asked, as people know him.
    pub(crate) visitor: Option<String>,
    /// The token of his session's forms.
    pub(crate) csrf: String,
    /// The project in the address.
    pub(crate) project: Option<ProjectName>,
}

impl Around {
    /// Where to go on from: the project where there is one to go to, else the front page.
    fn way(&self, status: StatusCode) -> Crumb {
        let known = self.project.as_ref().filter(|_| status != StatusCode::NOT_FOUND && self.visitor.is_some());
        match known {
            Some(project) => Crumb { label: format!("Back to {project}"), href: format!("/projects/{project}") },
            None if self.visitor.is_none() => Crumb { label: "To the sign-in".to_owned(), href: "/".to_owned() },
            None => Crumb { label: "To your projects".to_owned(), href: "/".to_owned() },
        }
    }
}

/// A refusal that reached the guard, as a page with the refusal's headers. Everything else stays as it is.
pub(crate) fn dressed(mut response: Response, id: &RequestId) -> Response {
    let Some(Pending(problem)) = response.extensions_mut().remove::<Pending>() else { return response };
    let around = response.extensions_mut().remove::<Around>();
    let around = around.unwrap_or(Around { visitor: None, csrf: String::new(), project: None });
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let way = around.way(status);
    let frame = Frame { title: problem.title.clone(), visitor: around.visitor, csrf: around.csrf, ..Frame::default() };
    let (notice, advice, request_id) = (Notice::of(&problem), advice(&problem), id.0.as_str());
    let mut shown = if frame.visitor.is_none() {
        show_with(status, &BareProblemPage { frame, notice, advice, request_id, way })
    } else {
        show_with(status, &ProblemPage { frame, status: problem.status, notice, advice, request_id, way })
    };
    // what the page says of itself stays, and its length is another
    let own = [header::CONTENT_TYPE, header::CONTENT_SECURITY_POLICY, header::CONTENT_LENGTH];
    for (name, value) in response.headers().iter().filter(|(name, _)| !own.contains(name)) {
        shown.headers_mut().append(name, value.clone());
    }
    shown
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
