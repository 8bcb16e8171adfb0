//! `stentor explain`.

use std::fmt::Write as _;

use clap::Args;
use serde_json::Value;

use crate::access;
use crate::cli::Common;
use crate::control::{Explained, Job};
use crate::layout::Layout;
use crate::output::{self, bytes, grouped};

/// Tells how a query is answered: the index chosen and why, and what it cost to run it (at most 5,000 events a filter,
/// seen as the operator sees them).
#[derive(Debug, Args)]
pub struct Explain {
    /// The filters (NIP-01, as JSON); several are one query
    #[arg(required = true, value_name = "FILTER")]
    filters: Vec<String>,
    /// Only plans, without running it
    #[arg(long)]
    plan_only: bool,
    /// Prints one JSON object
    #[arg(long)]
    json: bool,
}

impl Explain {
    pub async fn run(self, common: &Common) -> anyhow::Result<()> {
        let loaded = common.load()?;
        crate::filters::parse(&self.filters)?;
        let access = access::open(&Layout::new(&common.data), &loaded.config, false).await?;
        let job = Job::Explain {
            filters: self.filters,
            run: !self.plan_only,
        };
        let result = access.begin(job, None).finish(|_| {}).await?;
        if self.json {
            return Ok(output::json(&result)?);
        }
        Ok(output::print(&describe(&serde_json::from_value(result)?))?)
    }
}

fn describe(explained: &Explained) -> String {
    let mut text = String::new();
    let plans = explained
        .plan
        .get("filters")
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default();
    for (index, plan) in plans.iter().enumerate() {
        let word = |name: &str| plan.get(name).and_then(Value::as_str).unwrap_or("-");
        let number =
            |name: &str| grouped(plan.get(name).and_then(Value::as_u64).unwrap_or_default());
        let _ = writeln!(text, "filter {}", index + 1);
        let _ = writeln!(text, "  index     {}", word("index"));
        let _ = writeln!(text, "  because   {}", word("reason"));
        let _ = writeln!(text, "  cursors   {}", number("cursors"));
        let _ = writeln!(text, "  estimate  {} entries", number("estimate"));
        if explained.run.is_some() {
            let _ = writeln!(text, "  rows      {}", number("rows"));
            let _ = writeln!(text, "  end       {}", word("end"));
        }
    }
    if let Some(cost) = &explained.run {
        let _ = writeln!(
            text,
            "cost: {} rows for {} events ({}); first after {} µs, all after {} µs",
            grouped(cost.rows),
            grouped(cost.events),
            bytes(cost.bytes),
            grouped(cost.first_us),
            grouped(cost.total_us)
        );
    }
    text
}
