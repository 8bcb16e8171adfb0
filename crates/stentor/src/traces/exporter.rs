//! Takes traces from the queue and sends them, as many at once as there are, again and again until the collector has them.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use metrics::counter;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use opentelemetry_proto::tonic::resource::v1::Resource;
use prost::Message;
use stentor_net::dial::{Dialer, Target};
use stentor_net::http::{Excess, HeaderValue, Request, StatusCode, header};
use stentor_serve::supervisor::Stop;
use stentor_trace::Record;
use tokio::sync::{Mutex, mpsc};
use tokio::time::{Instant, timeout, timeout_at};
use tracing::{info, warn};

use super::outage::Outage;
use super::{encode, headers};
use crate::config::{Config, TraceConfig};

/// Most traces in one request.
const BATCH: usize = 512;
/// How long the first of a request waits for others.
const GATHER: Duration = Duration::from_secs(2);
/// How long one request may take.
const EXCHANGE: Duration = Duration::from_secs(10);
/// How long sending what is left may take at the end.
const FLUSH: Duration = Duration::from_millis(1_500);
/// Bytes of an answer that are read.
const ANSWER: usize = 16 << 10;

/// Sends traces to the collector.
pub struct Exporter {
    /// Taken by the task that runs; another one takes it over when that has failed.
    records: Mutex<mpsc::Receiver<Record>>,
    dialer: Dialer,
    target: Target,
    headers_file: Option<PathBuf>,
    resource: Resource,
}

/// What the collector makes of a request.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    /// It has the spans, but for so many.
    Taken(u64),
    /// It does not want them, and will not.
    Refused(String),
    /// It may take them later.
    Later(String),
}

impl Exporter {
    /// Has messages traced from now on, if the configuration wants it.
    ///
    /// # Errors
    /// An endpoint that may not be dialed, and no randomness.
    pub fn start(config: &Config, dialer: &Dialer) -> anyhow::Result<Option<Self>> {
        let TraceConfig {
            sample,
            service_name,
            headers_file,
            queue,
            ..
        } = &config.trace;
        if !config.trace.is_on() {
            return Ok(None);
        }
        let target = config.trace.target(&config.outbound.rules()?);
        let target = target.context("trace.otlp_endpoint")?;
        let instance = format!("{:016x}", getrandom::u64().context("no randomness")?);
        info!(instance, endpoint = target.url(), "traces are sent");
        let exporter = |records| Self {
            records: Mutex::new(records),
            dialer: dialer.clone(),
            target,
            headers_file: headers_file.clone(),
            resource: encode::resource(service_name, &instance),
        };
        Ok(stentor_trace::install(*sample, *queue).map(exporter))
    }

    /// Sends until it is to stop; then what is left, within a time limit.
    pub async fn run(&self, mut stop: Stop) {
        let mut records = self.records.lock().await;
        let (mut batch, mut outage) = (Vec::new(), Outage::new());
        loop {
            tokio::select! {
                () = gather(&mut records, &mut batch) => {}
                () = stop.requested() => break,
            }
            tokio::select! {
                () = self.deliver(&batch, &mut outage) => batch.clear(),
                () = stop.requested() => break,
            }
        }
        while let Ok(record) = records.try_recv() {
            batch.push(record);
        }
        self.flush(&batch).await;
    }

    /// Sends a batch until the collector has it or refuses it.
    async fn deliver(&self, batch: &[Record], outage: &mut Outage) {
        let body = encode::body(&self.resource, batch);
        loop {
            let (why, again) = match self.send(body.clone()).await {
                Verdict::Taken(rejected) => {
                    if outage.worked() {
                        info!("the collector takes traces again");
                    }
                    let sent = spans(batch).saturating_sub(rejected);
                    counter!("stentor_trace_exported_total").increment(sent);
                    dropped("refused", rejected);
                    return;
                }
                Verdict::Refused(why) => (why, false),
                Verdict::Later(why) => (why, true),
            };
            counter!("stentor_trace_export_failures_total").increment(1);
            let random = getrandom::u64().unwrap_or(u64::MAX);
            let (wait, news) = outage.failed(random);
            if news {
                warn!(error = why, "the collector does not take traces");
            }
            if !again {
                return dropped("refused", spans(batch));
            }
            tokio::time::sleep(wait).await;
        }
    }

    /// One attempt for each batch, all within one time limit. What is not taken is dropped.
    async fn flush(&self, left: &[Record]) {
        let deadline = Instant::now() + FLUSH;
        for batch in left.chunks(BATCH) {
            let body = encode::body(&self.resource, batch);
            let sent = timeout_at(deadline, self.send(body)).await;
            match sent {
                Ok(Verdict::Taken(_)) => {
                    counter!("stentor_trace_exported_total").increment(spans(batch));
                }
                Ok(_) | Err(_) => dropped("shutdown", spans(batch)),
            }
        }
    }

    /// One attempt.
    async fn send(&self, body: Vec<u8>) -> Verdict {
        // Read each time, so that a secret can be changed while the node runs.
        let file = self.headers_file.clone();
        let read = tokio::task::spawn_blocking(move || headers::read(file.as_deref())).await;
        let mut headers = match read {
            Ok(Ok(headers)) => headers,
            Ok(Err(why)) => return Verdict::Later(why),
            Err(error) => return Verdict::Later(error.to_string()),
        };
        let protobuf = HeaderValue::from_static("application/x-protobuf");
        headers.insert(header::CONTENT_TYPE, protobuf);
        let request = Request::post(self.target.clone(), body)
            .headers(headers)
            .within(EXCHANGE)
            .at_most(ANSWER, Excess::Cut);
        match self.dialer.request(&request).await {
            Ok(response) => verdict(response.status, &response.body),
            Err(error) => Verdict::Later(error.to_string()),
        }
    }
}

/// What an answer means, by "OTLP/HTTP Response" of the specification.
fn verdict(status: StatusCode, body: &[u8]) -> Verdict {
    let why = || format!("it answers {status}");
    match status.as_u16() {
        200..=299 => {
            let answer = ExportTraceServiceResponse::decode(body).unwrap_or_default();
            let partial = answer.partial_success.unwrap_or_default();
            Verdict::Taken(u64::try_from(partial.rejected_spans).unwrap_or(0))
        }
        429 | 502 | 503 | 504 => Verdict::Later(why()),
        _ => Verdict::Refused(why()),
    }
}

/// Waits for a record, and a moment for more, up to a whole batch.
async fn gather(records: &mut mpsc::Receiver<Record>, batch: &mut Vec<Record>) {
    let Some(first) = records.recv().await else {
        // Whoever records never goes away.
        return std::future::pending().await;
    };
    batch.push(first);
    let more = async {
        while batch.len() < BATCH
            && let Some(record) = records.recv().await
        {
            batch.push(record);
        }
    };
    // What has come when the time is up is enough.
    let _ = timeout(GATHER, more).await;
}

fn spans(records: &[Record]) -> u64 {
    records.iter().map(|record| record.spans() as u64).sum()
}

fn dropped(reason: &'static str, spans: u64) {
    if spans > 0 {
        counter!("stentor_trace_dropped_total", "reason" => reason).increment(spans);
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::collector::trace::v1::ExportTracePartialSuccess;

    use super::*;

    #[test]
    fn p3_only_what_the_specification_names_is_sent_again() {
        let of = |status: u16| verdict(StatusCode::from_u16(status).unwrap(), b"");
        assert_eq!(of(200), Verdict::Taken(0));
        for status in [429, 502, 503, 504] {
            assert!(matches!(of(status), Verdict::Later(_)), "{status}");
        }
        for status in [301, 400, 401, 404, 500] {
            assert!(matches!(of(status), Verdict::Refused(_)), "{status}");
        }
    }

    #[test]
    fn p3_what_is_taken_in_part_is_counted_in_part() {
        let answer = |rejected_spans| ExportTraceServiceResponse {
            partial_success: Some(ExportTracePartialSuccess {
                rejected_spans,
                error_message: "too old".into(),
            }),
        };
        let of =
            |answer: ExportTraceServiceResponse| verdict(StatusCode::OK, &answer.encode_to_vec());
        assert_eq!(of(answer(3)), Verdict::Taken(3));
        assert_eq!(of(answer(-1)), Verdict::Taken(0));
        assert_eq!(verdict(StatusCode::OK, b"\xff"), Verdict::Taken(0));
    }
}
