//! A figure that takes long to count: counted once for all who ask within a minute.

use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

/// How long a figure is good.
const GOOD: Duration = Duration::from_secs(60);

/// A figure, and when it was begun to be counted.
#[derive(Debug, Default)]
pub(crate) struct Recent(Mutex<Option<(Instant, u64)>>);

impl Recent {
    /// The figure, or what `count` counts anew. Others wait meanwhile, and get the same.
    ///
    /// # Errors
    /// Those of `count`; then nothing is kept.
    pub async fn get<E>(&self, count: impl Future<Output = Result<u64, E>>) -> Result<u64, E> {
        let mut kept = self.0.lock().await;
        if let Some((begun, figure)) = *kept
            && begun.elapsed() < GOOD
        {
            return Ok(figure);
        }
        let begun = Instant::now();
        let figure = count.await?;
        *kept = Some((begun, figure));
        Ok(figure)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn o4_2_a_figure_is_counted_once_a_minute() {
        let (recent, counted) = (Recent::default(), AtomicU64::new(0));
        let count = async || {
            tokio::time::sleep(Duration::from_secs(1)).await;
            Ok::<_, ()>(counted.fetch_add(1, Ordering::Relaxed))
        };
        let (one, other) = tokio::join!(recent.get(count()), recent.get(count()));
        assert_eq!((one, other), (Ok(0), Ok(0)));
        tokio::time::advance(GOOD - Duration::from_secs(2)).await;
        assert_eq!(recent.get(count()).await, Ok(0));
        tokio::time::advance(Duration::from_secs(2)).await;
        assert_eq!(recent.get(count()).await, Ok(1));
    }

    #[tokio::test]
    async fn o4_2_what_could_not_be_counted_is_not_kept() {
        let recent = Recent::default();
        assert_eq!(recent.get(async { Err("no") }).await, Err("no"));
        assert_eq!(recent.get(async { Ok::<_, &str>(7) }).await, Ok(7));
    }
}
