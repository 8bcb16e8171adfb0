//! What goes wrong, as a page.

use axum::response::Response;
use http::{HeaderValue, StatusCode, header};
use maud::{Markup, html};
use stentor_console::component::{Level, notice};

use super::shell::{Frame, HOME, Shown};
use super::sign_in;
use crate::answer::AskError;
use crate::api::{Failure, RETRY_SECONDS};
use crate::error::Error;

/// The page that says why there is not what was asked for.
pub(super) fn page(frame: &Frame, failure: Failure) -> Response {
    match failure {
        Failure::Answered(answer) => unknown(frame, &answer),
        Failure::NoDoor => {
            let why = "These pages are not public, and without a gateway this node knows nobody. Its operator can make them public \
                       (observatory.public), or switch the gateway on (gateway.enabled).";
            plain(frame, StatusCode::FORBIDDEN, "Not for everybody", why)
        }
        Failure::Scope(scope) => {
            let why = format!(
                "This key is good, but it may not read here: it has not the scope {}.",
                scope.as_str()
            );
            sign_in::again(frame, StatusCode::FORBIDDEN, Some(&why))
        }
        Failure::Ask(error) => asked(frame, error),
        Failure::Wrong(detail) | Failure::TooMany(detail) => plain(
            frame,
            StatusCode::BAD_REQUEST,
            "This cannot be asked",
            &detail,
        ),
        Failure::Form => {
            let why = "There is no such form of it.";
            plain(frame, StatusCode::BAD_REQUEST, "This cannot be asked", why)
        }
        Failure::Busy => later(frame, "Too many pages are being made."),
    }
}

/// The door's own answer, as far as people need it.
fn unknown(frame: &Frame, answer: &Response) -> Response {
    let status = answer.status();
    let kept = |name| {
        answer
            .headers()
            .get(&name)
            .cloned()
            .map(|value| (name, value))
    };
    let mut response = if status == StatusCode::UNAUTHORIZED {
        sign_in::again(frame, status, sign_in::refused(frame))
    } else if status == StatusCode::SERVICE_UNAVAILABLE {
        later(frame, "Whoever knows the keys does not answer.")
    } else {
        plain(
            frame,
            status,
            "Not now",
            "The node does not let this request in.",
        )
    };
    let said = [header::WWW_AUTHENTICATE, header::RETRY_AFTER];
    response
        .headers_mut()
        .extend(said.into_iter().filter_map(kept));
    response
}

fn asked(frame: &Frame, error: AskError) -> Response {
    match error {
        AskError::Missing => {
            let why = "There is no such page, or no such relay is known.";
            plain(frame, StatusCode::NOT_FOUND, "There is none", why)
        }
        AskError::Parameter { name, problem } => wrong(frame, &name, &problem),
        AskError::TooLong => later(frame, "This takes too long to answer: ask for less."),
        AskError::Failed(Error::Invalid(detail)) => plain(
            frame,
            StatusCode::BAD_REQUEST,
            "This cannot be asked",
            &detail,
        ),
        AskError::Failed(error) => {
            // What exactly is wrong is the operator's to know.
            tracing::warn!(%error, "a page of the observatory cannot be made");
            later(frame, "The records do not answer.")
        }
    }
}

/// One parameter of the address is wrong: the way on is the address without it.
fn wrong(frame: &Frame, name: &str, problem: &str) -> Response {
    let rest = frame.query.without(name).href();
    let why = html! {
        p { "In the address, " strong { (name) } " is wrong: " (problem) "." }
        p { a href=(rest) { "Ask without it" } }
    };
    shown(frame, StatusCode::BAD_REQUEST, "This cannot be asked", &why)
}

fn later(frame: &Frame, why: &str) -> Response {
    let why = html! {
        p { (why) }
        p { a href=(frame.query.href()) { "Try again" } " in a few seconds." }
    };
    let status = StatusCode::SERVICE_UNAVAILABLE;
    let mut response = shown(frame, status, "Not now", &why);
    let seconds = HeaderValue::from(RETRY_SECONDS);
    response.headers_mut().insert(header::RETRY_AFTER, seconds);
    response
}

fn plain(frame: &Frame, status: StatusCode, title: &str, why: &str) -> Response {
    let why = html! {
        p { (why) }
        p { a href=(HOME) { "To the overview" } }
    };
    shown(frame, status, title, &why)
}

fn shown(frame: &Frame, status: StatusCode, title: &str, why: &Markup) -> Response {
    let body = html! {
        h1 { (title) }
        (notice(Level::Warning, why))
    };
    let title = title.to_owned();
    frame.refuse(status, Shown { title, body })
}
