//! End users at the door: a token of the issuer that the project trusts, and no more requests than a person makes.

use std::num::NonZeroU32;

use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use http::{HeaderMap, Uri};
use serde::Deserialize;
use strongroom_api::Code;
use strongroom_app::identity::{self, Unproven};
use strongroom_app::{Access, Caller, Error};
use strongroom_model::ProjectName;

use crate::credential::bearer;
use crate::failure::Failure;
use crate::peer::RequestId;

use crate::router::Served;

/// Requests of one end user in a minute.
const PER_MINUTE: NonZeroU32 = NonZeroU32::new(60).expect("not zero");
/// Users who are counted before those are forgotten who have made no request lately.
const MAX_COUNTED: usize = 10_000;

/// How often each end user has asked.
pub(crate) struct Limits(DefaultKeyedRateLimiter<String>);

impl Default for Limits {
    fn default() -> Self {
        Self(RateLimiter::keyed(Quota::per_minute(PER_MINUTE)))
    }
}

impl Limits {
    fn admit(&self, project: &ProjectName, user: &str) -> Result<(), Failure> {
        if self.0.len() > MAX_COUNTED {
            self.0.retain_recent();
        }
        let refused =
            |_| Failure::new(Code::TooMany, format!("an end user makes at most {PER_MINUTE} requests a minute"));
        self.0.check_key(&format!("{project}/{user}")).map_err(refused)
    }
}

#[derive(Deserialize)]
struct Named {
    project: Option<String>,
}

/// Who sends a request to an end user's own path.
pub(crate) async fn who(
    served: &Served,
    (headers, uri): (&HeaderMap, &Uri),
    source: &str,
    id: &RequestId,
) -> Result<Caller, Failure> {
    let anonymous = || {
        served.app.count_anonymous_denial(source);
        Failure::new(Code::Unauthenticated, "send the end user's token as \"Authorization: Bearer …\"")
    };
    let token = bearer(headers).ok_or_else(anonymous)?;
    let named = axum::extract::Query::<Named>::try_from_uri(uri).ok().and_then(|query| query.0.project);
    let project = match named {
        None => ProjectName::default_project(),
        Some(text) => text.parse().map_err(|_| refusal(&served.app, source, Unproven::NoIssuer))?,
    };
    let proved = identity::authenticate(&served.app, &project, token, source, &id.0).await;
    let caller = proved.map_err(|error| refusal(&served.app, source, error))?;
    if let Access::EndUser { user, .. } = &caller.access {
        served.end_users.admit(&project, user.as_str())?;
    }
    Ok(caller)
}

/// Why a token proved nobody. A project that is not there looks like one that trusts no issuer.
pub(crate) fn refusal(app: &strongroom_app::App, source: &str, error: Unproven) -> Failure {
    match error {
        Unproven::Failed(Error::NotFound { .. }) => refusal(app, source, Unproven::NoIssuer),
        Unproven::Failed(error) => error.into(),
        error @ Unproven::Keys(_) => Failure::new(Code::Unavailable, error.to_string()),
        error @ (Unproven::NoIssuer | Unproven::Token(_)) => {
            app.count_anonymous_denial(source);
            Failure::new(Code::Unauthenticated, error.to_string())
        }
    }
}
