//! REQ and COUNT.

use std::io;
use std::sync::atomic::Ordering;
use std::time::Duration;

use stentor_event::{EoseHint, Event, Filter, SubscriptionId, relay_message};
use tokio::io::{AsyncRead, AsyncWrite};

use super::Asked;
use super::answer::{Answer, answer, heard};
use super::connection::Connection;
use crate::manners::{Auth, Noise, Pause, Reads};
use crate::truth::is_sent_rightly;

/// A subscription that nobody opened.
const NOBODY: &str = "nobody-opened-this";
/// Messages of one flood; it is dry then, and the connection still without EOSE.
const FLOOD: u32 = 200_000;
/// Messages of a flood that are sent at once.
const WAVE: u32 = 200;
/// The pause after these, so that a flood leaves the processor to others.
const BETWEEN_WAVES: Duration = Duration::from_millis(2);
/// A slow relay pauses before each event for this part of its pause.
const EVENT_PART: u32 = 20;

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Connection<S> {
    pub(super) async fn req(
        &mut self,
        sub: SubscriptionId,
        filters: Vec<Filter>,
    ) -> io::Result<()> {
        self.shared.log.ask(
            self.number,
            Asked::Req {
                sub: sub.as_str().to_owned(),
                filters: filters.clone(),
            },
        );
        let before = self.shared.served.fetch_add(1, Ordering::SeqCst);
        let manners = *self.shared.manners();
        match manners.reads {
            Reads::Mute => return Ok(()),
            Reads::HangUp => return Err(io::ErrorKind::ConnectionAborted.into()),
            Reads::Notice => return self.notice("this relay takes no questions").await,
            Reads::Closed(reason) => return self.closed(&sub, reason).await,
            Reads::Withheld | Reads::Answered => {}
        }
        if before < manners.refused_first {
            return self.closed(&sub, "rate-limited: slow down").await;
        }
        if !self.may_read() {
            return self.closed(&sub, "auth-required: who are you?").await;
        }
        let heard: Vec<_> = (filters.iter())
            .map(|filter| heard(manners.deaf, filter))
            .collect();
        let answer = if manners.reads == Reads::Withheld {
            Answer::default()
        } else {
            answer(
                &manners,
                &self.shared.holdings.read(),
                &filters,
                &mut self.dice,
            )
        };
        self.follow(sub.clone(), heard);
        self.send_all(&sub, &answer).await?;
        if manners.noise == Noise::Flood {
            self.flood(&sub, &answer.events).await?;
        }
        if manners.eose {
            let hint = match (manners.hints, answer.more) {
                (false, _) => None,
                (true, false) => Some(EoseHint::Finish),
                (true, true) => Some(EoseHint::More),
            };
            self.eose(&sub, hint).await?;
        }
        Ok(())
    }

    pub(super) async fn count(
        &mut self,
        sub: SubscriptionId,
        filters: Vec<Filter>,
    ) -> io::Result<()> {
        self.shared.log.ask(self.number, Asked::Count(filters));
        match self.shared.manners().reads {
            Reads::Mute => Ok(()),
            _ => self.closed(&sub, "unsupported: COUNT").await,
        }
    }

    /// Whether this client is shown anything.
    pub(super) fn may_read(&self) -> bool {
        self.shared.manners().auth == Auth::NotWanted || self.authenticated
    }

    pub(super) async fn closed(&mut self, sub: &SubscriptionId, reason: &str) -> io::Result<()> {
        let mut message = Vec::new();
        relay_message::closed(&mut message, sub, reason);
        self.say(message).await
    }

    async fn eose(&mut self, sub: &SubscriptionId, hint: Option<EoseHint>) -> io::Result<()> {
        if self.shared.manners().pause == Pause::BeforeEose {
            tokio::time::sleep(self.shared.birth.pause).await;
        }
        let mut message = Vec::new();
        relay_message::eose(&mut message, sub, hint);
        self.say(message).await
    }

    /// The stored events, with whatever disturbs them.
    async fn send_all(&mut self, sub: &SubscriptionId, answer: &Answer) -> io::Result<()> {
        let manners = *self.shared.manners();
        for (number, event) in answer.events.iter().enumerate() {
            if manners.pause == Pause::BeforeEvents {
                self.flush().await?;
                tokio::time::sleep(self.shared.birth.pause / EVENT_PART).await;
            }
            if manners.noise == Noise::Malformed {
                self.disturb(sub, number).await?;
            }
            self.send_one(sub, event).await?;
            if manners.noise == Noise::Duplicates {
                self.send_one(sub, event).await?;
            }
            if manners.last_event == Some(self.sent) {
                self.flush().await?;
                return Err(io::ErrorKind::ConnectionAborted.into());
            }
        }
        self.flush().await
    }

    async fn send_one(&mut self, sub: &SubscriptionId, event: &Event) -> io::Result<()> {
        let misplaced = self.shared.manners().noise == Noise::WrongSubscription
            && !is_sent_rightly(&event.id());
        let stray = misplaced.then(|| SubscriptionId::new(NOBODY)).flatten();
        let mut message = Vec::with_capacity(event.json().len() + 96);
        relay_message::event(&mut message, stray.as_ref().unwrap_or(sub), event.json());
        self.sent += 1;
        self.put(message).await
    }

    /// Messages that are none, once each at the beginning of an answer.
    async fn disturb(&mut self, sub: &SubscriptionId, number: usize) -> io::Result<()> {
        match number {
            0 => self.put(b"this is no JSON".to_vec()).await,
            1 => {
                let cut_off = format!("[\"EVENT\",\"{sub}\",{{\"id\":\"00");
                self.put(cut_off.into_bytes()).await
            }
            2 => self.put_binary(vec![0, 1, 2, 3]).await,
            _ => Ok(()),
        }
    }

    /// The same events over and over, those that were not asked for, and those for a subscription that is not there.
    async fn flood(&mut self, sub: &SubscriptionId, asked: &[Event]) -> io::Result<()> {
        let stray = SubscriptionId::new(NOBODY).unwrap_or_else(|| sub.clone());
        let all = self.shared.holdings.read().events().to_vec();
        for number in 0..FLOOD {
            let (sub, events) = match number % 3 {
                0 => (sub, asked),
                1 => (sub, &*all),
                _ => (&stray, &*all),
            };
            let mut message = Vec::new();
            match events.get(number as usize % events.len().max(1)) {
                Some(event) => relay_message::event(&mut message, sub, event.json()),
                None => relay_message::notice(&mut message, "nothing to see"),
            }
            self.put(message).await?;
            if number % WAVE == WAVE - 1 {
                self.flush().await?;
                tokio::time::sleep(BETWEEN_WAVES).await;
            }
        }
        self.flush().await
    }
}
