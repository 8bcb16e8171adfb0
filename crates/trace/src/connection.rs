//! Whose task runs on a thread.

use std::cell::Cell;
use std::future::Future;
use std::num::NonZeroU64;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

thread_local! {
    /// The connection whose task is being polled; 0: none.
    static CURRENT: Cell<u64> = const { Cell::new(0) };
}

/// The connection whose task runs on this thread; `None` outside of one, and in threads that work for it.
#[must_use]
pub fn connection() -> Option<NonZeroU64> {
    NonZeroU64::new(CURRENT.get())
}

pin_project! {
    /// The task of a connection. While it is polled, [`connection`] tells its number. That takes the writing of one number, where a
    /// span of `tracing` would take memory for each idle connection and bookkeeping for each poll.
    pub struct InConnection<F> {
        id: u64,
        #[pin]
        task: F,
    }
}

impl<F> InConnection<F> {
    /// Marks the task of the connection of this number; 0 marks nothing.
    pub const fn new(id: u64, task: F) -> Self {
        Self { id, task }
    }
}

impl<F: Future> Future for InConnection<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let _restored = Restored(CURRENT.replace(*this.id));
        this.task.poll(cx)
    }
}

/// Puts back what was before, also when the task panics.
struct Restored(u64);

impl Drop for Restored {
    fn drop(&mut self) {
        CURRENT.set(self.0);
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    fn current() -> Option<u64> {
        connection().map(NonZeroU64::get)
    }

    #[tokio::test]
    async fn p3_tasks_on_one_thread_keep_their_numbers_apart() {
        let task = |id| {
            InConnection::new(id, async move {
                for _ in 0..3 {
                    assert_eq!(current(), Some(id));
                    tokio::task::yield_now().await;
                }
            })
        };
        tokio::join!(task(1), task(2), task(3));
        assert_eq!(current(), None);
    }

    #[tokio::test]
    async fn p3_a_task_that_panics_leaves_no_number_behind() {
        let panicking = InConnection::new(7, poll_fn(|_| -> Poll<()> { panic!("on purpose") }));
        assert!(tokio::spawn(panicking).await.is_err());
        assert_eq!(current(), None);
        let inner = InConnection::new(2, async { current() });
        let outer = InConnection::new(1, async { (inner.await, current()) });
        assert_eq!(outer.await, (Some(2), Some(1)));
    }
}
