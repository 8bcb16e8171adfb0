//! Two stores that must not differ.

use std::fmt::Debug;
use std::sync::Arc;

use proptest::test_runner::TestCaseError;
use stentor_event::{Event, EventId, Filter, Timestamp, Viewer};
use stentor_store::{
    Budget, Change, Direction, EventStore, Keep, OutlineQuery, Query, ScanEnd, ScanLimits, Seq,
    Statistics, Submission,
};

use crate::common::engine::Upkeep;
use crate::common::observer::Witness;
use crate::common::subject::{NO_LIMITS, WHOLE, batch_ids, drain};
use crate::common::{Engine, Factory};
use crate::world::BEGIN;

/// What a comparison comes to.
pub type Verdict = Result<(), TestCaseError>;

/// The two stores.
pub struct Pair {
    /// What the time is.
    pub now: u64,
    model: Box<dyn Engine>,
    engine: Box<dyn Engine>,
    witnesses: [Arc<Witness>; 2],
}

/// Fails with both values if they differ.
fn same<T: PartialEq + Debug>(what: &str, model: T, engine: T) -> Verdict {
    if model == engine {
        return Ok(());
    }
    Err(TestCaseError::fail(format!(
        "{what} differs\n model: {model:?}\nengine: {engine:?}"
    )))
}

impl Pair {
    /// Two empty stores.
    pub fn new(model: &dyn Factory, engine: &dyn Factory, keep: Keep) -> Self {
        let mut pair = Self {
            now: BEGIN,
            model: model.create(keep),
            engine: engine.create(keep),
            witnesses: [Witness::new(), Witness::new()],
        };
        pair.observe();
        pair
    }

    /// Observes both with witnesses of their own: one of the stores may be another one than before.
    fn observe(&mut self) {
        self.witnesses = [Witness::new(), Witness::new()];
        self.model().observe(self.witnesses[0].clone());
        self.engine().observe(self.witnesses[1].clone());
    }

    /// The model.
    pub fn model(&self) -> Arc<dyn EventStore> {
        self.model.store()
    }

    /// The engine under test.
    pub fn engine(&self) -> Arc<dyn EventStore> {
        self.engine.store()
    }

    /// Submits a batch.
    pub async fn submit(&self, batch: Vec<Submission>) -> Verdict {
        let now = Timestamp(self.now);
        let model = self.model().submit(batch.clone(), now).await.unwrap();
        let engine = self.engine().submit(batch, now).await.unwrap();
        same("the outcome", model, engine)?;
        same(
            "what the observer was told",
            self.witnesses[0].take(),
            self.witnesses[1].take(),
        )?;
        self.compare_figures()
    }

    /// Removes what has expired.
    pub async fn purge(&self) -> Verdict {
        let now = Timestamp(self.now);
        same(
            "the number purged",
            self.model.purge(now).await,
            self.engine.purge(now).await,
        )?;
        self.compare_figures()
    }

    /// Removes events as the operator.
    pub async fn remove(&self, ids: &[EventId]) -> Verdict {
        let model = self.model().remove(ids).await.unwrap();
        same(
            "the number removed",
            model,
            self.engine().remove(ids).await.unwrap(),
        )?;
        self.compare_figures()
    }

    /// Closes the engine and opens it again.
    pub async fn reopen(&mut self) -> Verdict {
        self.model.reopen().await;
        self.engine.reopen().await;
        self.observe();
        self.compare_figures()
    }

    /// Works on the engine's files, which must change nothing.
    pub async fn maintain(&mut self, upkeep: Upkeep) -> Verdict {
        self.model.maintain(upkeep).await;
        self.engine.maintain(upkeep).await;
        self.observe();
        self.compare_figures()
    }

    /// Answers and counts a query.
    pub async fn ask(&self, query: &Query, viewer: &Viewer, budget: Budget) -> Verdict {
        let model = drain(self.model().scan(query.clone()), viewer, budget)
            .await
            .unwrap();
        let engine = drain(self.engine().scan(query.clone()), viewer, budget)
            .await
            .unwrap();
        same("the answer", &model, &engine)?;
        let counts = [
            self.model().count(query, viewer).await,
            self.engine().count(query, viewer).await,
        ];
        let [model, engine] = counts.map(Result::unwrap);
        same("the count", &model, &engine)?;
        for filter in query.filters.iter() {
            for direction in [Direction::NewestFirst, Direction::OldestFirst] {
                let asked = OutlineQuery {
                    filter: filter.clone(),
                    now: query.now,
                    direction,
                    rows: 0,
                };
                self.outline(&asked, viewer, budget).await?;
            }
        }
        self.page(query, viewer).await
    }

    /// Gathers outlines.
    async fn outline(&self, query: &OutlineQuery, viewer: &Viewer, budget: Budget) -> Verdict {
        let gather = async |store: Arc<dyn EventStore>| {
            let (mut scan, mut all) = (store.outline(query.clone()), Vec::new());
            loop {
                let batch = scan.next(viewer, budget).await.unwrap();
                all.extend(batch.outlines);
                if batch.end {
                    return all;
                }
            }
        };
        let (model, engine) = (gather(self.model()).await, gather(self.engine()).await);
        same("the outlines", model, engine)
    }

    /// Asks for the numbers of these events.
    pub async fn numbers(&self, ids: &[EventId]) -> Verdict {
        let model = self.model().numbers(ids).await.unwrap();
        same(
            "the numbers",
            model,
            self.engine().numbers(ids).await.unwrap(),
        )
    }

    /// Pages through a single filter by `until`: with whole seconds, everything is met once.
    async fn page(&self, query: &Query, viewer: &Viewer) -> Verdict {
        let [filter] = query.filters.as_ref() else {
            return Ok(());
        };
        let filter = Filter {
            limit: None,
            ..filter.clone()
        };
        let ask = |until: Option<Timestamp>, cap| Query {
            filters: [Filter {
                until: until.or(filter.until),
                ..filter.clone()
            }]
            .into(),
            limits: ScanLimits { cap, rows: 0 },
            ..query.clone()
        };
        let (all, _) = drain(self.model().scan(ask(None, 0)), viewer, WHOLE)
            .await
            .unwrap();
        let (mut met, mut until) = (Vec::new(), None);
        loop {
            // No second of the worlds holds more.
            let page = self
                .engine()
                .scan(ask(until, 40))
                .next(viewer, WHOLE)
                .await
                .unwrap();
            met.extend(batch_ids(&page));
            match page.end {
                Some(ScanEnd::Finished) => return same("what paging meets", all, met),
                end => same("the end of a page", Some(ScanEnd::More), end)?,
            }
            let oldest = Event::from_canonical(page.events.last().unwrap().json.clone()).unwrap();
            until = Some(Timestamp(oldest.created_at().0 - 1));
        }
    }

    /// Reads the change feed.
    pub async fn changes(&self, after: Seq, limit: usize, viewer: &Viewer) -> Verdict {
        let now = Timestamp(self.now);
        let model = self
            .model()
            .changes(after, limit, viewer, now)
            .await
            .unwrap();
        let engine = self
            .engine()
            .changes(after, limit, viewer, now)
            .await
            .unwrap();
        let plain = |changes: &[Change]| -> Vec<_> {
            changes
                .iter()
                .map(|c| {
                    (
                        c.seq,
                        c.number,
                        c.kind,
                        c.id,
                        c.former.as_ref().map(|former| (former.id, former.kind)),
                        c.event.as_ref().map(Event::id),
                    )
                })
                .collect()
        };
        same("the change feed", plain(&model), plain(&engine))
    }

    /// Moves a reader of the feed.
    pub async fn cursor(&self, reader: &str, seq: Seq) -> Verdict {
        same(
            "the cursor",
            self.model().cursor(reader),
            self.engine().cursor(reader),
        )?;
        self.model().set_cursor(reader, seq).await.unwrap();
        self.engine().set_cursor(reader, seq).await.unwrap();
        same(
            "the cursor",
            self.model().cursor(reader),
            self.engine().cursor(reader),
        )
    }

    /// Figures that are cheap to ask for.
    fn compare_figures(&self) -> Verdict {
        let plain = |figures: Statistics| {
            let by_kind: Vec<(u16, u64)> = figures
                .by_kind
                .into_iter()
                .filter(|(_, count)| *count > 0)
                .collect();
            (
                figures.events,
                figures.live_bytes,
                figures.last_number,
                figures.last_seq,
                by_kind,
            )
        };
        same(
            "the figures",
            plain(self.model().statistics()),
            plain(self.engine().statistics()),
        )?;
        same(
            "the next number",
            self.model().next_number(),
            self.engine().next_number(),
        )?;
        same(
            "the last position",
            self.model().last_seq(),
            self.engine().last_seq(),
        )
    }

    /// Everything that both hold, before and after opening anew.
    pub async fn compare_everything(&mut self) -> Verdict {
        for _ in 0..2 {
            let all = Query {
                filters: [Filter::default()].into(),
                now: Timestamp(self.now),
                before: None,
                limits: NO_LIMITS,
            };
            self.ask(&all, &Viewer::operator(), WHOLE).await?;
            self.changes(Seq(0), usize::MAX, &Viewer::operator())
                .await?;
            self.maintain(Upkeep::Verify).await?;
            self.reopen().await?;
        }
        Ok(())
    }
}
