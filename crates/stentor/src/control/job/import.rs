//! Taking events in.

use std::sync::Arc;

use anyhow::anyhow;
use serde_json::Value;

use super::{ImportJob, Link, Workshop};
use crate::filters;
use crate::import::Import;

pub async fn run(workshop: &Workshop, job: &ImportJob, link: Link) -> anyhow::Result<Value> {
    let mut rules = (workshop.rules)();
    rules.filters = filters::parse(&job.filters)?;
    rules.trusted = job.trusted;
    rules.access = workshop.records.existing().await?;
    let Link {
        input,
        progress,
        stop,
        ..
    } = link;
    let input = input.ok_or_else(|| anyhow!("an import without input"))?;
    let import = Import {
        store: Arc::clone(&workshop.store) as _,
        rules,
        skip: job.skip,
        stop,
    };
    let report = move |summary: &crate::import::Summary| super::report(&progress, summary);
    Ok(serde_json::to_value(import.run(input, report).await?)?)
}
