//! What searches take of the threads they run in, for whoever pays for that.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Called with the time that a piece of work has taken, from the thread that has done it.
type Payer = Box<dyn Fn(Duration) + Send + Sync>;

/// The time that the searches of one request take, whatever comes of them and whether anybody still waits for them.
#[derive(Default)]
pub struct Bill {
    micros: AtomicU64,
    payer: Option<Payer>,
}

/// Work that goes on the bill when this is dropped.
pub(super) struct Working {
    bill: Arc<Bill>,
    begun: Instant,
}

impl Bill {
    /// A bill that is paid at once: `payer` is told of each piece of work when it ends.
    pub fn paid_by(payer: impl Fn(Duration) + Send + Sync + 'static) -> Self {
        Self {
            micros: AtomicU64::new(0),
            payer: Some(Box::new(payer)),
        }
    }

    /// The time spent so far.
    pub fn spent(&self) -> Duration {
        Duration::from_micros(self.micros.load(Ordering::Relaxed))
    }

    /// Work begins.
    pub(super) fn begin(self: &Arc<Self>) -> Working {
        Working {
            bill: Arc::clone(self),
            begun: Instant::now(),
        }
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        let took = self.begun.elapsed();
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.bill.micros.fetch_add(micros, Ordering::Relaxed);
        if let Some(payer) = &self.bill.payer {
            payer(took);
        }
    }
}

impl std::fmt::Debug for Bill {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Bill").field(&self.spent()).finish()
    }
}
