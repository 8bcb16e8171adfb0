//! Work for a connection that takes long, in a thread of its own (R8.2): so many at a time as there are turns, charged to the
//! connection in every case, and told when nobody waits for it any more.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::spawn_blocking;

use crate::fanout::Client;

/// Whether somebody still waits for the result.
#[derive(Debug, Clone)]
pub(crate) struct Wanted(Arc<AtomicBool>);

impl Wanted {
    /// Whether it is worth going on.
    pub(crate) fn is_wanted(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Who waits.
struct Waiting(Wanted);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.0.store(false, Ordering::Relaxed);
    }
}

/// Work that is being done. Its turn lasts as long as it does, whoever waits; when it ends, the client owes its time.
struct Running {
    client: Arc<Client>,
    begun: Instant,
    _turn: OwnedSemaphorePermit,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.client.owe(self.begun.elapsed());
    }
}

/// Does this when it is its turn; the result with the time it took, which the client owes already. `None`: the work has
/// panicked. When the future is dropped, the work learns of it.
pub(crate) async fn aside<T: Send + 'static>(
    turns: &Arc<Semaphore>,
    client: Arc<Client>,
    work: impl FnOnce(&Wanted) -> T + Send + 'static,
) -> Option<(T, Duration)> {
    let turn = Arc::clone(turns).acquire_owned().await.ok()?;
    let wanted = Wanted(Arc::new(AtomicBool::new(true)));
    let _waiting = Waiting(wanted.clone());
    let working = move || {
        let running = Running {
            client,
            begun: Instant::now(),
            _turn: turn,
        };
        let result = work(&wanted);
        (result, running.begun.elapsed())
    };
    spawn_blocking(working).await.ok()
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use futures_util::FutureExt;
    use stentor_event::{Viewer, VisibilityRules};
    use stentor_serve::{Outbox, OutboxLimits};

    use super::*;

    fn client() -> Arc<Client> {
        let rules = Arc::new(VisibilityRules::default());
        let anonymous = Arc::new(Viewer::anonymous(rules));
        Arc::new(Client::new(Outbox::new(OutboxLimits::default()), anonymous))
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn r4_5_work_that_nobody_waits_for_keeps_its_turn_is_told_and_is_charged() {
        let (turns, client) = (Arc::new(Semaphore::new(1)), client());
        let (started, has_started) = mpsc::channel();
        let work = move |wanted: &Wanted| {
            started.send(()).unwrap();
            while wanted.is_wanted() {
                std::thread::yield_now();
            }
            std::thread::sleep(Duration::from_millis(2));
        };
        let mut first = Box::pin(aside(&turns, Arc::clone(&client), work));
        assert!(first.as_mut().now_or_never().is_none());
        has_started.recv().unwrap();
        let mut second = Box::pin(aside(&turns, Arc::clone(&client), |_| ()));
        assert!(
            second.as_mut().now_or_never().is_none(),
            "one at a time, whoever waits for it"
        );
        assert_eq!(client.take_debt(), 0);
        drop(first);
        assert!(second.await.is_some(), "it ends, and its turn with it");
        assert!(client.take_debt() >= 2_000);
    }

    #[tokio::test]
    async fn r4_5_work_is_charged_once() {
        let (turns, client) = (Arc::new(Semaphore::new(1)), client());
        let work = |_: &Wanted| std::thread::sleep(Duration::from_millis(5));
        let ((), took) = aside(&turns, Arc::clone(&client), work).await.unwrap();
        assert!(took >= Duration::from_millis(5));
        let debt = client.take_debt();
        assert!(debt >= crate::cost::rows(took), "{debt} {took:?}");
        assert_eq!(client.take_debt(), 0);
        let panics = aside(&turns, Arc::clone(&client), |_| panic!("test"));
        assert!(panics.await.is_none());
        assert_eq!(turns.available_permits(), 1);
    }
}
