//! Refusals as HTTP answers: problem documents (RFC 9457).

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use stentor_auth::{AuthFailure, ManageError};
use stentor_bus::BusError;
use stentor_serve::{Problem, Refusal};

use crate::asked::QueryError;

/// Seconds after which a node whose records do not answer may be asked again.
const RETRY_SECONDS: u64 = 5;

/// Why a request is not answered with what it asks for.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Nobody known.
    Auth(AuthFailure),
    /// Known, but not allowed.
    Scope(&'static str),
    /// The query is wrong.
    Query(QueryError),
    /// It cannot be done for who asks.
    Manage(ManageError),
    /// The logs cannot be read.
    Bus(BusError),
    /// There is none.
    NotFound,
    /// What was sent cannot be used, in words for who sent it.
    Wrong(String),
    /// It is not in a state for that.
    Conflict(&'static str),
    /// Too often; after so many seconds it may be tried again.
    Later(&'static str, u64),
}

impl From<AuthFailure> for Failure {
    fn from(failure: AuthFailure) -> Self {
        Self::Auth(failure)
    }
}

impl From<QueryError> for Failure {
    fn from(error: QueryError) -> Self {
        Self::Query(error)
    }
}

impl From<BusError> for Failure {
    fn from(error: BusError) -> Self {
        Self::Bus(error)
    }
}

impl From<stentor_sql::Error> for Failure {
    fn from(error: stentor_sql::Error) -> Self {
        Self::Bus(error.into())
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        match self {
            Self::Auth(failure) => auth(&failure),
            Self::Scope(scope) => Refusal::new(
                StatusCode::FORBIDDEN,
                format!("the scope {scope} is needed"),
            )
            .into_response(),
            Self::Query(error) => {
                Refusal::new(StatusCode::BAD_REQUEST, error.to_string()).into_response()
            }
            Self::Manage(error) => manage(&error),
            Self::Bus(error) => {
                // What exactly is wrong is the operator's to know (G2.4).
                tracing::warn!(%error, "a request cannot be answered");
                later("the records do not answer", RETRY_SECONDS)
            }
            Self::NotFound => Problem::new(StatusCode::NOT_FOUND).into_response(),
            Self::Wrong(detail) => Refusal::new(StatusCode::BAD_REQUEST, detail).into_response(),
            Self::Conflict(detail) => Refusal::new(StatusCode::CONFLICT, detail).into_response(),
            Self::Later(detail, seconds) => Refusal::new(StatusCode::TOO_MANY_REQUESTS, detail)
                .retry_after(seconds)
                .into_response(),
        }
    }
}

fn auth(failure: &AuthFailure) -> Response {
    if let AuthFailure::Unavailable { retry_after } = failure {
        return later(&failure.to_string(), retry_after.as_secs().max(1));
    }
    let mut response = Refusal::new(StatusCode::UNAUTHORIZED, failure.to_string()).into_response();
    // RFC 6750: nothing is said of an error to who has shown nothing.
    let challenge = match failure {
        AuthFailure::Missing => "Bearer realm=\"stentor\"",
        _ => "Bearer realm=\"stentor\", error=\"invalid_token\"",
    };
    response.headers_mut().insert(
        header::WWW_AUTHENTICATE,
        HeaderValue::from_static(challenge),
    );
    response
}

fn manage(error: &ManageError) -> Response {
    let status = match error {
        ManageError::NotForThis => StatusCode::FORBIDDEN,
        ManageError::TooMany { .. } => StatusCode::TOO_MANY_REQUESTS,
        ManageError::Expired => StatusCode::UNAUTHORIZED,
        _ => {
            tracing::warn!(%error, "a request cannot be answered");
            return later("the records do not answer", RETRY_SECONDS);
        }
    };
    Refusal::new(status, error.to_string()).into_response()
}

fn later(detail: &str, seconds: u64) -> Response {
    Refusal::new(StatusCode::SERVICE_UNAVAILABLE, detail)
        .retry_after(seconds)
        .into_response()
}
