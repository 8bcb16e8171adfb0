//! The operations listener: liveness, readiness and metrics.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use http::{StatusCode, header};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use parking_lot::Mutex;
use serde::Serialize;

/// Upper bounds of the buckets of histograms whose name ends in `_seconds`.
const SECONDS: [f64; 14] = [
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0,
];
/// Upper bounds of the buckets of histograms whose name ends in `_rows` or `_frames`.
const COUNTS: [f64; 10] = [
    0.0, 1.0, 4.0, 16.0, 64.0, 256.0, 1024.0, 4096.0, 16384.0, 65536.0,
];

/// The state of something that serving depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Health {
    /// Not there yet (or not there any more, and being started again).
    Starting,
    /// Works.
    Ok,
    /// Works in part or slowly; requests are served.
    Degraded,
    /// Ends: send no new clients here.
    Draining,
}

impl Health {
    /// Whether new clients can be served.
    #[must_use]
    pub const fn is_ready(self) -> bool {
        matches!(self, Self::Ok | Self::Degraded)
    }
}

#[derive(Debug, Clone, Serialize)]
struct Entry {
    status: Health,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
}

/// The states of all dependencies. Cloning shares them.
#[derive(Debug, Clone, Default)]
pub struct Readiness {
    entries: Arc<Mutex<BTreeMap<String, Entry>>>,
}

impl Readiness {
    /// Nothing registered, hence ready.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the state of a dependency, new or known. The detail is public to who reaches the operations listener.
    pub fn set(&self, name: &str, status: Health, detail: Option<String>) {
        let mut entries = self.entries.lock();
        entries.insert(name.to_owned(), Entry { status, detail });
    }

    /// Forgets a dependency.
    pub fn remove(&self, name: &str) {
        self.entries.lock().remove(name);
    }

    /// The worst of all states; draining before starting before degraded.
    #[must_use]
    pub fn overall(&self) -> Health {
        let entries = self.entries.lock();
        let has = |health| entries.values().any(|entry| entry.status == health);
        let worst = [Health::Draining, Health::Starting, Health::Degraded]
            .into_iter()
            .find(|health| has(*health));
        worst.unwrap_or(Health::Ok)
    }

    fn response(&self) -> Response {
        #[derive(Serialize)]
        struct Report {
            status: Health,
            dependencies: BTreeMap<String, Entry>,
        }
        let status = self.overall();
        let report = Report {
            status,
            dependencies: self.entries.lock().clone(),
        };
        let code = if status.is_ready() {
            StatusCode::OK
        } else {
            StatusCode::SERVICE_UNAVAILABLE
        };
        (code, [(header::CACHE_CONTROL, "no-store")], Json(report)).into_response()
    }
}

/// Installs the process-wide metrics recorder. Call [`PrometheusHandle::run_upkeep`] from time to time.
///
/// # Errors
/// When a recorder is installed already.
pub fn install_metrics() -> Result<PrometheusHandle, BuildError> {
    let mut builder = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)?;
    for suffix in ["_rows", "_frames"] {
        builder = builder.set_buckets_for_metric(Matcher::Suffix(suffix.to_owned()), &COUNTS)?;
    }
    builder.install_recorder()
}

/// The routes: `/health/live`, `/health/ready`, `/metrics`.
pub fn router(readiness: Readiness, metrics: Option<PrometheusHandle>) -> Router {
    let ready = get(|State(readiness): State<Readiness>| async move { readiness.response() });
    let metrics = get(move || async move {
        let Some(metrics) = metrics else {
            return StatusCode::NOT_FOUND.into_response();
        };
        (
            [(
                header::CONTENT_TYPE,
                "text/plain; version=0.0.4; charset=utf-8",
            )],
            metrics.render(),
        )
            .into_response()
    });
    Router::new()
        .route(
            "/health/live",
            get(|| async {
                (
                    [(header::CACHE_CONTROL, "no-store")],
                    Json(serde_json::json!({"status": "ok"})),
                )
            }),
        )
        .route("/health/ready", ready)
        .route("/metrics", metrics)
        .with_state(readiness)
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use http::Request;
    use http_body_util::BodyExt;
    use tower::ServiceExt;

    use super::*;

    async fn ready(readiness: &Readiness) -> (StatusCode, serde_json::Value) {
        let request = Request::get("/health/ready").body(Body::empty()).unwrap();
        let response = router(readiness.clone(), None)
            .oneshot(request)
            .await
            .unwrap();
        let status = response.status();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&body).unwrap())
    }

    #[tokio::test]
    async fn r8_3_ready_only_when_all_are_ok_or_degraded() {
        let readiness = Readiness::new();
        readiness.set("store", Health::Starting, None);
        readiness.set("search", Health::Ok, None);
        assert_eq!(ready(&readiness).await.0, StatusCode::SERVICE_UNAVAILABLE);
        readiness.set("store", Health::Degraded, Some("slow".to_owned()));
        let (status, body) = ready(&readiness).await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(body["status"], "degraded");
        assert_eq!(body["dependencies"]["store"]["detail"], "slow");
        readiness.set("listener", Health::Draining, None);
        let (status, body) = ready(&readiness).await;
        assert_eq!(
            (status, &body["status"]),
            (StatusCode::SERVICE_UNAVAILABLE, &"draining".into())
        );
    }
}
