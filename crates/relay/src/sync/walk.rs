//! One window page by page, with a relay that does not reconcile.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use stentor_event::{EventId, Timestamp};
use stentor_peer::{Page, Pages, Window};

use super::error::SyncError;
use super::plan::Plan;
use super::run::Run;

/// Outlines of our events read at once.
const OUTLINES: usize = 2_048;
/// Pages after which what is left is written down.
const SAVE_EVERY: u64 = 16;
/// As soon as this has passed, it is in any case: some relays take long for a page, and hang up now and then.
const SAVE_AFTER: Duration = Duration::from_secs(5);

impl Run<'_> {
    /// Asks for everything of a window, newest first, takes in what is new and sends what did not come, as the direction says.
    pub(super) async fn walk(&self, window: Window, plan: &mut Plan) -> Result<(), SyncError> {
        let mut pages = Pages::new(window, self.config.page, self.config.page_most);
        // What has come of the second from which the next page is asked for.
        let mut known: HashSet<EventId> = HashSet::new();
        let (mut asked, mut saved) = (0, Instant::now());
        loop {
            let mut came: Vec<(u64, EventId)> = Vec::new();
            let filter = pages.filter(&self.order.filter);
            let intake = self.intake();
            let query = intake.query(&filter, |event| {
                came.push((event.created_at().0, event.id()));
                !known.contains(&event.id())
            });
            let hint = query.await?;
            let turn = pages.turn(Page {
                count: came.len() as u64,
                oldest: came.iter().map(|(at, _)| *at).min(),
                hint,
            });
            let until = pages.until();
            let next = came.iter().filter(|(at, _)| *at <= until);
            let next: HashSet<EventId> = next.map(|(_, id)| *id).collect();
            known.extend(came.into_iter().map(|(_, id)| id));
            if let Some(settled) = turn.settled
                && self.order.direction.is_up()
            {
                self.send_all_but(settled, &known).await?;
            }
            if turn.settled.is_some() {
                known = next;
            }
            if let Some(second) = turn.lost {
                self.tally.lost(second);
            }
            asked += 1;
            self.tally.edit().pages += 1;
            if turn.over {
                return Ok(());
            }
            if plan.done_after(until) {
                self.tally.settled();
            }
            if asked % SAVE_EVERY == 0 || saved.elapsed() >= SAVE_AFTER {
                self.save(plan).await?;
                saved = Instant::now();
            }
        }
    }

    /// Sends what is here of a window, but for these.
    async fn send_all_but(
        &self,
        window: Window,
        theirs: &HashSet<EventId>,
    ) -> Result<(), SyncError> {
        let mut outlines = self.home.outlines(&self.order.filter, window);
        while let Some(some) = outlines.next(OUTLINES).await? {
            let ids = some.into_iter().map(|(_, id)| id);
            let ids: Vec<EventId> = ids.filter(|id| !theirs.contains(id)).collect();
            self.send_ids(&ids).await?;
        }
        Ok(())
    }

    /// Sends everything of a window: what the other side has already, it says. To ask it for all it has would cost it more.
    pub(super) async fn push(&self, window: Window, plan: &mut Plan) -> Result<(), SyncError> {
        let mut outlines = self.home.outlines(&self.order.filter, window);
        while let Some(some) = outlines.next(OUTLINES).await? {
            let oldest = some.last().map(|(at, _)| Timestamp(*at));
            let ids: Vec<EventId> = some.into_iter().map(|(_, id)| id).collect();
            self.send_ids(&ids).await?;
            if let Some(oldest) = oldest {
                // More of this second may follow.
                if plan.done_after(oldest.0) {
                    self.tally.settled();
                }
                self.save(plan).await?;
            }
        }
        Ok(())
    }
}
