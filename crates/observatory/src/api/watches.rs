//! `/api/v1/observatory/watches`: who is told how a relay does (O4.5).

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use http::StatusCode;
use http::request::Parts;
use serde::Deserialize;
use stentor_auth::Scope;
use stentor_event::PublicKey;
use stentor_serve::RequestInfo;
use utoipa::ToSchema;

use super::Api;
use super::failure::Failure;
use super::reference::{Form, Missing, Page, Refused, TooMany};
use super::respond::Reading;
use crate::alert::Watch;
use crate::answer::WatchPage;
use crate::error::Error;
use crate::relay_url::RelayUrl;

/// Bytes of a request.
const LONGEST: usize = 8_192;

/// A relay to be watched.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewWatch {
    /// Its URL.
    url: String,
    /// Whom private messages go to: a public key in hex. Without one, there are envelopes only.
    recipient: Option<String>,
}

/// Lists watches, the oldest first.
#[utoipa::path(get, path = "/api/v1/observatory/watches", tag = "observatory", operation_id = "listWatches",
    params(Page, Form), responses((status = 200, description = "A page of watches.", body = WatchPage), Refused))]
pub(super) async fn list(request: Reading) -> Response {
    request.answer().await
}

/// Watches a relay: when it is down, has recovered, or its certificate is about to end, that is told. A relay that is not known yet is
/// taken up. The same watch a second time is the first one.
#[utoipa::path(post, path = "/api/v1/observatory/watches", tag = "observatory", operation_id = "createWatch", request_body = NewWatch,
    responses((status = 201, description = "The watch.", body = Watch), Refused, TooMany))]
pub(super) async fn create(
    State(api): State<Api>,
    Extension(info): Extension<RequestInfo>,
    head: Parts,
    body: Bytes,
) -> Response {
    let created = async {
        let scope = Scope::ObservatoryManage;
        let principal = api.holder_of(scope, &head, &info, &body).await?;
        let (url, recipient) = wish(&body)?;
        let _place = api.place().await?;
        let watched = api
            .observatory
            .watch(&url, recipient, &principal.subject)
            .await;
        watched.map_err(|error| match error {
            Error::Full(problem) => Failure::TooMany(problem),
            other => Failure::Ask(other.into()),
        })
    };
    match created.await {
        Ok(watch) => (StatusCode::CREATED, Json(watch)).into_response(),
        Err(failure) => failure.into_response(),
    }
}

/// Ends a watch.
#[utoipa::path(delete, path = "/api/v1/observatory/watches/{id}", tag = "observatory", operation_id = "deleteWatch",
    params(("id" = String, Path, description = "Its id.")),
    responses((status = 204, description = "It is gone."), Refused, Missing))]
pub(super) async fn remove(
    State(api): State<Api>,
    Extension(info): Extension<RequestInfo>,
    Path(id): Path<String>,
    head: Parts,
) -> Response {
    let removed = async {
        let scope = Scope::ObservatoryManage;
        api.holder_of(scope, &head, &info, &[]).await?;
        let _place = api.place().await?;
        // PostgreSQL takes no NUL, and no id has one.
        let there = !id.contains('\0')
            && api
                .observatory
                .unwatch(&id)
                .await
                .map_err(crate::answer::AskError::from)?;
        Ok::<_, Failure>(there)
    };
    match removed.await {
        Ok(true) => StatusCode::NO_CONTENT.into_response(),
        Ok(false) => Failure::Ask(crate::answer::AskError::Missing).into_response(),
        Err(failure) => failure.into_response(),
    }
}

fn wish(body: &[u8]) -> Result<(RelayUrl, Option<PublicKey>), Failure> {
    if body.len() > LONGEST {
        return Err(Failure::Wrong(format!("longer than {LONGEST} bytes")));
    }
    let wish: NewWatch =
        serde_json::from_slice(body).map_err(|error| Failure::Wrong(error.to_string()))?;
    let url =
        RelayUrl::parse(&wish.url).map_err(|error| Failure::Wrong(format!("url: {error}")))?;
    let recipient = match wish.recipient {
        None => None,
        Some(text) => {
            let key = PublicKey::from_hex(text.as_bytes());
            let problem = || Failure::Wrong("recipient: not 64 lower-case hex digits".to_owned());
            Some(key.ok_or_else(problem)?)
        }
    };
    Ok((url, recipient))
}
