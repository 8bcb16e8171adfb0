//! Asking, and printing lists.

use std::fmt::Display;

use clap::Args;
use serde_json::Value;

use super::show::{Column, table, word};
use crate::access;
use crate::cli::Common;
use crate::control::{Job, ObserveJob};
use crate::layout::Layout;
use crate::output;

/// How a list is printed.
#[derive(Debug, Clone, Copy, Args)]
pub struct Form {
    /// Prints one JSON object
    #[arg(long)]
    pub json: bool,
    /// Prints CSV (RFC 4180) with a header row
    #[arg(long, conflicts_with = "json")]
    pub csv: bool,
}

/// A question: where, and with which parameters.
#[derive(Debug, Clone)]
pub struct Question {
    path: String,
    query: String,
}

impl Question {
    /// With these parts as its path.
    pub fn of(parts: &[&str]) -> Self {
        let parts: Vec<String> = parts.iter().map(|part| encoded(part)).collect();
        Self {
            path: parts.join("/"),
            query: String::new(),
        }
    }

    /// With one more parameter, if it has a value.
    pub fn with(mut self, name: &str, value: Option<impl Display>) -> Self {
        if let Some(value) = value {
            let mark = if self.query.is_empty() { "" } else { "&" };
            self.query.push_str(mark);
            self.query
                .push_str(&format!("{name}={}", encoded(&value.to_string())));
        }
        self
    }

    /// The job that asks it.
    pub fn job(self, csv: bool) -> ObserveJob {
        ObserveJob::Ask {
            path: self.path,
            query: self.query,
            csv,
        }
    }
}

/// A text percent-encoded (RFC 3986).
fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                out.push(char::from(byte));
            }
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// Has the running node do it, or this process where none runs.
pub async fn asked(common: &Common, job: ObserveJob) -> anyhow::Result<Value> {
    let loaded = common.load()?;
    let access = access::open(&Layout::new(&common.data), &loaded.config, false).await?;
    access.begin(Job::Observe(job), None).finish(|_| {}).await
}

/// Asks for a list and prints it.
pub async fn told(
    common: &Common,
    question: Question,
    form: Form,
    (rows, columns): (&str, &[Column]),
) -> anyhow::Result<()> {
    let answer = asked(common, question.job(form.csv)).await?;
    if let Value::String(csv) = &answer {
        return Ok(output::print(csv)?);
    }
    if form.json {
        return Ok(output::json(&answer)?);
    }
    let rows = answer.get(rows).and_then(Value::as_array);
    output::print(&table(rows.map(Vec::as_slice).unwrap_or_default(), columns))?;
    if answer.get("next").is_some_and(Value::is_string) {
        // Not on standard output: a table that is piped on has rows only.
        eprintln!("more: --after {}", word(&answer, "next"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn o4_2_what_is_asked_for_stays_in_its_place() {
        let question = Question::of(&["relays", "wss://a.example/b?c", "checks"])
            .with("text", Some("a&b=c"))
            .with("nip", None::<u32>);
        let ObserveJob::Ask { path, query, csv } = question.job(true) else {
            panic!("not a question");
        };
        assert_eq!(path, "relays/wss%3A%2F%2Fa.example%2Fb%3Fc/checks");
        assert_eq!((query.as_str(), csv), ("text=a%26b%3Dc", true));
    }
}
