//! Pages for people (O4.4), rendered on the server over the readers of [`crate::answer`] and the components of `stentor_console`.
//!
//! Data flow: `routes` leads a request to its page; [`visit::Visit`] lets it in, takes its place and reads its address; the page asks the
//! readers, bounded, never the records; what it makes is put into the frame that all pages have (`shell`). What goes wrong is a page
//! too. Filters, order and ranges are in addresses, so that what is seen can be passed on; with the script of the console parts of a page
//! follow `live`, without it all of it works as well.
//!
//! Who may see: everybody where `observatory.public`; else whoever has `observatory:read`, by the `Authorization` header or by a cookie
//! that `sign_in` sets, which is judged at each request as the header would be. Pages only show; nothing here changes anything.
//!
//! Limits: as many at once as the programs' answers ([`Api::place`]), 20 seconds each, lists in pages of at most 500 rows, and
//! [`live::MOST`] streams.

mod archive;
mod counts;
mod coverage;
mod days;
mod events;
mod failure;
mod kept;
mod kind;
mod live;
mod map;
mod overview;
mod relay;
mod relays;
mod routes;
mod shell;
mod sign_in;
mod source;
#[cfg(test)]
mod tests;
mod visit;
mod words;

use std::sync::Arc;

use stentor_event::VisibilityRules;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep_until};

use crate::answer::{AskError, Progress};
use crate::api::Api;
use crate::archive as archiving;
use crate::ground::Ground;
use crate::signals::Topic;
use kept::Kept;
use overview::Figures;

/// What the pages share.
#[derive(Clone)]
pub(crate) struct Pages {
    api: Api,
    /// Places of streams.
    streams: Arc<Semaphore>,
    /// What many are shown alike.
    shared: Arc<Shared>,
}

/// What many are shown alike.
#[derive(Default)]
struct Shared {
    figures: Kept<Figures>,
    progress: Kept<Progress>,
}

impl Pages {
    /// What the readers read.
    fn ground(&self) -> &Ground {
        &self.api.observatory.ground
    }

    /// The figures of the overview.
    async fn figures(&self) -> Result<Arc<Figures>, AskError> {
        let read = Figures::read(self.ground());
        let kept = &self.shared.figures;
        kept.get(self.version(), |at| self.tell(at), read).await
    }

    /// How far the archive has got.
    async fn progress(&self) -> Result<Arc<Progress>, AskError> {
        let read = async { Ok(archiving::progress(self.ground()).await?) };
        let kept = &self.shared.progress;
        kept.get(self.version(), |at| self.tell(at), read).await
    }

    /// Which events are not for everybody.
    fn rules(&self) -> Arc<VisibilityRules> {
        self.api.rules()
    }

    /// How much has changed.
    fn version(&self) -> u64 {
        let changes = self.ground().signals.changes();
        let counts = *changes.borrow();
        counts.iter().fold(0, |sum, count| sum.wrapping_add(*count))
    }

    /// Has those who follow pages ask again at this time.
    fn tell(&self, at: Instant) {
        let ground = Arc::downgrade(&self.api.observatory.ground);
        tokio::spawn(async move {
            sleep_until(at).await;
            if let Some(ground) = ground.upgrade() {
                ground.signals.changed(Topic::Archive);
                ground.signals.changed(Topic::Statistics);
            }
        });
    }

    /// Whether everybody may see.
    fn is_public(&self) -> bool {
        self.ground().config.public
    }
}
