//! `/api/v1/jobs`: long work, to be looked at and cancelled (G1.6).

use axum::extract::{Path, Query as Asked, State};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use http::StatusCode;
use http::request::Parts;
use serde::Deserialize;
use serde_json::json;
use stentor_auth::{Principal, Scope};
use stentor_bus::jobs::{Job, Query};
use stentor_serve::RequestInfo;
use uuid::Uuid;

use crate::failure::Failure;
use crate::state::{Gateway, Shared};

/// Jobs in one page, at most.
const MOST: u32 = 500;

/// Which page.
#[derive(Debug, Deserialize)]
pub(crate) struct Page {
    /// Jobs given before this one.
    before: Option<Uuid>,
    /// At most so many.
    limit: Option<u32>,
}

/// Whose jobs a principal may see: all of the tenant's (`None`), or those of one owner.
fn reach(principal: &Principal, own: Scope, all: Scope) -> Result<Option<String>, Failure> {
    let scopes = principal.scopes;
    if scopes.allow(all) {
        Ok(None)
    } else if scopes.allow(own) {
        Ok(Some(principal.subject.clone()))
    } else {
        Err(Failure::Scope(own.as_str()))
    }
}

/// Answers with a page of jobs, the newest first.
pub(crate) async fn list(
    State(gateway): State<Gateway>,
    Extension(info): Extension<RequestInfo>,
    Asked(page): Asked<Page>,
    head: Parts,
) -> Response {
    let shared = &gateway.shared;
    let listed = async {
        let principal = shared.principal(&head, &info, &[]).await?;
        let owner = reach(&principal, Scope::JobsReadOwn, Scope::JobsReadAll)?;
        let query = Query {
            tenant: principal.tenant.to_string(),
            owner,
            before: page.before,
            limit: page.limit.unwrap_or(50).clamp(1, MOST),
        };
        Ok::<_, Failure>(shared.parts.jobs.list(query).await?)
    };
    match listed.await {
        Ok(jobs) => Json(json!({ "jobs": jobs })).into_response(),
        Err(failure) => failure.into_response(),
    }
}

/// Answers with a job.
pub(crate) async fn one(
    State(gateway): State<Gateway>,
    Extension(info): Extension<RequestInfo>,
    Path(id): Path<Uuid>,
    head: Parts,
) -> Response {
    let shared = &gateway.shared;
    let (own, all) = (Scope::JobsReadOwn, Scope::JobsReadAll);
    match reachable(shared, &head, &info, id, (own, all)).await {
        Ok(job) => Json(job).into_response(),
        Err(failure) => failure.into_response(),
    }
}

/// Asks for the end of a job: 202, as it ends by itself; 409 when it has ended already.
pub(crate) async fn cancel(
    State(gateway): State<Gateway>,
    Extension(info): Extension<RequestInfo>,
    Path(id): Path<Uuid>,
    head: Parts,
) -> Response {
    let shared = &gateway.shared;
    let (own, all) = (Scope::JobsCancelOwn, Scope::JobsCancelAll);
    let cancelled = async {
        reachable(shared, &head, &info, id, (own, all)).await?;
        Ok::<_, Failure>(shared.parts.jobs.cancel(id).await?)
    };
    match cancelled.await {
        Ok(true) => StatusCode::ACCEPTED.into_response(),
        Ok(false) => {
            stentor_serve::Refusal::new(StatusCode::CONFLICT, "the job has ended").into_response()
        }
        Err(failure) => failure.into_response(),
    }
}

/// The job of this id, if it is within reach: else it is as if there were none.
async fn reachable(
    shared: &Shared,
    head: &Parts,
    info: &RequestInfo,
    id: Uuid,
    (own, all): (Scope, Scope),
) -> Result<Job, Failure> {
    let principal = shared.principal(head, info, &[]).await?;
    let owner = reach(&principal, own, all)?;
    let job = shared.parts.jobs.get(id).await?;
    let ours = |job: &Job| {
        job.tenant == principal.tenant.as_str()
            && owner.as_ref().is_none_or(|owner| *owner == job.owner)
    };
    job.filter(ours).ok_or(Failure::NotFound)
}
