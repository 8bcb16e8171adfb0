//! What many readers of a page are shown alike, computed once for all of them.
//!
//! What is kept is good until something has changed. However often that is, it is computed again only after ten times as long as
//! computing it took, and a second at least: so pages that many follow take a tenth of one core at most. Who asks meanwhile waits for
//! that rather than be shown what is no longer so, as there may be no further change that would have him ask again.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

/// The shortest time between two computations.
const LEAST: Duration = Duration::from_secs(1);
/// The longest: shorter than the time that a request has.
const MOST: Duration = Duration::from_secs(10);
/// How long it is good when nothing has changed: parts of it go by the time of day.
const GOOD: Duration = Duration::from_secs(60);
/// How many times as long as it took it is kept.
const TIMES: u32 = 10;

/// Something that is kept.
#[derive(Debug)]
pub(super) struct Kept<T>(Mutex<Option<Value<T>>>);

#[derive(Debug)]
struct Value<T> {
    version: u64,
    begun: Instant,
    took: Duration,
    value: Arc<T>,
}

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self(Mutex::new(None))
    }
}

impl<T> Kept<T> {
    /// What is kept, or what `make` makes anew. `version` tells how much has changed.
    ///
    /// # Errors
    /// Those of `make`, after which what was kept before is kept on.
    pub async fn get<E>(
        &self,
        version: impl Fn() -> u64,
        make: impl AsyncFnOnce() -> Result<T, E>,
    ) -> Result<Arc<T>, E> {
        let mut kept = self.0.lock().await;
        if let Some(value) = &*kept {
            let is_good = value.version == version() && value.begun.elapsed() < GOOD;
            if is_good {
                return Ok(value.value.clone());
            }
            let pause = value.took.saturating_mul(TIMES).clamp(LEAST, MOST);
            tokio::time::sleep_until(value.begun + pause).await;
        }
        // Read before: what changes meanwhile makes it anew.
        let (version, begun) = (version(), Instant::now());
        let value = Arc::new(make().await?);
        let took = begun.elapsed();
        *kept = Some(Value {
            version,
            begun,
            took,
            value: value.clone(),
        });
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn o4_4_what_many_are_shown_is_computed_once() {
        let (kept, version, made) = (Kept::default(), AtomicU64::new(0), AtomicU64::new(0));
        let get = async || {
            let version = || version.load(Ordering::Relaxed);
            let make = async || Ok::<_, ()>(made.fetch_add(1, Ordering::Relaxed));
            *kept.get(version, make).await.unwrap()
        };
        let begun = Instant::now();
        assert_eq!((get().await, get().await, get().await), (0, 0, 0));
        assert_eq!(begun.elapsed(), Duration::ZERO);
        version.store(1, Ordering::Relaxed);
        // Both ask at the same time, and neither is shown what is old.
        assert_eq!(tokio::join!(get(), get()), (1, 1));
        assert_eq!(begun.elapsed(), LEAST);
        tokio::time::advance(GOOD).await;
        assert_eq!(get().await, 2);
    }

    #[tokio::test(start_paused = true)]
    async fn o4_4_what_fails_is_not_kept() {
        let kept = Kept::<u64>::default();
        assert_eq!(kept.get(|| 0, async || Err("no")).await, Err("no"));
        assert_eq!(kept.get(|| 0, async || Ok::<_, &str>(7)).await, Ok(Arc::new(7)));
    }
}
