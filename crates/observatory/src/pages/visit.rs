//! A request for a page, once it is let in.

use std::borrow::Cow;

use axum::extract::FromRequestParts;
use axum::response::Response;
use http::request::Parts;
use http::{HeaderValue, header};
use stentor_console::Query;
use stentor_console::live::Wanted;
use stentor_serve::RequestInfo;
use tokio::sync::OwnedSemaphorePermit;

use super::shell::{Frame, Shown};
use super::{Pages, failure, sign_in};
use crate::answer::{AskError, DEADLINE, Parameters};
use crate::api::Failure;

/// A request for a page that is let in. A handler that takes it cannot forget the door, nor how many there may be at once.
pub(super) struct Visit {
    /// The address of the page.
    pub query: Query,
    /// What stands in it after `?`.
    raw: String,
    /// Which parts of the page are asked for.
    pub wanted: Wanted,
    /// When it was asked for, in Unix milliseconds.
    pub now_ms: u64,
    frame: Frame,
    /// Held until the page is made.
    _place: OwnedSemaphorePermit,
}

impl FromRequestParts<Pages> for Visit {
    type Rejection = Response;

    async fn from_request_parts(head: &mut Parts, pages: &Pages) -> Result<Self, Response> {
        let frame = Frame::of(head, pages);
        let admitted = async {
            admit(pages, head).await?;
            pages.api.place().await
        };
        let place = match admitted.await {
            Ok(place) => place,
            Err(failure) => return Err(failure::page(&frame, failure)),
        };
        Ok(Self {
            query: frame.query.clone(),
            raw: head.uri.query().unwrap_or_default().to_owned(),
            wanted: Wanted::of(&head.headers),
            now_ms: pages.ground().clock.now_ms(),
            frame,
            _place: place,
        })
    }
}

/// Lets a request in that may read.
pub(super) async fn admit(pages: &Pages, head: &Parts) -> Result<(), Failure> {
    let Some(info) = head.extensions.get::<RequestInfo>() else {
        // Every server that these routes stand on says who is asking.
        return Err(Failure::NoDoor);
    };
    pages.api.reader(&shown(head), info).await
}

/// The request as the door knows it: the cookie stands for the header where there is none.
fn shown(head: &Parts) -> Cow<'_, Parts> {
    if head.headers.contains_key(header::AUTHORIZATION) {
        return Cow::Borrowed(head);
    }
    match sign_in::cookie(&head.headers).and_then(bearer) {
        Some(value) => {
            let mut head = head.clone();
            head.headers.insert(header::AUTHORIZATION, value);
            Cow::Owned(head)
        }
        None => Cow::Borrowed(head),
    }
}

/// The header for a token.
pub(super) fn bearer(token: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::try_from(format!("Bearer {token}")).ok()?;
    value.set_sensitive(true);
    Some(value)
}

impl Visit {
    /// The parameters, as the readers take them.
    ///
    /// # Errors
    /// For too many.
    pub fn parameters(&self) -> Result<Parameters, AskError> {
        Parameters::read(&self.raw)
    }

    /// When it was asked for, in Unix seconds.
    pub fn now(&self) -> i64 {
        seconds(self.now_ms)
    }

    /// Links to the same for programs, `below` is what stands behind `/api/v1/observatory/`.
    pub fn data(&self, below: &str, parameters: &str, is_list: bool) -> stentor_console::Markup {
        self.frame.data(below, parameters, is_list)
    }

    /// The page that `made` makes, or what went wrong.
    pub async fn answer(&self, made: impl Future<Output = Result<Shown, AskError>>) -> Response {
        match tokio::time::timeout(DEADLINE, made).await {
            Ok(Ok(shown)) => self.frame.respond(shown),
            Ok(Err(error)) => failure::page(&self.frame, error.into()),
            Err(_) => failure::page(&self.frame, AskError::TooLong.into()),
        }
    }
}

/// Milliseconds as the components take times.
pub(super) fn seconds(ms: u64) -> i64 {
    i64::try_from(ms / 1_000).unwrap_or(i64::MAX)
}
