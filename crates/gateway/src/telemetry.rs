//! `POST /api/v1/telemetry`: what clients have counted on their side (G7), which nobody else can know: how often they had to come back,
//! what they were given twice.
//!
//! Published as sums over all clients. Who reports may lie: a report is bounded, so is how often one may come, and nothing but
//! metrics is made of it.
//!
//! * `stentor_gateway_client_reports_total{outcome}`: reports: `ok`, `refused` (scope, body), `limited` (too often);
//! * `stentor_gateway_client_counts_total{what}`: what they add up to, by the names of [`Report`];
//! * `stentor_gateway_client_latency_seconds`: from an envelope's time to the client, by both sides' clocks.

use std::time::{Duration, Instant};

use axum::Extension;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::request::Parts;
use metrics::{counter, histogram};
use serde::Deserialize;
use serde_json::{Map, Value};
use stentor_auth::Scope;
use stentor_net::limit::{KeyedLimiter, Rate};
use stentor_serve::{Refusal, RequestInfo};
use utoipa::ToSchema;

use crate::failure::Failure;
use crate::reference::{Refused, TooMany, Wrong};
use crate::state::{Gateway, Shared};

/// Bytes of a report.
const LONGEST: usize = 4 << 10;
/// The most that one number of a report may be.
const MOST: u32 = 1_000_000;
/// The most that a latency may be, in milliseconds: what is older was not delivered but fetched.
const MOST_LATENCY: f64 = 60_000.0;
/// Reports of one principal: one a second in the long run, and so many at once.
const BURST: u32 = 30;
/// Principals whose rate is remembered.
const REMEMBERED: usize = 16_384;

/// What happened since the client's last report. All fields may be left out; others there are not.
#[derive(Debug, Default, Clone, PartialEq, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Report {
    /// Envelopes that it was given.
    received: u32,
    /// Times that it had to connect anew.
    reconnects: u32,
    /// Times that something could not be told: `lagged` and `resync_required`.
    gaps: u32,
    /// Envelopes that it was given again.
    duplicates: u32,
    /// The age of the last envelope when it arrived, in milliseconds.
    latency_ms: Option<f64>,
}

impl Report {
    /// Reads a report; what is wrong with it, if it is none.
    fn parse(body: &[u8]) -> Result<Self, String> {
        // A derived reader would take a list of numbers as well.
        let object: Map<String, Value> =
            serde_json::from_slice(body).map_err(|error| error.to_string())?;
        let report: Self =
            serde_json::from_value(object.into()).map_err(|error| error.to_string())?;
        if report.counts().iter().any(|(_, count)| *count > MOST) {
            return Err(format!("no number is above {MOST}"));
        }
        let latency = report.latency_ms.unwrap_or_default();
        if !(0.0..=MOST_LATENCY).contains(&latency) {
            return Err(format!("latency_ms is from 0 to {MOST_LATENCY}"));
        }
        Ok(report)
    }

    const fn counts(&self) -> [(&'static str, u32); 4] {
        [
            ("received", self.received),
            ("reconnects", self.reconnects),
            ("gaps", self.gaps),
            ("duplicates", self.duplicates),
        ]
    }

    fn publish(&self) {
        for (what, count) in self.counts() {
            counter!("stentor_gateway_client_counts_total", "what" => what).increment(count.into());
        }
        if let Some(latency) = self.latency_ms {
            histogram!("stentor_gateway_client_latency_seconds").record(latency / 1_000.0);
        }
    }
}

/// How often principals report.
pub(crate) struct Reports {
    made: KeyedLimiter<String>,
    begun: Instant,
}

impl Reports {
    pub fn new() -> Self {
        Self {
            made: KeyedLimiter::new(REMEMBERED),
            begun: Instant::now(),
        }
    }

    fn take(&self, whose: &str, since: Duration) -> bool {
        let rate = Rate::per_second(1).with_burst(BURST);
        self.made.take(&whose.to_owned(), rate, since, 1).is_ok()
    }
}

/// What bounds the body of a report.
pub(crate) fn bounded() -> DefaultBodyLimit {
    DefaultBodyLimit::max(LONGEST)
}

/// Takes what a client has counted on its side since its last report: added up over all clients, for the operator's metrics.
#[utoipa::path(post, path = "/api/v1/telemetry", tag = "events", operation_id = "reportTelemetry", request_body = Report,
    responses((status = 204, description = "It was counted."), Wrong, Refused, TooMany))]
pub(crate) async fn report(
    State(gateway): State<Gateway>,
    Extension(info): Extension<RequestInfo>,
    head: Parts,
    body: Bytes,
) -> Response {
    match take(&gateway.shared, &head, &info, &body).await {
        Ok(report) => {
            report.publish();
            told("ok");
            StatusCode::NO_CONTENT.into_response()
        }
        Err(refused) => *refused,
    }
}

async fn take(
    shared: &Shared,
    head: &Parts,
    info: &RequestInfo,
    body: &[u8],
) -> Result<Report, Box<Response>> {
    let refused = |response: Response| {
        told("refused");
        Box::new(response)
    };
    let principal = shared.principal(head, info, body).await;
    let principal = principal.map_err(|failure| refused(failure.into_response()))?;
    if !principal.scopes.allow(Scope::TelemetryWrite) {
        let needed = Failure::Scope(Scope::TelemetryWrite.as_str());
        return Err(refused(needed.into_response()));
    }
    let whose = format!("{}/{}", principal.tenant, principal.subject);
    let reports = &shared.reports;
    if !reports.take(&whose, reports.begun.elapsed()) {
        told("limited");
        let refusal = Refusal::new(StatusCode::TOO_MANY_REQUESTS, "reports come too often");
        return Err(Box::new(refusal.retry_after(1).into_response()));
    }
    Report::parse(body)
        .map_err(|detail| refused(Refusal::new(StatusCode::BAD_REQUEST, detail).into_response()))
}

fn told(outcome: &'static str) {
    counter!("stentor_gateway_client_reports_total", "outcome" => outcome).increment(1);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn g7_a_report_has_known_names_and_bounded_numbers() {
        let report = Report::parse(br#"{"reconnects":2,"latency_ms":12.5}"#).unwrap();
        assert_eq!((report.reconnects, report.latency_ms), (2, Some(12.5)));
        assert_eq!(Report::parse(b"{}"), Ok(Report::default()));
        for wrong in [
            "",
            "[]",
            r#"{"reconnects":-1}"#,
            r#"{"reconnects":1000001}"#,
            r#"{"latency_ms":-0.1}"#,
            r#"{"latency_ms":60001}"#,
            r#"{"user":"alice"}"#,
            r#"{"gaps":"1"}"#,
        ] {
            assert!(Report::parse(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn g7_each_principal_reports_at_its_own_rate() {
        let (reports, now) = (Reports::new(), Duration::from_secs(100));
        let taken = (0..100).filter(|_| reports.take("a", now)).count();
        assert_eq!(taken, BURST as usize);
        assert!(reports.take("b", now));
        assert!(reports.take("a", now + Duration::from_secs(1)));
    }
}
