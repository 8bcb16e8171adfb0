//! Refusals as HTTP answers: problem documents (RFC 9457).

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use stentor_auth::Scope;
use stentor_serve::{Problem, Refusal};

use crate::answer::AskError;
use crate::error::Error;

/// Seconds after which it may be tried again.
pub(crate) const RETRY_SECONDS: u64 = 5;

/// Why a request is not answered with what it asks for.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Nobody known: the door has answered.
    Answered(Box<Response>),
    /// There is nobody who could let anybody in.
    NoDoor,
    /// Known, but not allowed.
    Scope(Scope),
    /// The question, or what came of it.
    Ask(AskError),
    /// What was sent cannot be used, in words for who sent it.
    Wrong(String),
    /// There are as many as there may be.
    TooMany(String),
    /// There is no answer in this form.
    Form,
    /// Too many requests are being answered.
    Busy,
}

impl From<AskError> for Failure {
    fn from(error: AskError) -> Self {
        Self::Ask(error)
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        match self {
            Self::Answered(answer) => *answer,
            Self::NoDoor => {
                let detail = "this is not public, and without a gateway this node knows nobody";
                Refusal::new(StatusCode::FORBIDDEN, detail).into_response()
            }
            Self::Scope(scope) => {
                let detail = format!("the scope {} is needed", scope.as_str());
                Refusal::new(StatusCode::FORBIDDEN, detail).into_response()
            }
            Self::Ask(error) => asked(error),
            Self::Wrong(detail) => Refusal::new(StatusCode::BAD_REQUEST, detail).into_response(),
            Self::TooMany(detail) => {
                Refusal::new(StatusCode::TOO_MANY_REQUESTS, detail).into_response()
            }
            Self::Form => {
                let detail = "format: this is no list, so there is no CSV of it";
                Refusal::new(StatusCode::BAD_REQUEST, detail).into_response()
            }
            Self::Busy => later("too many requests are being answered"),
        }
    }
}

fn asked(error: AskError) -> Response {
    match error {
        AskError::Missing => Problem::new(StatusCode::NOT_FOUND).into_response(),
        AskError::Parameter { .. } => {
            Refusal::new(StatusCode::BAD_REQUEST, error.to_string()).into_response()
        }
        AskError::TooLong => later(&error.to_string()),
        AskError::Failed(Error::Invalid(detail)) => {
            Refusal::new(StatusCode::BAD_REQUEST, detail).into_response()
        }
        AskError::Failed(error) => {
            // What exactly is wrong is the operator's to know.
            tracing::warn!(%error, "a question to the observatory cannot be answered");
            later("the records do not answer")
        }
    }
}

fn later(detail: &str) -> Response {
    Refusal::new(StatusCode::SERVICE_UNAVAILABLE, detail)
        .retry_after(RETRY_SECONDS)
        .into_response()
}
