//! Our side: takes events in under the store's own decisions and the operator's bans, and tells what is here.

use std::sync::Arc;

use stentor_event::{Event, EventId, Filter, Viewer, VisibilityRules, visible};
use stentor_peer::Window;
use stentor_store::reconcile::{GatherError, Gathering, Snapshot};
use stentor_store::{
    Budget, Direction, EventStore, Outcome, OutlineQuery, OutlineScan, Query, Refusal, ScanLimits,
    StoreError, Submission,
};

use super::error::SyncError;
use super::origins::Origins;
use super::plugins::Plugins;
use super::tally::Tally;
use crate::access::Access;
use crate::service::Relay;
use crate::state::now;

/// Rows looked at between two turns of others.
const SLICE_ROWS: u64 = 16_384;

/// The limits on sizes that events have to keep.
#[derive(Debug, Clone, Copy)]
pub struct Sizes {
    /// Bytes of an event. 0: no limit.
    pub event_bytes: usize,
    /// Tags of an event. 0: no limit.
    pub tags: usize,
}

/// Our side. Cheap to clone.
#[derive(Clone)]
pub struct Home {
    store: Arc<dyn EventStore>,
    access: Arc<Access>,
    rules: Arc<VisibilityRules>,
    sizes: Sizes,
    /// Those of the running relay, which are asked too. What is private and how large events may be is what its settings say
    /// then, at each moment.
    plugins: Option<Plugins>,
}

/// Whether events are old ones, or come as they are published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// Old ones. What is ephemeral is not taken: what passed by once is not shown to today's subscribers.
    Stored,
    /// As they are published.
    Live,
}

impl Home {
    /// Over a store and its bans; `rules` say what is private, and `sizes` how large events may be, as long as no relay does.
    pub fn new(
        store: Arc<dyn EventStore>,
        access: Arc<Access>,
        rules: Arc<VisibilityRules>,
        sizes: Sizes,
    ) -> Self {
        Self {
            store,
            access,
            rules,
            sizes,
            plugins: None,
        }
    }

    /// Goes by the settings of this relay, which may change meanwhile (R2.1), and asks its plugins about what comes from, or goes
    /// to, the relay at this URL, as far as they want to be asked.
    #[must_use]
    pub fn asking(self, relay: Relay, url: &str) -> Self {
        Self {
            plugins: Some(Plugins::new(relay, url)),
            ..self
        }
    }

    /// What is private by now.
    fn rules(&self) -> Arc<VisibilityRules> {
        match &self.plugins {
            Some(plugins) => Arc::clone(&plugins.relay().state.settings().rules),
            None => Arc::clone(&self.rules),
        }
    }

    /// How large events may be by now.
    fn sizes(&self) -> Sizes {
        let Some(plugins) = &self.plugins else {
            return self.sizes;
        };
        let settings = plugins.relay().state.settings();
        let limits = &settings.config.limits;
        Sizes {
            event_bytes: limits.event_bytes,
            tags: limits.tags,
        }
    }

    /// The store.
    pub(crate) fn store(&self) -> &Arc<dyn EventStore> {
        &self.store
    }

    /// The records.
    pub(crate) fn records(&self) -> &stentor_sql::Database {
        self.access.records()
    }

    /// Takes events in whose ids have been checked. `origins` remembers where they are from. Returns how many had a wrong
    /// signature, which speaks against who has sent them.
    pub(crate) async fn take(
        &self,
        events: Vec<Event>,
        arrival: Arrival,
        tally: &Tally,
        origins: Option<&Origins>,
    ) -> Result<u64, SyncError> {
        let wanted: Vec<Event> = {
            let lists = self.access.lists();
            let judge = |event: &Event| {
                if lists.bars(event) {
                    return Some("banned");
                }
                self.fault(event, arrival)
            };
            let mut wanted = Vec::with_capacity(events.len());
            for event in events {
                match judge(&event) {
                    Some(reason) => tally.came(reason, 1),
                    None => wanted.push(event),
                }
            }
            wanted
        };
        if wanted.is_empty() {
            return Ok(0);
        }
        let (wanted, mut forged) = self.ruled(wanted, arrival, tally).await?;
        let ids: Vec<EventId> = wanted.iter().map(|wanted| wanted.event.id()).collect();
        if let Some(origins) = origins {
            origins.add(ids.iter().copied());
        }
        let outcomes = self.store.submit(wanted, now()).await?;
        for (id, outcome) in ids.iter().zip(outcomes) {
            let stored = matches!(outcome, Outcome::Stored(_));
            if let Some(origins) = origins.filter(|_| !stored) {
                // The feed will not tell of it.
                origins.take(id);
            }
            forged += u64::from(outcome == Outcome::Refused(Refusal::BadSignature));
            tally.judged(outcome).map_err(SyncError::Unavailable)?;
        }
        Ok(forged)
    }

    /// What the plugins have nothing against. What they are asked about has been verified; how much was forged.
    async fn ruled(
        &self,
        events: Vec<Event>,
        arrival: Arrival,
        tally: &Tally,
    ) -> Result<(Vec<Submission>, u64), SyncError> {
        let ruled = match &self.plugins {
            Some(plugins) => plugins.coming(&events, arrival).await?,
            None => None,
        };
        let verified = ruled.is_some();
        let forged = ruled.as_ref().map_or(0, |ruled| ruled.forged);
        let events = ruled.map_or(events, |ruled| {
            tally.came("the signature is wrong", ruled.forged);
            tally.came("refused by a plugin", ruled.refused);
            ruled.events
        });
        let submission = |event| Submission { event, verified };
        Ok((events.into_iter().map(submission).collect(), forged))
    }

    /// What the plugins have nothing against among events that are about to be sent.
    pub(crate) async fn permitted(&self, events: Vec<Event>, tally: &Tally) -> Vec<Event> {
        let Some(plugins) = &self.plugins else {
            return events;
        };
        let ruled = plugins.going(events).await;
        (0..ruled.refused).for_each(|_| tally.withheld());
        ruled.events
    }

    /// Why an event is not taken whoever made it.
    fn fault(&self, event: &Event, arrival: Arrival) -> Option<&'static str> {
        let Sizes { event_bytes, tags } = self.sizes();
        if event_bytes != 0 && event.json().len() > event_bytes {
            return Some("larger than events may be here");
        }
        if tags != 0 && event.view().tags().nth(tags).is_some() {
            return Some("more tags than events may have here");
        }
        (arrival == Arrival::Stored && event.kind().is_ephemeral()).then_some("ephemeral")
    }

    /// Whether an event may be sent to another relay: when anybody may read it through this filter, and it is not protected
    /// (NIP-70); or the operator wants even that.
    pub(crate) fn may_leave(&self, event: &Event, through: &Filter, include_private: bool) -> bool {
        let anybody = Viewer::anonymous(self.rules());
        include_private || (!event.is_protected() && visible(&event.view(), &anybody, through))
    }

    /// The events of these ids that are here.
    pub(crate) async fn events(&self, ids: &[EventId]) -> Result<Vec<Event>, StoreError> {
        let mut ids = ids.to_vec();
        ids.sort_unstable();
        ids.dedup();
        let most = ids.len();
        let filter = Filter {
            ids: Some(ids),
            ..Filter::default()
        };
        let mut scan = self.store.scan(Query {
            filters: Arc::from([filter]),
            now: now(),
            before: None,
            limits: ScanLimits { cap: 0, rows: 0 },
        });
        let (viewer, mut found) = (Viewer::operator(), Vec::new());
        let budget = Budget {
            events: most.max(1),
            bytes: usize::MAX,
            rows: SLICE_ROWS,
        };
        loop {
            let batch = scan.next(&viewer, budget).await?;
            let events = batch.events.into_iter();
            found.extend(events.filter_map(|stored| Event::from_canonical(stored.json).ok()));
            if batch.end.is_some() {
                return Ok(found);
            }
            tokio::task::yield_now().await;
        }
    }

    /// What is here of a filter, for a reconciliation; `None` when these are more than `most` (0: no limit).
    pub(crate) async fn snapshot(
        &self,
        filter: &Filter,
        window: Window,
        most: usize,
    ) -> Result<Option<Snapshot>, StoreError> {
        let viewer = Viewer::operator();
        let mut gathering = Gathering::new(&*self.store, query(filter, window), most);
        loop {
            match gathering.slice(&viewer, SLICE_ROWS).await {
                Ok(step) if step.end => return Ok(Some(gathering.finish())),
                Ok(_) => tokio::task::yield_now().await,
                Err(GatherError::TooMany { .. }) => return Ok(None),
                Err(GatherError::Store(error)) => return Err(error),
            }
        }
    }

    /// What is here of a filter, newest first, piece by piece.
    pub(crate) fn outlines(&self, filter: &Filter, window: Window) -> Outlines {
        Outlines(Some(self.store.outline(query(filter, window))))
    }
}

fn query(filter: &Filter, window: Window) -> OutlineQuery {
    OutlineQuery {
        filter: window.narrow(filter),
        now: now(),
        direction: Direction::NewestFirst,
        rows: 0,
    }
}

/// Time and id of events, newest first.
pub(crate) struct Outlines(Option<Box<dyn OutlineScan>>);

impl Outlines {
    /// The next at most `most`; `None` at the end.
    pub async fn next(&mut self, most: usize) -> Result<Option<Vec<(u64, EventId)>>, StoreError> {
        let viewer = Viewer::operator();
        let budget = Budget {
            events: most,
            bytes: usize::MAX,
            rows: SLICE_ROWS,
        };
        while let Some(scan) = &mut self.0 {
            let batch = scan.next(&viewer, budget).await?;
            if batch.end {
                self.0 = None;
            }
            if !batch.outlines.is_empty() {
                let outlines = batch.outlines.iter();
                let pairs = outlines.map(|outline| (outline.created_at.0, outline.id));
                return Ok(Some(pairs.collect()));
            }
            tokio::task::yield_now().await;
        }
        Ok(None)
    }
}
