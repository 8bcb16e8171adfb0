//! Which node works on which endpoint: a lease in the records, renewed while the node lives, taken over when it has ended.
//!
//! Leases are compared with the clocks of the nodes, which have to agree to within a few seconds. Where they do not, an endpoint may be
//! worked on twice for a moment, and receives doubles; what the former one would write is refused, as the lease is not its own any more.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use stentor_sql::{Error, Row, Transaction};
use tokio::sync::watch;
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::{MissedTickBehavior, interval};
use uuid::Uuid;

use super::Webhooks;
use super::ground::Ground;
use super::table::endpoints::{self, Held};
use super::worker::{Order, work};

/// How often it is looked for new endpoints, changed ones, and leases that have ended.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long a lease holds, in milliseconds.
const LEASE: u64 = 30_000;
/// A lease is renewed when it holds for less than this.
const RENEW: u64 = 20_000;
/// Leases that are taken or renewed in one transaction.
const AT_ONCE: usize = 200;

/// A worker, as whoever gives it orders sees it.
struct Worker {
    version: i64,
    order: watch::Sender<Order>,
}

/// The endpoints that this run of the node works on.
struct Leases {
    ground: Arc<Ground>,
    /// What this run is called: another one of the same node has another name.
    run: String,
    workers: HashMap<Uuid, Worker>,
    tasks: JoinSet<()>,
    /// Which endpoint a task works on.
    names: HashMap<Id, Uuid>,
    /// Whether leases of earlier runs of this node are taken over, which ended with their process.
    is_first: bool,
}

impl Webhooks {
    /// Sends, until `stop` completes; then what is under way is brought to its end, within the time that an attempt may take. When the future
    /// is dropped, it ends at once, and what was under way is sent again later.
    pub async fn run(&self, stop: impl Future<Output = ()>) {
        let ground = &self.ground;
        let mut leases = Leases {
            ground: Arc::clone(ground),
            run: format!("{}/{}", ground.node, Uuid::from_u128(rand())),
            workers: HashMap::new(),
            tasks: JoinSet::new(),
            names: HashMap::new(),
            is_first: true,
        };
        let mut ticks = interval(LOOK_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut stop = std::pin::pin!(stop);
        loop {
            tokio::select! {
                () = &mut stop => break,
                _ = ticks.tick() => {}
                () = ground.changed.notified() => {}
                Some(ended) = leases.tasks.join_next_with_id() => leases.ended(ended),
            }
            if let Err(error) = leases.look().await {
                tracing::warn!(%error, "webhooks cannot be read from the records");
                metrics::counter!("stentor_gateway_webhook_errors_total").increment(1);
            }
        }
        leases.end().await;
    }
}

/// A number that no other run has.
fn rand() -> u128 {
    let mut bytes = [0; 16];
    // Without randomness the time tells runs apart.
    if getrandom::fill(&mut bytes).is_err() {
        return std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap_or_default()
            .as_nanos();
    }
    u128::from_be_bytes(bytes)
}

impl Leases {
    /// Looks once: takes what is free, renews what is held, and tells the workers what has changed.
    async fn look(&mut self) -> Result<(), Error> {
        while let Some(ended) = self.tasks.try_join_next_with_id() {
            self.ended(ended);
        }
        let rows: Vec<Row> = self.ground.records.fetch_all(endpoints::ACTIVE, ()).await?;
        let active: Result<Vec<Held>, Error> = rows.iter().map(endpoints::active).collect();
        let active = active?;
        let now = self.ground.clock.now_ms();
        let due: Vec<Held> = active
            .iter()
            .filter(|held| self.is_due(held, now))
            .cloned()
            .collect();
        let mut held: HashMap<Uuid, &Held> = active
            .iter()
            .filter(|held| held.run.as_deref() == Some(&self.run))
            .map(|held| (held.id, held))
            .collect();
        for some in due.chunks(AT_ONCE) {
            let taken = self.lease(some.to_vec(), now + LEASE).await?;
            held.extend(
                some.iter()
                    .filter(|one| taken.contains(&one.id))
                    .map(|one| (one.id, one)),
            );
        }
        self.is_first = false;
        self.tell(&held);
        self.start(&held).await
    }

    /// Whether a lease is to be taken or renewed.
    fn is_due(&self, held: &Held, now: u64) -> bool {
        if held.run.as_deref() == Some(&self.run) {
            return held.until < now + RENEW;
        }
        let of_earlier_run = self.is_first && held.node.as_deref() == Some(&self.ground.node);
        held.run.is_none() || held.until <= now || of_earlier_run
    }

    async fn lease(&self, due: Vec<Held>, until: u64) -> Result<Vec<Uuid>, Error> {
        let (node, run) = (self.ground.node.clone(), self.run.clone());
        let leased = self.ground.records.write(move |tx: &mut Transaction<'_>| {
            let mut taken = Vec::with_capacity(due.len());
            for held in &due {
                if endpoints::lease(tx, held, &node, &run, until)? {
                    taken.push(held.id);
                }
            }
            Ok::<_, Error>(taken)
        });
        leased.await
    }

    /// Tells workers that there is something new, or that they are to end: as the endpoint has changed, or is not held any more.
    fn tell(&self, held: &HashMap<Uuid, &Held>) {
        for (id, worker) in &self.workers {
            let now = held.get(id);
            let stop = now.is_none_or(|held| held.version != worker.version);
            let nudged = now.map_or(0, |held| held.nudged);
            worker.order.send_if_modified(|order| {
                let is_new = order.stop != (order.stop || stop) || order.nudged != nudged;
                order.stop |= stop;
                order.nudged = nudged;
                is_new
            });
        }
    }

    /// Starts workers for what is held and has none.
    async fn start(&mut self, held: &HashMap<Uuid, &Held>) -> Result<(), Error> {
        for (id, held) in held {
            if self.workers.contains_key(id) {
                continue;
            }
            let (run, id) = (self.run.clone(), *id);
            let read = self
                .ground
                .records
                .read(move |tx: &mut Transaction<'_>| endpoints::held_by(tx, &run, id));
            let Some(endpoint) = read.await? else {
                continue;
            };
            let (order, orders) = watch::channel(Order {
                stop: false,
                nudged: held.nudged,
            });
            let version = endpoint.version;
            self.workers.insert(id, Worker { version, order });
            let (ground, run) = (Arc::clone(&self.ground), self.run.clone());
            let task = self.tasks.spawn(work(ground, run, endpoint, orders));
            self.names.insert(task.id(), id);
        }
        Ok(())
    }

    fn ended(&mut self, ended: Result<(Id, ()), JoinError>) {
        let id = match &ended {
            Ok((id, ())) => *id,
            Err(error) => {
                tracing::error!(%error, "a webhook's worker has failed");
                metrics::counter!("stentor_gateway_webhook_errors_total").increment(1);
                error.id()
            }
        };
        if let Some(endpoint) = self.names.remove(&id) {
            self.workers.remove(&endpoint);
        }
    }

    /// Ends all workers, and gives the leases back so that other nodes need not wait for their end.
    async fn end(mut self) {
        for worker in self.workers.values() {
            worker.order.send_modify(|order| order.stop = true);
        }
        while self.tasks.join_next().await.is_some() {}
        let run = self.run.clone();
        let released = self
            .ground
            .records
            .write(move |tx: &mut Transaction<'_>| endpoints::release(tx, &run));
        if let Err(error) = released.await {
            tracing::debug!(%error, "the leases of webhooks end by themselves");
        }
    }
}
