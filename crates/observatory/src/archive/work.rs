//! What the tasks of the archive work on.

use std::sync::Arc;

use stentor_event::Filter;
use stentor_peer::Window;

use super::coverage_table::FilterId;
use super::intake::Intake;
use super::plan;
use super::settle::Desk;

/// What is archived.
#[derive(Clone)]
pub(super) struct Work {
    /// The way into the store.
    pub intake: Arc<Intake>,
    /// What is fetched.
    pub filters: Arc<[(FilterId, Filter)]>,
    /// Where what came of it is written down.
    pub desk: Desk,
}

impl Work {
    /// What is to be covered by each filter at this time.
    pub fn ranges(&self) -> Vec<(FilterId, Filter, Window)> {
        let ground = &self.intake.ground;
        let now = ground.clock.now().0;
        let since = ground.config.archive.oldest(now);
        let range = |(id, filter): &(FilterId, Filter)| {
            let range = plan::range(since, Window::of(filter), now)?;
            Some((*id, filter.clone(), range))
        };
        self.filters.iter().filter_map(range).collect()
    }
}
