//! Bringing together what is here and at another relay.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use stentor_event::Filter;
use stentor_net::dial::Trust;
use stentor_peer::{AuthWhen, KeySigner, Signer};
use stentor_relay::sync::{self, Home, Remote, Tally};

use super::{Link, SyncJob, Workshop};
use crate::filters;
use crate::stop::wished;

/// How often it is told how far it has got.
const REPORT_EVERY: Duration = Duration::from_millis(250);

pub async fn run(workshop: &Workshop, job: SyncJob, link: Link) -> anyhow::Result<Value> {
    let mut filters = filters::parse(&job.filters)?;
    if filters.is_empty() {
        filters.push(Filter::default());
    }
    let abroad = (workshop.abroad)()?;
    let access = workshop.records.access().await?;
    let store = Arc::clone(&workshop.store);
    let home = Home::new(store, access, Arc::clone(&abroad.rules), abroad.sizes);
    let signer = job
        .auth
        .then(|| Arc::new(KeySigner(abroad.key.clone())) as Arc<dyn Signer>);
    let remote = Remote {
        dialer: abroad.outbound.dialer.clone(),
        url: job.url.clone(),
        trust: Trust::Operator,
        config: stentor_peer::Config {
            auth: if job.auth {
                AuthWhen::Required
            } else {
                AuthWhen::Never
            },
            ..abroad.outbound.peer.clone()
        },
        signer,
    };
    let work = sync::Job {
        filters,
        direction: job.direction,
        include_private: job.include_private,
        method: job.method,
        fresh: job.fresh,
        config: abroad.outbound.sync.clone(),
    };
    let tally = Tally::default();
    let stopped = {
        let mut stop = link.stop.clone();
        let running = sync::sync(&remote, &home, &work, &tally);
        tokio::pin!(running);
        let mut ticks = tokio::time::interval(REPORT_EVERY);
        loop {
            tokio::select! {
                result = &mut running => {
                    result?;
                    break false;
                }
                _ = ticks.tick() => link.report(&tally.summary()),
                () = wished(&mut stop) => break true,
            }
        }
    };
    let mut summary = tally.summary();
    summary.stopped = stopped;
    Ok(serde_json::to_value(summary)?)
}
