//! `/api/v1/jobs`: long work, to be looked at and cancelled (G1.6).

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use http::StatusCode;
use http::request::Parts;
use serde::{Deserialize, Serialize};
use stentor_auth::{Principal, Scope};
use stentor_bus::jobs::{Job, Query};
use stentor_serve::RequestInfo;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::extract::{Asked, Path};
use crate::failure::Failure;
use crate::history::{self, HistoryPage};
use crate::reference::{Conflict, Missing, Refused, Wrong};
use crate::state::{Gateway, Shared};

/// Jobs in one page, at most.
const MOST: u32 = 500;

/// Which page.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Page {
    /// Only jobs that were given before this one: the last of the page before.
    before: Option<Uuid>,
    /// Jobs in the page, at most.
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: Option<u32>,
}

/// A page of jobs.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct JobPage {
    /// The newest first.
    jobs: Vec<Job>,
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

/// Lists jobs, the newest first: one's own with `events:jobs:read:own`, the tenant's with `events:jobs:read:all`.
#[utoipa::path(get, path = "/api/v1/jobs", tag = "jobs", operation_id = "listJobs", params(Page),
    responses((status = 200, description = "A page of jobs.", body = JobPage), Wrong, Refused))]
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
        Ok(jobs) => Json(JobPage { jobs }).into_response(),
        Err(failure) => failure.into_response(),
    }
}

/// Shows a job.
#[utoipa::path(get, path = "/api/v1/jobs/{id}", tag = "jobs", operation_id = "getJob",
    params(("id" = Uuid, Path, description = "The job's id.")),
    responses((status = 200, description = "The job.", body = Job), Wrong, Refused, Missing))]
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

/// Asks for the end of a job. It ends by itself soon after: `job.failed` with the reason `cancelled` tells of it.
#[utoipa::path(delete, path = "/api/v1/jobs/{id}", tag = "jobs", operation_id = "cancelJob",
    params(("id" = Uuid, Path, description = "The job's id.")),
    responses((status = 202, description = "It was asked to end."), Wrong, Refused, Missing, Conflict))]
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

/// Lists what has been told of a job, the oldest first, as long as the log of the bus keeps it. To follow it live, `/api/v1/events` takes
/// its id as `subject`.
#[utoipa::path(get, path = "/api/v1/jobs/{id}/events", tag = "jobs", operation_id = "getJobEvents",
    params(("id" = Uuid, Path, description = "The job's id.")),
    responses((status = 200, description = "A page of envelopes.", body = HistoryPage), Wrong, Refused, Missing))]
pub(crate) async fn events(
    State(gateway): State<Gateway>,
    Extension(info): Extension<RequestInfo>,
    Path(id): Path<Uuid>,
    head: Parts,
) -> Response {
    let shared = &gateway.shared;
    let scopes = (Scope::JobsReadOwn, Scope::JobsReadAll);
    let told = async {
        let principal = shared.principal(&head, &info, &[]).await?;
        of(shared, &principal, id, scopes).await?;
        let query = crate::asked::Query {
            types: "job".into(),
            subject: id.to_string(),
            limit: Some(usize::MAX),
            ..crate::asked::Query::default()
        };
        history::page(shared, &query, &principal).await
    };
    history::answer(told.await)
}

/// The job of this id, if it is within reach: else it is as if there were none.
async fn reachable(
    shared: &Shared,
    head: &Parts,
    info: &RequestInfo,
    id: Uuid,
    scopes: (Scope, Scope),
) -> Result<Job, Failure> {
    let principal = shared.principal(head, info, &[]).await?;
    of(shared, &principal, id, scopes).await
}

async fn of(
    shared: &Shared,
    principal: &Principal,
    id: Uuid,
    (own, all): (Scope, Scope),
) -> Result<Job, Failure> {
    let owner = reach(principal, own, all)?;
    let job = shared.parts.jobs.get(id).await?;
    let ours = |job: &Job| {
        job.tenant == principal.tenant.as_str()
            && owner.as_ref().is_none_or(|owner| *owner == job.owner)
    };
    job.filter(ours).ok_or(Failure::NotFound)
}
