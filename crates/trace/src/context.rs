//! The trace that something happens in, for whoever tells others of it (W3C Trace Context, section 3.2).
//!
//! A task says in which trace it works by [`InTrace`], and [`current`] tells that to whatever runs in it. What takes another way than
//! its task's, as a stored event does, is tied to its trace for a while: [`tie`], [`tied`].

use std::cell::RefCell;
use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use parking_lot::Mutex;
use pin_project_lite::pin_project;

/// Things that are tied to their traces at a time; the oldest leave.
const TIED: usize = 1_024;

thread_local! {
    /// The trace of the task that is being polled.
    static CURRENT: RefCell<Option<Arc<str>>> = const { RefCell::new(None) };
}

/// What was tied, the oldest first.
static TIES: Mutex<VecDeque<([u8; 32], Arc<str>)>> = Mutex::new(VecDeque::new());
/// Whether anything ever was: else nobody looks.
static ANY: AtomicBool = AtomicBool::new(false);

/// The `traceparent` of the task that runs on this thread, if it works in a trace that is recorded.
#[must_use]
pub fn current() -> Option<Arc<str>> {
    CURRENT.with_borrow(Clone::clone)
}

/// Ties something, by its id, to the trace of this `traceparent`.
pub fn tie(id: [u8; 32], traceparent: Arc<str>) {
    let mut ties = TIES.lock();
    if ties.len() >= TIED {
        ties.pop_front();
    }
    ties.push_back((id, traceparent));
    ANY.store(true, Ordering::Release);
}

/// The `traceparent` that something is tied to, as long as that is remembered.
#[must_use]
pub fn tied(id: &[u8; 32]) -> Option<Arc<str>> {
    if !ANY.load(Ordering::Acquire) {
        return None;
    }
    let ties = TIES.lock();
    let mut newest = ties.iter().rev();
    newest
        .find(|(one, _)| one == id)
        .map(|(_, traceparent)| Arc::clone(traceparent))
}

pin_project! {
    /// A task that works in a trace, or in none.
    pub struct InTrace<F> {
        traceparent: Option<Arc<str>>,
        #[pin]
        task: F,
    }
}

impl<F> InTrace<F> {
    /// The task works in the trace of this `traceparent`.
    pub const fn new(traceparent: Option<Arc<str>>, task: F) -> Self {
        Self { traceparent, task }
    }

    /// The task works in the trace that whoever begins it works in.
    pub fn same(task: F) -> Self {
        Self::new(current(), task)
    }
}

impl<F: Future> Future for InTrace<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        if this.traceparent.is_none() {
            return this.task.poll(cx);
        }
        let _restored = Restored(CURRENT.replace(this.traceparent.clone()));
        this.task.poll(cx)
    }
}

/// Puts back what was before, also when the task panics.
struct Restored(Option<Arc<str>>);

impl Drop for Restored {
    fn drop(&mut self) {
        CURRENT.set(self.0.take());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Option<Arc<str>> {
        Some(Arc::from(text))
    }

    #[tokio::test]
    async fn g7_tasks_on_one_thread_keep_their_traces_apart() {
        let task = |own: &'static str| {
            InTrace::new(name(own), async move {
                for _ in 0..3 {
                    assert_eq!(current().as_deref(), Some(own));
                    tokio::task::yield_now().await;
                }
                tokio::spawn(InTrace::same(async { current() }))
                    .await
                    .unwrap()
            })
        };
        let (one, other) = tokio::join!(task("one"), task("other"));
        assert_eq!((one, other), (name("one"), name("other")));
        assert_eq!(current(), None);
    }

    #[test]
    fn g7_what_is_tied_is_found_until_too_much_is() {
        let id = |number: u16| {
            let mut id = [7; 32];
            id[..2].copy_from_slice(&number.to_be_bytes());
            id
        };
        tie(id(0), Arc::from("first"));
        assert_eq!(tied(&id(0)), name("first"));
        assert_eq!(tied(&id(1)), None);
        for number in 1..=TIED as u16 {
            tie(id(number), Arc::from("later"));
        }
        assert_eq!(tied(&id(0)), None);
        assert_eq!(tied(&id(1)), name("later"));
    }
}
