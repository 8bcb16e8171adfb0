//! The archive's tasks: turns, live subscriptions, retention, and what is counted.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use stentor_event::Filter;
use tokio::task::{Id, JoinSet};
use tokio::time::{Instant, sleep};

use super::agenda::{Candidate, Shares, choose};
use super::coverage_table::{FilterId, filter_id};
use super::due::{details, due, enlist};
use super::intake::Intake;
use super::settle::Desk;
use super::turn::turn;
use super::work::Work;
use super::{live, metrics, progress, retention, settle};
use crate::error::Error;
use crate::ground::Ground;
use crate::table::RelayId;

/// How often it is looked whose turn it is while places are free. In the system's time: a faster clock makes relays due sooner.
const LOOK: Duration = Duration::from_secs(1);
/// How long ended turns are waited for after one has ended, before the records are asked who is next.
const GATHER: Duration = Duration::from_millis(100);
/// How often what waits is told.
const TELL: Duration = Duration::from_secs(5);

/// Archives for ever.
///
/// # Errors
/// Those of the records and of the archive's store.
pub(crate) async fn run(ground: Arc<Ground>) -> Result<(), Error> {
    let intake = Arc::new(Intake::new(ground.clone()));
    let mut filters: Vec<(FilterId, Filter)> = Vec::new();
    for filter in ground.config.archive.filters() {
        let id = filter_id(&ground.records, filter.to_json()).await?;
        // Two that are written differently may be the same.
        if filters.iter().all(|(known, _)| *known != id) {
            filters.push((id, filter));
        }
    }
    let (desk, handed_in) = Desk::new();
    let work = Work {
        intake: intake.clone(),
        filters: filters.into(),
        desk,
    };
    let told = async {
        loop {
            metrics::intake(&intake);
            sleep(TELL).await;
        }
    };
    tokio::select! {
        // First, as who waits for it ends, too, without knowing why.
        biased;
        ended = settle::run(&ground, handed_in) => ended,
        ended = intake.follow_removals() => ended,
        ended = turns(&work) => ended,
        ended = live::run(&work) => ended,
        ended = retention::run(&ground) => ended,
        ended = progress::follow(&work) => ended,
        () = told => Ok(()),
    }
}

/// Gives relays their turns, as many at once as the configuration says.
async fn turns(work: &Work) -> Result<(), Error> {
    let ground = &work.intake.ground;
    let config = &ground.config.archive;
    let percent = ground.config.connections.first_percent;
    let shares = Shares::new(config.parallel, percent, !config.first.is_empty());
    let mut tasks: JoinSet<Result<(), Error>> = JoinSet::new();
    let mut running: HashMap<Id, Candidate> = HashMap::new();
    let mut enlisted: Option<Instant> = None;
    loop {
        if enlisted.is_none_or(|at| at.elapsed() >= LOOK) {
            while enlist(ground).await? {}
            enlisted = Some(Instant::now());
        }
        let places = shares.left(running.values());
        let mut begun = 0;
        if places.free > 0 {
            let busy: HashSet<RelayId> = running.values().map(|one| one.relay).collect();
            let waiting = due(ground, &busy).await?;
            let urls: HashMap<_, _> = waiting
                .iter()
                .map(|(one, url)| (one.relay, url.clone()))
                .collect();
            let waiting = waiting.into_iter().map(|(candidate, _)| candidate);
            for chosen in choose(waiting.collect(), places) {
                let Some(url) = urls.get(&chosen.relay).cloned() else {
                    continue;
                };
                let due = details(ground, &chosen, url).await?;
                let task = tasks.spawn(turn(work.clone(), due));
                running.insert(task.id(), chosen);
                begun += 1;
            }
        }
        metrics::turns(running.len());
        if begun > 0 {
            tracing::debug!(begun, running = running.len(), "turns of the archive");
        }
        let mut ended = tokio::select! {
            ended = tasks.join_next_with_id(), if !tasks.is_empty() => ended,
            () = ground.signals.relays.notified() => None,
            () = sleep(LOOK) => None,
        };
        // Asking the records takes longer than many a turn.
        sleep(GATHER).await;
        while let Some(one) = ended {
            let (id, done) =
                one.map_err(|error| Error::Invalid(format!("a turn of the archive: {error}")))?;
            running.remove(&id);
            done?;
            ended = tasks.try_join_next_with_id();
        }
    }
}
