//! What stands where.

use axum::Router;
use stentor_serve::headers::{Cors, OriginError, cors};
use utoipa::openapi::OpenApi;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouterExt};
use utoipa_axum::routes;

use crate::state::Gateway;
use crate::stream::{sse, ws};
use crate::{audit, history, jobs, reference, telemetry, tickets, tokens, webhook};

/// The operations of the gateway, each with what the OpenAPI document says of it.
pub(crate) fn operations() -> OpenApiRouter<Gateway> {
    reference::openapi::router()
        .routes(routes!(sse::events))
        .routes(routes!(ws::ws))
        .routes(routes!(history::history))
        .routes(routes!(tickets::mint))
        .routes(routes!(tokens::issue, tokens::revoke))
        .routes(routes!(tokens::jwks))
        .routes(routes!(audit::list))
        .routes(routes!(jobs::list))
        .routes(routes!(jobs::one, jobs::cancel))
        .routes(routes!(jobs::events))
        .routes(routes!(telemetry::report).layer(telemetry::bounded()))
        .merge(webhook::operations())
}

/// What another part of the node answers beside the gateway.
pub struct Addition {
    /// Its routes, below `/api/v1/`.
    pub routes: Router,
    /// What the OpenAPI document says of them.
    pub document: OpenApi,
}

impl Gateway {
    /// The routes of the gateway, `/api/v1/…`, with those of other parts of the node: they are told in the same documents, and the same
    /// origins may read them.
    ///
    /// # Errors
    /// [`OriginError`] for an origin in the configuration that is none.
    pub fn routes(&self, additions: Vec<Addition>) -> Result<Router, OriginError> {
        let origins = Cors::allow_list(&self.shared.parts.config.origins)?;
        let (operations, mut document) = operations().split_for_parts();
        let mut router = operations
            .merge(webhook::page_routes())
            .with_state(self.clone());
        for addition in additions {
            document.merge(addition.document);
            router = router.merge(addition.routes);
        }
        Ok(router
            .merge(reference::routes(&document))
            .layer(axum::middleware::from_fn_with_state(origins, cors)))
    }
}
