//! One attempt: a message out, an answer in (G4.3, G5.4).

use std::time::Instant;

use http::HeaderMap;
use stentor_net::dial::{Family, Trust};
use stentor_net::http::{Excess, HttpError, Request, Response};

use super::clock::Clock;
use super::endpoint::Endpoint;
use super::ground::Ground;
use super::message::Message;
use super::retry_after::retry_after;
use super::schedule::Outcome;

/// What came of an attempt.
#[derive(Debug, Clone)]
pub(crate) struct Made {
    pub outcome: Outcome,
    /// When it began, in Unix milliseconds.
    pub at_ms: u64,
    pub latency_ms: u64,
    pub status: Option<u16>,
    /// A word for what went wrong, when there was no answer. Never the error itself: it could tell of inside networks.
    pub error: Option<&'static str>,
    /// The beginning of the answer's body.
    pub response: Vec<u8>,
    /// Whether the URL itself may not be dialed, whatever its name leads to.
    pub url_refused: bool,
}

/// Sends a message. The address is a stranger's: it is judged again each time, as what a name leads to can change.
pub(crate) async fn attempt(ground: &Ground, endpoint: &Endpoint, message: &Message) -> Made {
    let (dialer, config, clock) = (&ground.dialer, &ground.config, &ground.clock);
    let (at_ms, begun) = (clock.now_ms(), Instant::now());
    let mut made = Made {
        outcome: Outcome::Refused,
        at_ms,
        latency_ms: 0,
        status: None,
        error: None,
        response: Vec::new(),
        url_refused: false,
    };
    let Ok(target) = dialer.admit(&endpoint.url, Family::Web, Trust::Stranger) else {
        made.error = Some("refused");
        made.url_refused = true;
        return counted(made, begun);
    };
    let Some(headers) = signed(ground, endpoint, message, at_ms) else {
        // Nothing is sent unsigned; and as it is ours to mend, it is not the end.
        made.outcome = Outcome::Failed { retry_after: None };
        made.error = Some("secret");
        return counted(made, begun);
    };
    let request = Request::post(target, message.body.clone())
        .headers(headers)
        .within(config.timeout())
        .at_most(config.response_bytes, Excess::Cut);
    match dialer.request(&request).await {
        Ok(response) => answered(&mut made, &response, clock),
        Err(error) => failed(&mut made, &error),
    }
    counted(made, begun)
}

/// The headers, signed with what is in force.
fn signed(
    ground: &Ground,
    endpoint: &Endpoint,
    message: &Message,
    now_ms: u64,
) -> Option<HeaderMap> {
    let keys = endpoint.keys(&ground.vault, now_ms);
    let keys = keys.inspect_err(|error| {
        tracing::error!(%error, endpoint = %endpoint.id, "a webhook cannot be signed for");
    });
    message.headers(&keys.ok()?, now_ms / 1_000).ok()
}

fn answered(made: &mut Made, response: &Response, clock: &Clock) {
    let wish = retry_after(&response.headers, clock.now_ms());
    made.status = Some(response.status.as_u16());
    made.outcome = Outcome::of(response.status.as_u16(), wish);
    made.response = response.body.to_vec();
}

fn failed(made: &mut Made, error: &HttpError) {
    tracing::debug!(%error, "a webhook could not be sent to");
    made.error = Some(error.label());
    made.outcome = if error.is_permanent() {
        Outcome::Refused
    } else {
        Outcome::Failed { retry_after: None }
    };
}

fn counted(mut made: Made, begun: Instant) -> Made {
    let took = begun.elapsed();
    made.latency_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    let outcome = made.outcome.as_str();
    metrics::counter!("stentor_gateway_webhook_attempts_total", "outcome" => outcome).increment(1);
    metrics::histogram!("stentor_gateway_webhook_latency_seconds").record(took.as_secs_f64());
    made
}
