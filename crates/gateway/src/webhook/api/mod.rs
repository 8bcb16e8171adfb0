//! `/api/v1/webhooks`: what programs manage webhooks by.

mod bodies;
mod deliveries;
mod endpoints;
mod test;

use axum::response::{IntoResponse, Response};
use http::request::Parts;
use serde::de::DeserializeOwned;
use stentor_auth::{AuditKind, Principal, Scope};
use stentor_serve::RequestInfo;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Webhooks;
use crate::failure::Failure;
use crate::state::{Gateway, Shared};

/// The operations, each with what the OpenAPI document says of it.
pub(crate) fn operations() -> OpenApiRouter<Gateway> {
    OpenApiRouter::new()
        .routes(routes!(endpoints::list, endpoints::create))
        .routes(routes!(
            endpoints::one,
            endpoints::change,
            endpoints::remove
        ))
        .routes(routes!(endpoints::rotate))
        .routes(routes!(endpoints::enable))
        .routes(routes!(endpoints::disable))
        .routes(routes!(test::test))
        .routes(routes!(deliveries::attempts))
        .routes(routes!(deliveries::dead_letters))
        .routes(routes!(deliveries::replay_one))
        .routes(routes!(deliveries::replay))
}

/// Who manages webhooks, and the webhooks.
struct Manager<'a> {
    shared: &'a Shared,
    webhooks: &'a Webhooks,
    principal: Principal,
    info: &'a RequestInfo,
}

impl<'a> Manager<'a> {
    /// Who makes a request, if that is somebody who may manage webhooks.
    async fn of(
        gateway: &'a Gateway,
        head: &Parts,
        info: &'a RequestInfo,
        body: &[u8],
    ) -> Result<Self, Failure> {
        let shared = &*gateway.shared;
        let principal = shared.principal(head, info, body).await?;
        if !principal.scopes.allow(Scope::WebhooksManage) {
            return Err(Failure::Scope(Scope::WebhooksManage.as_str()));
        }
        let webhooks = shared.parts.webhooks.as_ref();
        Ok(Self {
            shared,
            webhooks: webhooks.ok_or(Failure::NotFound)?,
            principal,
            info,
        })
    }

    fn tenant(&self) -> String {
        self.principal.tenant.to_string()
    }

    /// Notes in the audit what was done.
    fn note(&self, what: &str) {
        let (auth, now) = (&self.shared.parts.auth, self.shared.now());
        let kind = AuditKind::Managed;
        let (principal, client) = (&self.principal, self.info.client);
        auth.audit()
            .note(kind, principal, client, "webhooks", what, now);
    }
}

/// The JSON of a body; an empty one is `{}`.
fn parsed<T: DeserializeOwned>(body: &[u8]) -> Result<T, Failure> {
    let body = if body.is_empty() { b"{}" } else { body };
    serde_json::from_slice(body).map_err(|error| Failure::Wrong(format!("body: {error}")))
}

fn answered(result: Result<Response, Failure>) -> Response {
    result.unwrap_or_else(IntoResponse::into_response)
}
