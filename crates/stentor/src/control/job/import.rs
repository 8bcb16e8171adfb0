//! Taking events in.

use std::sync::Arc;

use anyhow::anyhow;
use serde_json::Value;

use super::{ImportJob, Link, Workplace};
use crate::filters;
use crate::import::Import;

pub async fn run(workplace: &Workplace, job: &ImportJob, link: Link) -> anyhow::Result<Value> {
    let mut rules = (workplace.rules)();
    rules.filters = filters::parse(&job.filters)?;
    rules.trusted = job.trusted;
    let Link {
        input,
        progress,
        stop,
        ..
    } = link;
    let input = input.ok_or_else(|| anyhow!("an import without input"))?;
    let import = Import {
        store: Arc::clone(&workplace.store) as _,
        rules,
        skip: job.skip,
        stop,
    };
    let report = move |summary: &crate::import::Summary| super::report(&progress, summary);
    Ok(serde_json::to_value(import.run(input, report).await?)?)
}
