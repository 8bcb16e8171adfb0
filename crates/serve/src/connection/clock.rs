//! Pings, write stalls and the close handshake's patience, on one timer.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

use crate::config::WebSocketConfig;

/// What time it is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Due {
    /// The client was silent: ping it.
    Ping,
    /// It did not answer.
    NoPong,
    /// The socket took nothing for too long.
    Stalled,
    /// The close handshake took too long.
    CloseTimeout,
}

/// The times of a connection. The timer is set again only when it fires, so that traffic does not touch it.
#[derive(Debug)]
pub(super) struct Clock {
    timer: Option<Pin<Box<Sleep>>>,
    heard: Instant,
    pinged: Option<Instant>,
    blocked: Instant,
    closing: Option<Instant>,
    ping_interval: Duration,
}

impl Clock {
    /// `id` spreads the pings of connections that were opened together.
    pub(super) fn new(config: &WebSocketConfig, id: u64) -> Self {
        let now = Instant::now();
        let spread = u32::try_from(id.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 60).unwrap_or(0);
        let ping_interval = config.ping_interval - config.ping_interval / 128 * spread;
        let mut clock = Self {
            timer: None,
            heard: now,
            pinged: None,
            blocked: now,
            closing: None,
            ping_interval,
        };
        if !ping_interval.is_zero() {
            clock.set(now + ping_interval);
        }
        clock
    }

    /// Bytes came in.
    pub(super) fn heard(&mut self) {
        self.heard = Instant::now();
        self.pinged = None;
    }

    /// The socket took what it could and then no more.
    pub(super) fn blocked_now(&mut self, config: &WebSocketConfig) {
        self.blocked = Instant::now();
        if !config.write_timeout.is_zero() {
            self.set_earlier(self.blocked + config.write_timeout);
        }
    }

    /// The close handshake begins.
    pub(super) fn closing(&mut self, config: &WebSocketConfig) {
        let deadline = Instant::now() + config.close_timeout;
        self.closing = Some(deadline);
        self.set_earlier(deadline);
    }

    /// What is due, if anything. Registers the waker.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        blocked: bool,
        paused: bool,
        config: &WebSocketConfig,
    ) -> Option<Due> {
        while self.timer.as_mut()?.as_mut().poll(cx) == Poll::Ready(()) {
            let (due, next) = self.check(Instant::now(), blocked, paused, config);
            match next {
                Some(next) => self.set(next),
                None => self.timer = None,
            }
            if due.is_some() {
                return due;
            }
        }
        None
    }

    fn check(
        &mut self,
        now: Instant,
        blocked: bool,
        paused: bool,
        config: &WebSocketConfig,
    ) -> (Option<Due>, Option<Instant>) {
        if let Some(deadline) = self.closing {
            return if now >= deadline {
                (Some(Due::CloseTimeout), None)
            } else {
                (None, Some(deadline))
            };
        }
        let mut next = None;
        if blocked && !config.write_timeout.is_zero() {
            let deadline = self.blocked + config.write_timeout;
            if now >= deadline {
                return (Some(Due::Stalled), None);
            }
            next = Some(deadline);
        }
        if self.ping_interval.is_zero() {
            return (None, next);
        }
        if paused {
            // Nothing is read, so silence proves nothing.
            self.heard = now;
            self.pinged = None;
        }
        let (due, ping_next) = self.check_ping(now, config);
        (
            due,
            Some(next.map_or(ping_next, |next| next.min(ping_next))),
        )
    }

    fn check_ping(&mut self, now: Instant, config: &WebSocketConfig) -> (Option<Due>, Instant) {
        if let Some(pinged) = self.pinged {
            let deadline = pinged + config.pong_timeout;
            return (
                (now >= deadline).then_some(Due::NoPong),
                deadline.max(now + Duration::from_millis(1)),
            );
        }
        let due = self.heard + self.ping_interval;
        if now < due {
            return (None, due);
        }
        self.pinged = Some(now);
        (Some(Due::Ping), now + config.pong_timeout)
    }

    fn set(&mut self, at: Instant) {
        match &mut self.timer {
            Some(timer) => timer.as_mut().reset(at),
            None => self.timer = Some(Box::pin(sleep_until(at))),
        }
    }

    fn set_earlier(&mut self, at: Instant) {
        if self
            .timer
            .as_ref()
            .is_none_or(|timer| timer.deadline() > at)
        {
            self.set(at);
        }
    }
}
