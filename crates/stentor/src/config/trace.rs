//! The `[trace]` section.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use stentor_net::dial::{Family, Refusal, Rules, Target, Trust};

/// Traces: what became of single messages, step by step, sent to a collector of OpenTelemetry. Takes effect with a restart.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TraceConfig {
    /// URL of a collector that takes OTLP over HTTP, such as `http://127.0.0.1:4318`; traces go to `/v1/traces` below it. An
    /// empty text: there are no traces.
    pub otlp_endpoint: String,
    /// Share of the messages and HTTP requests of clients that is traced, from 0 to 1. The program's own jobs, of which there
    /// are few, are traced all.
    pub sample: f64,
    /// What the collector is to call this service (`service.name`).
    pub service_name: String,
    /// File with headers for the collector, such as `Authorization: Bearer …`, one a line. It is read anew for each request.
    pub headers_file: Option<PathBuf>,
    /// Most traces that wait to be sent; further ones are dropped, and counted in `stentor_trace_dropped_total`.
    #[schemars(range(min = 1, max = 1_048_576))]
    pub queue: usize,
}

impl Default for TraceConfig {
    fn default() -> Self {
        Self {
            otlp_endpoint: String::new(),
            sample: 0.01,
            service_name: "stentor".to_owned(),
            headers_file: None,
            queue: 2_048,
        }
    }
}

impl TraceConfig {
    /// Whether there are traces.
    pub fn is_on(&self) -> bool {
        !self.otlp_endpoint.is_empty()
    }

    /// Where traces are sent to.
    ///
    /// # Errors
    /// Why the URL may not be dialed.
    pub fn target(&self, rules: &Rules) -> Result<Target, Refusal> {
        let url = format!("{}/v1/traces", self.otlp_endpoint.trim_end_matches('/'));
        Target::parse(&url, Family::Web, Trust::Operator, rules)
    }

    /// Faults that the types do not show. Without rules for dialing, which have faults of their own then, the URL is not looked at.
    pub fn check(&self, rules: Option<&Rules>) -> Vec<(String, String)> {
        let mut faults = Vec::new();
        let mut fault = |key: &str, message: String| faults.push((format!("trace.{key}"), message));
        if self.otlp_endpoint.contains(['?', '#']) {
            fault(
                "otlp_endpoint",
                "must have neither a query nor a fragment".to_owned(),
            );
        } else if let Some(rules) = rules.filter(|_| self.is_on())
            && let Err(refusal) = self.target(rules)
        {
            fault("otlp_endpoint", refusal.to_string());
        }
        if !(0.0..=1.0).contains(&self.sample) {
            fault("sample", "must be from 0 to 1".to_owned());
        }
        if self.service_name.is_empty() {
            fault("service_name", "must not be empty".to_owned());
        }
        faults
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(config: &TraceConfig) -> Vec<String> {
        let found = config.check(Some(&Rules::default())).into_iter();
        found.map(|(key, _)| key).collect()
    }

    #[test]
    fn p3_an_endpoint_is_a_url_that_the_operator_may_dial() {
        let at = |url: &str| TraceConfig {
            otlp_endpoint: url.to_owned(),
            ..TraceConfig::default()
        };
        assert!(faults(&TraceConfig::default()).is_empty());
        for url in ["http://127.0.0.1:4318", "https://otel.example.com/tenant/"] {
            assert_eq!(faults(&at(url)), Vec::<String>::new(), "{url}");
        }
        for url in [
            "127.0.0.1:4318",
            "grpc://collector:4317",
            "http://user:word@collector",
            "http://c?x=1",
        ] {
            assert_eq!(faults(&at(url)), ["trace.otlp_endpoint"], "{url}");
        }
        let target = at("https://otel.example.com/tenant/").target(&Rules::default());
        assert_eq!(
            target.unwrap().url(),
            "https://otel.example.com/tenant/v1/traces"
        );
    }

    #[test]
    fn p3_a_share_is_from_nothing_to_all() {
        for (sample, fits) in [
            (0.0, true),
            (1.0, true),
            (1.01, false),
            (-0.1, false),
            (f64::NAN, false),
        ] {
            let config = TraceConfig {
                sample,
                ..TraceConfig::default()
            };
            assert_eq!(faults(&config).is_empty(), fits, "{sample}");
        }
    }
}
