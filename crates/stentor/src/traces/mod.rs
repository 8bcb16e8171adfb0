//! Traces on their way to a collector: OTLP over HTTP (<https://opentelemetry.io/docs/specs/otlp/#otlphttp>).

mod encode;
mod exporter;
pub mod headers;
mod outage;

pub use exporter::Exporter;
