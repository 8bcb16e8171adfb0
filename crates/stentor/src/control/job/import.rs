//! Taking events in.

use std::sync::Arc;

use anyhow::anyhow;
use serde_json::Value;
use stentor_event::Event;
use stentor_relay::access::Access;
use stentor_relay::config::SourceType;

use super::{ImportJob, Link, Workshop};
use crate::filters;
use crate::import::{Bans, Import, Plugins};

pub async fn run(workshop: &Workshop, job: &ImportJob, link: Link) -> anyhow::Result<Value> {
    let mut rules = (workshop.rules)();
    rules.filters = filters::parse(&job.filters)?;
    rules.trusted = job.trusted;
    rules.bans = workshop.records.existing().await?.map(bans);
    let plugins = plugins(workshop, &job.name)?;
    rules.early = plugins.is_some();
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
        plugins,
        skip: job.skip,
        stop,
    };
    let report = move |summary: &crate::import::Summary| super::report(&progress, summary);
    Ok(serde_json::to_value(import.run(input, report).await?)?)
}

/// The plugins of the running relay that want to be asked about imports, if there are any.
fn plugins(workshop: &Workshop, name: &str) -> anyhow::Result<Option<Plugins>> {
    let relay = (workshop.abroad)()?.relay;
    let relay = relay.filter(|relay| relay.asks_plugins(SourceType::Import));
    let what = name.into();
    Ok(relay.map(|relay| Plugins { relay, what }))
}

/// What is banned now.
fn bans(access: Arc<Access>) -> Bans {
    Arc::new(move |event: &Event| access.lists().bars(event))
}
