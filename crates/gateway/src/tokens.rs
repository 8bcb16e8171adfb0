//! `/api/v1/tokens`: signed tokens of this node's own, and the keys to verify them with (G2.1).

use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use http::request::Parts;
use http::{StatusCode, header};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use stentor_auth::{AuditKind, Credential, Scopes};
use stentor_event::Timestamp;
use stentor_serve::{Refusal, RequestInfo};
use utoipa::ToSchema;

use crate::failure::Failure;
use crate::reference::{Missing, Refused, TooMany, Wrong};
use crate::state::Gateway;

/// The route, as the audit names it.
const ROUTE: &str = "/api/v1/tokens";

/// What a token is to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TokenWish {
    /// What it may do, with spaces between: no more than the credential that it is made with. Without it: all of that.
    #[schema(example = "events:nostr:read events:jobs:read:own")]
    scope: Option<String>,
    /// For how many seconds, at most; no longer than `auth.tokens.seconds` and the credential that it is made with.
    seconds: Option<u64>,
}

/// A token.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Token {
    /// What `Authorization: Bearer` shows.
    access_token: String,
    /// `Bearer`.
    token_type: &'static str,
    /// Seconds until it ends.
    expires_in: u64,
    /// What it may do.
    scope: String,
}

/// Makes a signed token (JWT) with at most the rights of the credential that it is made with: for a program that should not hold an
/// API key itself. It ends when that credential does.
#[utoipa::path(post, path = "/api/v1/tokens", tag = "credentials", operation_id = "issueToken", request_body = TokenWish,
    responses((status = 201, description = "The token.", body = Token), Wrong, Refused))]
pub(crate) async fn issue(
    State(gateway): State<Gateway>,
    Extension(info): Extension<RequestInfo>,
    head: Parts,
    body: Bytes,
) -> Response {
    let shared = &gateway.shared;
    let issued = async {
        let principal = shared.principal(&head, &info, &body).await?;
        let (scopes, seconds) = wish(&body, principal.scopes)?;
        let (auth, now) = (&shared.parts.auth, shared.now());
        let issued = auth.issue_token(&principal, scopes, seconds, now);
        let issued = issued.map_err(Failure::Manage)?;
        let what = format!("token {}", issued.credential.id());
        let kind = AuditKind::Managed;
        auth.audit()
            .note(kind, &principal, info.client, ROUTE, &what, now);
        Ok::<_, Failure>(Token {
            access_token: issued.token.expose_secret().to_owned(),
            token_type: "Bearer",
            expires_in: issued.expires_at.0.saturating_sub(now.0),
            scope: scopes.within(principal.scopes).to_string(),
        })
    };
    match issued.await {
        Ok(token) => {
            let no_store = [(header::CACHE_CONTROL, "no-store")];
            (StatusCode::CREATED, no_store, Json(token)).into_response()
        }
        Err(failure) => failure.into_response(),
    }
}

/// The scopes and seconds that are asked for.
fn wish(body: &[u8], ceiling: Scopes) -> Result<(Scopes, u64), Failure> {
    let wish = match body {
        [] => TokenWish {
            scope: None,
            seconds: None,
        },
        body => serde_json::from_slice(body)
            .map_err(|error| Failure::Wrong(format!("the body: {error}")))?,
    };
    let scopes = match &wish.scope {
        None => ceiling,
        Some(text) => text
            .parse()
            .map_err(|error| Failure::Wrong(format!("scope: {error}")))?,
    };
    Ok((scopes, wish.seconds.unwrap_or(u64::MAX)))
}

/// Ends the token, the stream ticket or the signature with which the request is made, and all streams of it within seconds. An API key is
/// ended by the operator.
#[utoipa::path(delete, path = "/api/v1/tokens", tag = "credentials", operation_id = "revokeToken",
    responses((status = 204, description = "It has ended."), Refused, TooMany))]
pub(crate) async fn revoke(
    State(gateway): State<Gateway>,
    Extension(info): Extension<RequestInfo>,
    head: Parts,
) -> Response {
    let shared = &gateway.shared;
    let revoked = async {
        let principal = shared.principal(&head, &info, &[]).await?;
        if !matches!(principal.credential, Credential::Token { .. }) {
            return Err(Failure::Manage(stentor_auth::ManageError::NotForThis));
        }
        let (auth, now) = (&shared.parts.auth, shared.now());
        let until = principal.expires_at.unwrap_or(Timestamp::MAX);
        auth.registry()
            .revoke_credential(&principal.credential, until, now)
            .await
            .map_err(Failure::Manage)?;
        let what = "revoked by its holder";
        let kind = AuditKind::Managed;
        auth.audit()
            .note(kind, &principal, info.client, ROUTE, what, now);
        Ok::<_, Failure>(())
    };
    match revoked.await {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(failure) => failure.into_response(),
    }
}

/// Shows the public keys with which tokens of this node can be verified (RFC 7517).
#[utoipa::path(get, path = "/.well-known/jwks.json", tag = "credentials", operation_id = "getKeys", security(()),
    responses((status = 200, description = "The keys.", body = serde_json::Value), Missing))]
pub(crate) async fn jwks(State(gateway): State<Gateway>) -> Response {
    let shared = &gateway.shared;
    match shared.parts.auth.jwks(shared.now()) {
        // Well below the time that a new key is told before it signs.
        Some(keys) => ([(header::CACHE_CONTROL, "max-age=300")], Json(keys)).into_response(),
        None => Refusal::new(StatusCode::NOT_FOUND, "no tokens are issued here").into_response(),
    }
}
