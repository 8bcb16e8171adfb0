//! Works on one endpoint: reads the bus for it, sends, tries again, and writes down how far it has got.

mod flight;
mod retries;
mod settle;
mod source;
mod write;

use std::sync::Arc;
use std::time::Duration;

use stentor_bus::{BusError, Cursor};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};
use uuid::Uuid;

use super::endpoint::{Disabled, Endpoint};
use super::ground::{Ground, Standing};
use super::pace::Pace;
use super::table::deliveries::Delivery;
use super::window::Window;
use flight::{Flown, Job, Origin, fly};
use retries::Retries;
use settle::{Batch, Condition};
use source::{Fresh, Read, Source};
use write::{At, Written, write};

/// Deliveries that were read and are not settled yet: what is sent again, at most, after a crash.
const WINDOW: usize = 128;
/// How often it is looked whether the endpoint may still be given anything.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How often the place is written down while nothing is delivered.
const PLACE_EVERY: Duration = Duration::from_secs(5);
/// Wait after the records could not be written.
const PAUSE: Duration = Duration::from_millis(500);

/// What a worker is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Order {
    /// It is to end: to begin nothing new, and to write down what is under way.
    pub stop: bool,
    /// Changes when somebody else has put deliveries in.
    pub nudged: i64,
}

/// See the module.
struct Worker {
    ground: Arc<Ground>,
    run: String,
    endpoint: Arc<Endpoint>,
    standing: Standing,
    source: Source,
    window: Window<Cursor, Job>,
    retries: Retries,
    condition: Condition,
    flights: JoinSet<Flown>,
    flown: Vec<Flown>,
    /// The place as it is written down, and since when.
    written: Cursor,
    written_at: Instant,
    /// Whether the next one begun is to be one that is tried again, if there are both.
    prefers_retry: bool,
    /// Whether it has to end: told to, or as the endpoint is not its own any more.
    ends: bool,
}

/// Works on an endpoint until it is told to end, or the endpoint is another's.
pub(crate) async fn work(
    ground: Arc<Ground>,
    run: String,
    endpoint: Endpoint,
    mut orders: watch::Receiver<Order>,
) {
    let mut worker = Worker::new(ground, run, endpoint);
    let mut looks = interval(LOOK_EVERY);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while !worker.is_done() {
        worker.begin_what_may().await;
        let wake_at = worker.wake_at();
        let reads = worker.reads();
        tokio::select! {
            Some(flown) = worker.flights.join_next() => worker.landed(flown),
            read = worker.source.next(), if reads => worker.read(read).await,
            () = sleep_until(&worker.ground, wake_at) => {}
            _ = looks.tick() => worker.look().await,
            changed = orders.changed() => {
                let order = *orders.borrow_and_update();
                worker.ends |= order.stop || changed.is_err();
                worker.retries.forget();
            }
        }
        worker.write_down().await;
    }
    worker.write_place(Duration::ZERO).await;
}

async fn sleep_until(ground: &Ground, at: Option<u64>) {
    match at {
        Some(at) => ground.clock.sleep_until(at).await,
        None => std::future::pending().await,
    }
}

impl Worker {
    fn new(ground: Arc<Ground>, run: String, endpoint: Endpoint) -> Self {
        let (audience, standing) = ground.audience(&endpoint);
        let source = Source::new(&ground, &endpoint, audience);
        Self {
            source,
            window: Window::new(endpoint.place),
            retries: Retries::new(&endpoint),
            condition: Condition {
                failing_since: endpoint.failing_since,
                pace: Pace::new(endpoint.rate),
                width: endpoint.concurrency,
            },
            flights: JoinSet::new(),
            flown: Vec::new(),
            written: endpoint.place,
            written_at: Instant::now(),
            prefers_retry: false,
            ends: false,
            standing,
            endpoint: Arc::new(endpoint),
            run,
            ground,
        }
    }

    fn is_done(&self) -> bool {
        self.ends && self.flights.is_empty() && self.flown.is_empty()
    }

    /// Whether there is room for more from the logs.
    fn reads(&self) -> bool {
        let has_room = self.retries.waiting() < self.ground.config.outstanding;
        !self.ends && self.standing == Standing::Good && self.window.len() < WINDOW && has_room
    }

    /// Begins what is due, as far as it may.
    async fn begin_what_may(&mut self) {
        if self.ends || self.standing != Standing::Good {
            return;
        }
        if let Err(error) = self.retries.load(&self.ground).await {
            tracing::debug!(%error, "what a webhook is to be sent again cannot be read");
            sleep(PAUSE).await;
            return;
        }
        let (Some(audience), Standing::Good) = self.ground.audience(&self.endpoint) else {
            // The next look finds out what that means.
            self.standing = Standing::Waits;
            return;
        };
        while self.flights.len() < self.condition.width as usize {
            let now = self.ground.clock.now_ms();
            if self.condition.pace.next_at(now) > now {
                return;
            }
            let Some(job) = self.pick(now) else {
                return;
            };
            self.condition.pace.begin(now);
            let (ground, endpoint) = (Arc::clone(&self.ground), Arc::clone(&self.endpoint));
            let flight = fly(ground, endpoint, audience.clone(), job);
            self.flights.spawn(flight);
        }
    }

    /// The next that is to be begun. What is new and what is tried again take turns, so that neither holds the other back.
    fn pick(&mut self, now: u64) -> Option<Job> {
        let has_retry = self.retries.due_at().is_some_and(|due| due <= now);
        let has_fresh = self.window.has_waiting();
        if has_retry && (self.prefers_retry || !has_fresh) {
            self.prefers_retry = false;
            return self.retries.take().map(|delivery| Job {
                delivery,
                origin: Origin::Row,
            });
        }
        self.prefers_retry = true;
        let (slot, mut job) = self.window.begin()?;
        if let Origin::Fresh { slot: place, .. } = &mut job.origin {
            *place = slot;
        }
        Some(job)
    }

    /// When there is something to begin, unless something happens before.
    fn wake_at(&mut self) -> Option<u64> {
        let has_room = self.flights.len() < self.condition.width as usize;
        if self.ends || !has_room || self.standing != Standing::Good {
            return None;
        }
        let now = self.ground.clock.now_ms();
        let due = match self.window.has_waiting() {
            true => Some(now),
            false => self.retries.due_at(),
        };
        due.map(|due| due.max(self.condition.pace.next_at(now)))
    }

    /// A delivery has ended, and maybe others.
    fn landed(&mut self, first: Result<Flown, tokio::task::JoinError>) {
        let mut next = Some(first);
        while let Some(flown) = next {
            match flown {
                Ok(flown) => self.flown.push(flown),
                Err(error) => {
                    // Its place in the window stays, so that the whole is begun anew there.
                    tracing::error!(%error, "a delivery to a webhook has failed in itself");
                    self.ends = true;
                }
            }
            next = self.flights.try_join_next();
        }
    }

    /// Takes what was read from the logs.
    async fn read(&mut self, read: Read) {
        match read {
            Read::Fresh(Fresh { job, after }) => self.window.push(job, after),
            Read::Passed(after) => self.window.pass(after),
            Read::Resync(oldest) => self.resync(oldest).await,
            Read::Failed => sleep(PAUSE).await,
        }
    }

    /// What came before is not there any more: goes on with the oldest, and tells of it.
    async fn resync(&mut self, oldest: Cursor) {
        tracing::warn!(endpoint = %self.endpoint.id, "a webhook was away for longer than the log is kept");
        metrics::counter!("stentor_gateway_webhook_resyncs_total").increment(1);
        let told = super::ground::draft(
            stentor_bus::EventType::WebhookEndpointResynced,
            &self.endpoint,
            None,
            &[],
        );
        self.window.pass(oldest);
        let batch = Batch {
            drafts: vec![told],
            ..Batch::default()
        };
        self.commit(batch).await;
    }

    /// Looks whether the endpoint may still be given anything, and writes its place down now and then.
    async fn look(&mut self) {
        let (audience, standing) = self.ground.audience(&self.endpoint);
        if standing == Standing::Over && !self.ends {
            let mut batch = Batch::default();
            batch.disable(&self.endpoint, Disabled::Credential);
            self.commit(batch).await;
            self.ends = true;
        }
        if standing == Standing::Good && self.standing != Standing::Good {
            self.source.renew(audience);
        }
        self.standing = standing;
        self.write_place(PLACE_EVERY).await;
    }

    /// Writes the place, if it has moved and was not written for so long.
    async fn write_place(&mut self, after: Duration) {
        if let Some(cursor) = self.source.idle() {
            self.window.pass(cursor);
        }
        if self.window.low() != self.written && self.written_at.elapsed() >= after {
            self.commit(Batch::default()).await;
        }
    }

    /// Writes down what has ended.
    async fn write_down(&mut self) {
        if self.flown.is_empty() {
            return;
        }
        let now = self.ground.clock.now_ms();
        let mut batch = Batch::default();
        for flown in self.flown.drain(..) {
            let mark = (attempt_id(now), chance());
            let condition = &mut self.condition;
            batch.add(flown, &self.endpoint, condition, mark, now);
        }
        self.ends |= batch.disable.is_some();
        self.commit(batch).await;
    }

    /// Writes until it is written, or the endpoint is not this worker's any more. Meanwhile nothing new is begun.
    async fn commit(&mut self, batch: Batch) {
        for slot in &batch.slots {
            self.window.settle(*slot);
        }
        let (batch, place) = (Arc::new(batch), self.window.low());
        loop {
            let at = At {
                endpoint: self.endpoint.id,
                run: self.run.clone(),
                place: place.to_string(),
                failing_since: self.condition.failing_since,
            };
            match write(&self.ground, at, &batch).await {
                Ok(Written::All) => {
                    self.written = place;
                    self.written_at = Instant::now();
                    self.retries.changed(&batch);
                    return;
                }
                Ok(Written::Lost) => return self.give_up(),
                Err(error) => log(&error),
            }
            sleep(PAUSE).await;
        }
    }

    /// The endpoint is another's: whatever is under way ends without a trace.
    fn give_up(&mut self) {
        self.ends = true;
        self.flights.abort_all();
        self.flights.detach_all();
        self.flown.clear();
    }
}

fn log(error: &BusError) {
    tracing::warn!(%error, "what came of a webhook's deliveries cannot be written down yet");
    metrics::counter!("stentor_gateway_webhook_errors_total").increment(1);
}

/// The id of an attempt. Without randomness, one of its time alone.
fn attempt_id(now: u64) -> Uuid {
    stentor_bus::new_id(now).unwrap_or_else(|_| Uuid::from_u128(u128::from(now) << 80))
}

/// Any number. Jitter needs no secret.
fn chance() -> u32 {
    let mut bytes = [0; 4];
    let _ = getrandom::fill(&mut bytes);
    u32::from_be_bytes(bytes)
}

/// A delivery with its row, as it is tried again.
type Waiting = Delivery;
