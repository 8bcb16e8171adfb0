//! What many readers of a page are shown alike, computed once for all of them.
//!
//! What is kept is good until something has changed. However often that is, it is computed again only after ten times as long as
//! computing it took, and a second at least: so a page that many follow takes a tenth of one core at most. Who asks meanwhile is shown
//! what is kept; and once it is told when it may be computed again, so that those who follow the page can be told to ask then, as there may
//! be no further change that would have them ask.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

/// The shortest time between two computations.
const LEAST: Duration = Duration::from_secs(1);
/// The longest.
const MOST: Duration = Duration::from_secs(30);
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
    /// When it may be made anew.
    again: Instant,
    /// Whether it was told that it is old.
    is_told: bool,
    value: Arc<T>,
}

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self(Mutex::new(None))
    }
}

impl<T> Kept<T> {
    /// What is kept, or what `make` makes anew. `version` tells how much has changed; `old` is told, once, that what is kept is no longer
    /// so, and from when on it can be made anew.
    ///
    /// # Errors
    /// Those of `make`, after which what was kept before is kept on.
    pub async fn get<E>(
        &self,
        version: u64,
        old: impl FnOnce(Instant),
        make: impl Future<Output = Result<T, E>>,
    ) -> Result<Arc<T>, E> {
        // Others wait while it is made, and are shown the same.
        let mut kept = self.0.lock().await;
        if let Some(value) = kept.as_mut() {
            let is_so = value.version == version && value.begun.elapsed() < GOOD;
            if is_so {
                return Ok(value.value.clone());
            }
            if Instant::now() < value.again {
                if !value.is_told {
                    value.is_told = true;
                    old(value.again);
                }
                return Ok(value.value.clone());
            }
        }
        let begun = Instant::now();
        let value = Arc::new(make.await?);
        let pause = begun.elapsed().saturating_mul(TIMES).clamp(LEAST, MOST);
        *kept = Some(Value {
            version,
            begun,
            again: Instant::now() + pause,
            is_told: false,
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
        let (kept, made, told) = (Kept::default(), AtomicU64::new(0), AtomicU64::new(0));
        let begun = Instant::now();
        let get = async |version| {
            let old = |at: Instant| {
                assert_eq!(at, begun + LEAST);
                told.fetch_add(1, Ordering::Relaxed);
            };
            let make = async { Ok::<_, ()>(made.fetch_add(1, Ordering::Relaxed)) };
            *kept.get(version, old, make).await.unwrap()
        };
        assert_eq!((get(0).await, get(0).await), (0, 0));
        assert_eq!(told.load(Ordering::Relaxed), 0);
        // Something has changed, too soon: it is told once.
        assert_eq!((get(1).await, get(2).await), (0, 0));
        assert_eq!(told.load(Ordering::Relaxed), 1);
        tokio::time::advance(LEAST).await;
        assert_eq!((get(3).await, get(3).await), (1, 1));
        // Nothing has changed but the time of day.
        tokio::time::advance(GOOD).await;
        assert_eq!(get(3).await, 2);
    }

    #[tokio::test(start_paused = true)]
    async fn o4_4_what_fails_is_not_kept() {
        let kept = Kept::<u64>::default();
        let failed = kept.get(0, |_| (), async { Err("no") }).await;
        assert_eq!(failed, Err("no"));
        let made = kept.get(0, |_| (), async { Ok::<_, &str>(7) }).await;
        assert_eq!(made, Ok(Arc::new(7)));
    }
}
