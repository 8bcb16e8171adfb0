//! What is written to a stream next: events, a comment when it was quiet, a hint when the server drains.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::Stream;
use futures_util::stream::empty;
use tokio::time::{Instant, Sleep, sleep_until};

use super::encode::Events;
use super::response::StreamConfig;
use crate::drain::{DrainSignal, Stage};

type Source = Pin<Box<dyn Stream<Item = Events> + Send>>;

/// Why a feed has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Its source has.
    Source,
    /// The server drains.
    Drain,
}

/// The events of one stream and what goes in between. It holds nothing that is not taken.
pub(crate) struct Feed {
    source: Source,
    config: StreamConfig,
    /// Fires when the stream may have been quiet for long; set again only then, so that events do not touch it.
    quiet: Option<Pin<Box<Sleep>>>,
    /// When something was given out last.
    given: Instant,
    drain: DrainSignal,
    stage: Stage,
    /// Waits for the stage after this.
    next_stage: Pin<Box<dyn Future<Output = ()> + Send>>,
    ending: Option<Ending>,
}

impl Feed {
    /// Must be made in a runtime.
    pub(crate) fn new(source: Source, config: StreamConfig, drain: DrainSignal) -> Self {
        let now = Instant::now();
        let quiet =
            (!config.keep_alive.is_zero()).then(|| Box::pin(sleep_until(now + config.keep_alive)));
        Self {
            source,
            config,
            quiet,
            given: now,
            next_stage: reached(drain.clone(), Stage::Draining),
            drain,
            stage: Stage::Running,
            ending: None,
        }
    }

    /// Why it has ended, if it has.
    pub(crate) const fn ending(&self) -> Option<Ending> {
        self.ending
    }

    /// How far the drain is. Registers the waker.
    pub(crate) fn poll_stage(&mut self, cx: &mut Context<'_>) -> Stage {
        while self.stage < Stage::Aborting && self.next_stage.as_mut().poll(cx).is_ready() {
            self.stage = match self.stage {
                Stage::Running => Stage::Draining,
                Stage::Draining | Stage::Aborting => Stage::Aborting,
            };
            self.next_stage = reached(self.drain.clone(), Stage::Aborting);
        }
        self.stage
    }

    /// What is to be written next; `None` at the end.
    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Events>> {
        if self.ending.is_some() {
            return Poll::Ready(None);
        }
        if self.poll_stage(cx) >= Stage::Draining {
            // What the source holds is free before the client has taken the hint.
            self.end(Ending::Drain);
            let mut hint = Events::new();
            hint.retry(self.config.reconnect);
            return Poll::Ready(Some(hint));
        }
        loop {
            match self.source.as_mut().poll_next(cx) {
                Poll::Ready(Some(events)) if events.is_empty() => {}
                Poll::Ready(Some(events)) => {
                    self.given = Instant::now();
                    return Poll::Ready(Some(events));
                }
                Poll::Ready(None) => {
                    self.end(Ending::Source);
                    return Poll::Ready(None);
                }
                Poll::Pending => return self.poll_quiet(cx).map(Some),
            }
        }
    }

    /// A comment when nothing was given out for long.
    fn poll_quiet(&mut self, cx: &mut Context<'_>) -> Poll<Events> {
        let Some(quiet) = &mut self.quiet else {
            return Poll::Pending;
        };
        while quiet.as_mut().poll(cx).is_ready() {
            let now = Instant::now();
            let long = now >= self.given + self.config.keep_alive;
            if long {
                self.given = now;
            }
            quiet.as_mut().reset(self.given + self.config.keep_alive);
            if long {
                let mut comment = Events::new();
                comment.comment("");
                return Poll::Ready(comment);
            }
        }
        Poll::Pending
    }

    fn end(&mut self, ending: Ending) {
        self.ending = Some(ending);
        self.source = Box::pin(empty());
        self.quiet = None;
    }
}

fn reached(drain: DrainSignal, stage: Stage) -> Pin<Box<dyn Future<Output = ()> + Send>> {
    Box::pin(async move { drain.reached(stage).await })
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::time::Duration;

    use futures_util::{StreamExt, stream};
    use tokio::time::{advance, timeout};

    use super::*;
    use crate::drain::Drain;

    const CONFIG: StreamConfig = StreamConfig {
        keep_alive: Duration::from_secs(15),
        reconnect: Duration::from_millis(2_345),
    };

    async fn next(feed: &mut Feed) -> Option<String> {
        let events = poll_fn(|cx| feed.poll_next(cx)).await?;
        Some(String::from_utf8(events.into_bytes()).unwrap())
    }

    fn event(text: &str) -> Events {
        let mut events = Events::new();
        let data = super::super::Event {
            data: text,
            ..Default::default()
        };
        events.event(&data).unwrap();
        events
    }

    #[tokio::test(start_paused = true)]
    async fn g3_1_comments_come_when_it_was_quiet_and_only_then() {
        let drain = Drain::new();
        let (give, take) = tokio::sync::mpsc::unbounded_channel();
        let source = stream::unfold(take, |mut take| async { Some((take.recv().await?, take)) });
        let mut feed = Feed::new(source.boxed(), CONFIG, drain.signal());
        let begun = Instant::now();
        assert_eq!(next(&mut feed).await.unwrap(), ": \n\n");
        assert_eq!(begun.elapsed(), CONFIG.keep_alive);
        advance(Duration::from_secs(10)).await;
        give.send(event("a")).unwrap();
        assert_eq!(next(&mut feed).await.unwrap(), "data: a\n\n");
        let given = Instant::now();
        assert_eq!(next(&mut feed).await.unwrap(), ": \n\n");
        assert_eq!(given.elapsed(), CONFIG.keep_alive);
        drop(give);
        assert_eq!(next(&mut feed).await, None);
        assert_eq!(feed.ending(), Some(Ending::Source));
    }

    #[tokio::test(start_paused = true)]
    async fn g6_1_the_hint_ends_it_and_the_source_goes_first() {
        let drain = Drain::new();
        let (held, mut gone) = tokio::sync::oneshot::channel::<()>();
        let source = stream::pending::<Events>().map(move |events| {
            let _ = &held;
            events
        });
        let mut feed = Feed::new(source.boxed(), CONFIG, drain.signal());
        assert!(
            timeout(Duration::from_secs(1), next(&mut feed))
                .await
                .is_err()
        );
        drain.start();
        assert_eq!(next(&mut feed).await.unwrap(), "retry: 2345\n\n");
        assert!(
            gone.try_recv()
                .is_err_and(|error| error == tokio::sync::oneshot::error::TryRecvError::Closed)
        );
        assert_eq!(next(&mut feed).await, None);
        assert_eq!(feed.ending(), Some(Ending::Drain));
        let begun = Instant::now();
        drain.run(Duration::from_secs(1)).await;
        assert!(
            begun.elapsed().is_zero(),
            "who only listens is not waited for"
        );
    }
}
