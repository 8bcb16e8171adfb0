//! `GET /api/v1/audit`: who came, and what was done to credentials, of the reader's own tenant (G2.5).

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use http::request::Parts;
use serde::{Deserialize, Serialize};
use stentor_auth::{AuditLine, Scope};
use stentor_serve::RequestInfo;
use utoipa::{IntoParams, ToSchema};

use crate::extract::Asked;
use crate::failure::Failure;
use crate::reference::{Refused, Wrong};
use crate::state::Gateway;

/// Which page.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Page {
    /// Only lines before the one of this number: the last of the page before.
    before: Option<i64>,
    /// Lines in the page, at most.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u32>,
}

/// A page of the audit.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AuditPage {
    /// The newest first.
    lines: Vec<AuditLine>,
}

/// Lists lines of the audit of one's own tenant, the newest first: streams that were opened or ended, and what was done to credentials and
/// webhooks. Who could not be let in has no tenant: that the operator reads with `stentor admin keys audit`.
#[utoipa::path(get, path = "/api/v1/audit", tag = "credentials", operation_id = "listAudit", params(Page),
    responses((status = 200, description = "A page of lines.", body = AuditPage), Wrong, Refused))]
pub(crate) async fn list(
    State(gateway): State<Gateway>,
    Extension(info): Extension<RequestInfo>,
    Asked(page): Asked<Page>,
    head: Parts,
) -> Response {
    let shared = &gateway.shared;
    let listed = async {
        let principal = shared.principal(&head, &info, &[]).await?;
        if !principal.scopes.allow(Scope::Admin) {
            return Err(Failure::Scope(Scope::Admin.as_str()));
        }
        let audit = shared.parts.auth.audit();
        let limit = page.limit.unwrap_or(100).max(1);
        let lines = audit.read(Some(&principal.tenant), page.before, limit);
        lines.await.map_err(Failure::Manage)
    };
    match listed.await {
        Ok(lines) => Json(AuditPage { lines }).into_response(),
        Err(failure) => failure.into_response(),
    }
}
