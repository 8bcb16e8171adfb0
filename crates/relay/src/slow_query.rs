//! The log of slow queries (R8.6).

use std::fmt::Write;
use std::time::Duration;

use stentor_event::Filter;
use stentor_store::Explanation;
use stentor_trace::Trace;

use crate::state::{Settings, State};

/// What is logged of a query.
#[derive(Debug)]
struct SlowQuery<'a> {
    /// `REQ`, `COUNT` or `NEG-OPEN`.
    verb: &'static str,
    filters: &'a [Filter],
    /// Time spent on it, without what the client took.
    work: Duration,
    plan: Option<Explanation>,
    trace: &'a Trace,
}

impl State {
    /// Counts and logs a query if it took too long; `plan` is only asked for then.
    pub(crate) fn log_if_slow(
        &self,
        settings: &Settings,
        (verb, filters): (&'static str, &[Filter]),
        trace: &Trace,
        work: Duration,
        plan: impl FnOnce() -> Option<Explanation>,
    ) {
        let slow = settings.config.queries.slow_ms;
        if slow == 0 || work.as_millis() < u128::from(slow) {
            return;
        }
        self.metrics.slow();
        SlowQuery {
            verb,
            filters,
            work,
            plan: plan(),
            trace,
        }
        .log();
    }
}

impl SlowQuery<'_> {
    /// Writes it to the log with its plan. Values asked for are left out: they tell what a user is interested in.
    fn log(&self) {
        let plan = self
            .plan
            .as_ref()
            .and_then(|plan| serde_json::to_string(plan).ok())
            .unwrap_or_default();
        tracing::warn!(
            target: "stentor_relay::slow_query",
            verb = self.verb,
            work_ms = self.work.as_millis() as u64,
            filters = %shapes(self.filters),
            plan = %plan,
            trace_id = self.trace.id().map(tracing::field::display),
            "slow query"
        );
    }
}

/// The fields of the filters with the numbers of their values, such as `{authors:500 kinds:2 limit:100}`.
fn shapes(filters: &[Filter]) -> String {
    let mut text = String::new();
    for filter in filters {
        text.push_str(if text.is_empty() { "{" } else { " {" });
        shape(filter, &mut text);
        text.push('}');
    }
    text
}

fn shape(filter: &Filter, text: &mut String) {
    let mut field = |name: &str, value: Option<u64>| {
        if let Some(value) = value {
            let space = if text.ends_with('{') { "" } else { " " };
            // Writing to a string does not fail.
            let _ = write!(text, "{space}{name}:{value}");
        }
    };
    field("ids", filter.ids.as_ref().map(|list| list.len() as u64));
    field(
        "authors",
        filter.authors.as_ref().map(|list| list.len() as u64),
    );
    field("kinds", filter.kinds.as_ref().map(|list| list.len() as u64));
    for tag in &filter.tags {
        field(
            &format!("#{}", char::from(tag.letter)),
            Some(tag.values.len() as u64),
        );
    }
    let words = |search: &String| search.split_whitespace().count() as u64;
    field("search", filter.search.as_ref().map(words));
    field("since", filter.since.map(|time| time.0));
    field("until", filter.until.map(|time| time.0));
    field("limit", filter.limit);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r8_6_the_shape_tells_no_values() {
        let filters = [
            Filter::parse(br##"{"kinds":[1,7],"#t":["secret"],"limit":5}"##).unwrap(),
            Filter::parse(br#"{"since":3}"#).unwrap(),
            Filter::default(),
        ];
        assert_eq!(shapes(&filters), "{kinds:2 #t:1 limit:5} {since:3} {}");
    }
}
