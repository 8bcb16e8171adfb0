//! Records as OTLP writes them.

use std::time::{Duration, UNIX_EPOCH};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use prost::Message;
use stentor_trace::{Record, Value};

const VERSION: &str = env!("CARGO_PKG_VERSION");
/// The trace flag of W3C Trace Context by which a trace is recorded.
const SAMPLED: u32 = 1;

/// Who says all this: a service, and which process of it.
pub fn resource(service: &str, instance: &str) -> Resource {
    let attributes = [
        ("service.name", service),
        ("service.version", VERSION),
        ("service.instance.id", instance),
    ];
    let text = |(key, text): (&str, &str)| attribute(key, Any::StringValue(text.to_owned()));
    Resource {
        attributes: attributes.map(text).to_vec(),
        ..Resource::default()
    }
}

/// The body of one request.
pub fn body(resource: &Resource, records: &[Record]) -> Vec<u8> {
    let scope = InstrumentationScope {
        name: "stentor".to_owned(),
        version: VERSION.to_owned(),
        ..InstrumentationScope::default()
    };
    let spans = ScopeSpans {
        scope: Some(scope),
        spans: records.iter().flat_map(spans).collect(),
        ..ScopeSpans::default()
    };
    let request = ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            resource: Some(resource.clone()),
            scope_spans: vec![spans],
            ..ResourceSpans::default()
        }],
    };
    request.encode_to_vec()
}

fn spans(record: &Record) -> impl Iterator<Item = Span> + '_ {
    let begun = record.begun.duration_since(UNIX_EPOCH).unwrap_or_default();
    let kind = if record.asked {
        SpanKind::Server
    } else {
        SpanKind::Internal
    };
    let root = Span {
        kind: kind.into(),
        ..span(record, &record.root, begun)
    };
    let children = record.children.iter().map(move |child| Span {
        parent_span_id: record.root.id.bytes().to_vec(),
        kind: SpanKind::Internal.into(),
        ..span(record, child, begun)
    });
    std::iter::once(root).chain(children)
}

fn span(record: &Record, span: &stentor_trace::Span, begun: Duration) -> Span {
    let from = begun + span.after;
    let attributes = span.attributes.iter().map(|(key, value)| {
        let value = match *value {
            Value::Word(word) => Any::StringValue(word.to_owned()),
            Value::Number(number) => Any::IntValue(number),
            Value::Switch(switch) => Any::BoolValue(switch),
        };
        attribute(key, value)
    });
    Span {
        trace_id: record.id.bytes().to_vec(),
        span_id: span.id.bytes().to_vec(),
        flags: SAMPLED,
        name: span.name.to_owned(),
        start_time_unix_nano: nanos(from),
        end_time_unix_nano: nanos(from + span.took),
        attributes: attributes.collect(),
        status: span.failed.then(|| Status {
            message: String::new(),
            code: StatusCode::Error.into(),
        }),
        ..Span::default()
    }
}

/// Nanoseconds since 1970, which fit until 2554.
fn nanos(since: Duration) -> u64 {
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

fn attribute(key: &str, value: Any) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { value: Some(value) }),
        ..KeyValue::default()
    }
}
