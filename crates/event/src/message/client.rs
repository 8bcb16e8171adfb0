//! What clients send.

use std::borrow::Cow;

use super::error::{MessageError, Verb};
use super::limits::ParseLimits;
use super::subscription::SubscriptionId;
use crate::cow_event::CowEvent;
use crate::error::{EventError, SyntaxError};
use crate::event::Event;
use crate::filter::{Filter, FilterError};
use crate::hex;
use crate::parse::salvage_id;
use crate::scan::Scanner;
use crate::text::{JsonStr, brief};

/// A message from a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientMessage<'a> {
    /// Publish an event. Its id and signature are not checked yet.
    Event(Event),
    /// Ask for stored events and follow new ones.
    Req {
        /// The subscription.
        sub: SubscriptionId,
        /// At least one filter.
        filters: Vec<Filter>,
    },
    /// End a subscription.
    Close(SubscriptionId),
    /// Authenticate (NIP-42). Id and signature are not checked yet.
    Auth(Event),
    /// Ask for a count (NIP-45).
    Count {
        /// The query.
        sub: SubscriptionId,
        /// At least one filter.
        filters: Vec<Filter>,
    },
    /// Begin a reconciliation (NIP-77).
    NegOpen {
        /// The reconciliation, in a name space of its own.
        sub: SubscriptionId,
        /// What to reconcile.
        filter: Filter,
        /// The first binary message.
        message: Vec<u8>,
    },
    /// Go on with a reconciliation (NIP-77).
    NegMsg {
        /// The reconciliation.
        sub: SubscriptionId,
        /// The binary message.
        message: Vec<u8>,
    },
    /// End a reconciliation (NIP-77).
    NegClose(SubscriptionId),
    /// A well-formed message with a verb that is not known; its first 40 characters.
    Unknown(Cow<'a, str>),
}

/// Parses one message from a client. Well-formed elements after those of the message are ignored.
///
/// # Errors
/// What is wrong, with the event id or subscription it concerns as far as that can be read.
pub fn parse_client_message<'a, T: AsRef<[u8]> + ?Sized>(
    text: &'a T,
    limits: &ParseLimits,
) -> Result<ClientMessage<'a>, MessageError> {
    let mut scanner = Scanner::checked(text.as_ref())?;
    if !scanner.accept_token(b'[') {
        return Err(MessageError::NotAMessage);
    }
    let verb = scanner.string().map_err(|_| MessageError::NotAMessage)?;
    let body = Body { scanner, limits };
    match &*verb.unescape() {
        b"EVENT" => body.event(Verb::Event).map(ClientMessage::Event),
        b"AUTH" => body.event(Verb::Auth).map(ClientMessage::Auth),
        b"REQ" => body
            .filters(Verb::Req)
            .map(|(sub, filters)| ClientMessage::Req { sub, filters }),
        b"COUNT" => body
            .filters(Verb::Count)
            .map(|(sub, filters)| ClientMessage::Count { sub, filters }),
        b"CLOSE" => body
            .only_subscription(Verb::Close)
            .map(ClientMessage::Close),
        b"NEG-OPEN" => body.neg_open(),
        b"NEG-MSG" => body.neg_msg(),
        b"NEG-CLOSE" => body
            .only_subscription(Verb::NegClose)
            .map(ClientMessage::NegClose),
        _ => {
            body.finish()?;
            Ok(ClientMessage::Unknown(known_part(verb)))
        }
    }
}

/// A verb for a message, shortened: it may be as long as a frame.
fn known_part(verb: JsonStr<'_>) -> Cow<'_, str> {
    match verb.to_text() {
        short if short.len() <= 40 => short,
        long => Cow::Owned(brief(long.as_bytes())),
    }
}

/// What follows the verb.
struct Body<'a, 'l> {
    scanner: Scanner<'a>,
    limits: &'l ParseLimits,
}

impl Body<'_, '_> {
    fn event(mut self, verb: Verb) -> Result<Event, MessageError> {
        let start = self.scanner.clone();
        self.read_event().map_err(|error| {
            let mut event = start;
            let _ = event.accept_token(b',');
            MessageError::Event {
                verb,
                id: salvage_id(event.rest()),
                error,
            }
        })
    }

    fn read_event(&mut self) -> Result<Event, EventError> {
        self.scanner.expect_token(b',')?;
        let event = CowEvent::read(
            &mut self.scanner,
            self.limits.max_event_bytes,
            self.limits.max_event_tags,
        )?;
        self.rest()?;
        Ok(event.into_owned())
    }

    fn filters(mut self, verb: Verb) -> Result<(SubscriptionId, Vec<Filter>), MessageError> {
        let sub = self.subscription(verb)?;
        let mut filters = Vec::new();
        while self.scanner.accept_token(b',') {
            let max = self.limits.max_filters;
            if max > 0 && filters.len() == max {
                return Err(MessageError::TooManyFilters { verb, sub, max });
            }
            match Filter::read(&mut self.scanner, &self.limits.filter) {
                Ok(filter) => filters.push(filter),
                Err(error) => return Err(MessageError::Filter { verb, sub, error }),
            }
        }
        if let Err(error) = self.end() {
            return Err(MessageError::Filter {
                verb,
                sub,
                error: error.into(),
            });
        }
        if filters.is_empty() {
            return Err(MessageError::NoFilters { verb, sub });
        }
        Ok((sub, filters))
    }

    fn only_subscription(mut self, verb: Verb) -> Result<SubscriptionId, MessageError> {
        let sub = self.subscription(verb)?;
        self.finish()?;
        Ok(sub)
    }

    fn neg_open<'a>(mut self) -> Result<ClientMessage<'a>, MessageError> {
        let verb = Verb::NegOpen;
        let sub = self.subscription(verb)?;
        let filter = match self.scanner.expect_token(b',').map_err(FilterError::from) {
            Ok(()) => Filter::read(&mut self.scanner, &self.limits.filter),
            Err(error) => Err(error),
        };
        match filter {
            Ok(filter) => {
                let message = self.binary(verb, &sub)?;
                Ok(ClientMessage::NegOpen {
                    sub,
                    filter,
                    message,
                })
            }
            Err(error) => Err(MessageError::Filter { verb, sub, error }),
        }
    }

    fn neg_msg<'a>(mut self) -> Result<ClientMessage<'a>, MessageError> {
        let sub = self.subscription(Verb::NegMsg)?;
        let message = self.binary(Verb::NegMsg, &sub)?;
        Ok(ClientMessage::NegMsg { sub, message })
    }

    fn subscription(&mut self, verb: Verb) -> Result<SubscriptionId, MessageError> {
        let max = match self.limits.max_subscription_chars {
            0 => SubscriptionId::MAX_CHARS,
            max => max,
        };
        let read = |scanner: &mut Scanner<'_>| {
            scanner.expect_token(b',').ok()?;
            SubscriptionId::within(&scanner.string().ok()?.to_text(), max)
        };
        read(&mut self.scanner).ok_or(MessageError::SubscriptionId { verb, max })
    }

    /// The last element of a negentropy message.
    fn binary(&mut self, verb: Verb, sub: &SubscriptionId) -> Result<Vec<u8>, MessageError> {
        let read = |body: &mut Self| {
            body.scanner.expect_token(b',').ok()?;
            let message = hex::decode(&body.scanner.string().ok()?.unescape())?;
            body.rest().ok()?;
            Some(message)
        };
        read(self).ok_or_else(|| MessageError::Binary {
            verb,
            sub: sub.clone(),
        })
    }

    /// Further elements up to the end of the message.
    fn rest(&mut self) -> Result<(), SyntaxError> {
        while self.scanner.accept_token(b',') {
            self.scanner.value()?;
        }
        self.end()
    }

    fn end(&mut self) -> Result<(), SyntaxError> {
        self.scanner.expect_token(b']')?;
        self.scanner.end()
    }

    fn finish(mut self) -> Result<(), MessageError> {
        Ok(self.rest()?)
    }
}
