//! What relays send, as a client reads it: strict where a mistake would change the meaning, lenient to what is left out or added.

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use thiserror::Error;

use super::limits::ParseLimits;
use super::relay::EoseHint;
use crate::cow_event::CowEvent;
use crate::error::{EventError, SyntaxError};
use crate::hex;
use crate::hll::Registers;
use crate::keys::EventId;
use crate::scan::Scanner;
use crate::text::{JsonStr, brief};

/// A message from a relay. Names of subscriptions are as the relay wrote them: they may be none of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RelayMessage<'a> {
    /// An event for a subscription. Id and signature are not checked yet, nor whether it was asked for.
    Event {
        /// The subscription.
        sub: Cow<'a, str>,
        /// The event.
        event: CowEvent<'a>,
    },
    /// The answer to an `EVENT` or `AUTH`.
    Ok {
        /// The event.
        id: EventId,
        /// Whether it was accepted.
        accepted: bool,
        /// Why, with its NIP-01 prefix; empty when the relay says nothing.
        reason: Cow<'a, str>,
    },
    /// The stored events have been sent.
    Eose {
        /// The subscription.
        sub: Cow<'a, str>,
        /// Whether that was all (NIP-67). Of both hints at once, `More` counts: to ask once more is harmless.
        hint: Option<EoseHint>,
    },
    /// A subscription or count was ended or refused by the relay.
    Closed {
        /// The subscription.
        sub: Cow<'a, str>,
        /// Why; empty when the relay says nothing.
        reason: Cow<'a, str>,
    },
    /// Words for a person.
    Notice(Cow<'a, str>),
    /// A challenge to be signed (NIP-42).
    Auth(Cow<'a, str>),
    /// A count (NIP-45).
    Count {
        /// The query.
        sub: Cow<'a, str>,
        /// How many there are.
        count: u64,
        /// Whether that is an estimate.
        approximate: bool,
        /// For merging with the counts of other relays; ones that cannot be read are none.
        registers: Option<Box<Registers>>,
    },
    /// A step of a reconciliation (NIP-77).
    NegMsg {
        /// The reconciliation.
        sub: Cow<'a, str>,
        /// The binary message.
        message: Vec<u8>,
    },
    /// A reconciliation was ended or refused by the relay (NIP-77).
    NegErr {
        /// The reconciliation.
        sub: Cow<'a, str>,
        /// Why; empty when the relay says nothing.
        reason: Cow<'a, str>,
    },
    /// A well-formed message with a verb that is not known; its first 40 characters.
    Unknown(Cow<'a, str>),
}

/// Why a relay's message cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RelayMessageError {
    /// Not well-formed JSON.
    #[error("malformed message: {0}")]
    Malformed(#[from] SyntaxError),
    /// Not an array that begins with a string.
    #[error("a message is a JSON array that begins with a verb")]
    NotAMessage,
    /// The event in it is not valid.
    #[error("{0}")]
    Event(#[from] EventError),
    /// An element that must be there is not, or is something else.
    #[error("{verb} without {what}")]
    Element {
        /// The verb.
        verb: &'static str,
        /// What belongs there.
        what: &'static str,
    },
}

type Result<T> = std::result::Result<T, RelayMessageError>;

/// Parses one message from a relay. Well-formed elements after those of the message are ignored. Of the limits, those on events
/// count.
///
/// # Errors
/// What is wrong with it.
pub fn parse_relay_message<'a, T: AsRef<[u8]> + ?Sized>(
    text: &'a T,
    limits: &ParseLimits,
) -> Result<RelayMessage<'a>> {
    let mut scanner = Scanner::checked(text.as_ref())?;
    if !scanner.accept_token(b'[') {
        return Err(RelayMessageError::NotAMessage);
    }
    let verb = scanner
        .string()
        .map_err(|_| RelayMessageError::NotAMessage)?;
    let body = |verb| Body { scanner, verb };
    match &*verb.unescape() {
        b"EVENT" => body("EVENT").event(limits),
        b"OK" => body("OK").ok(),
        b"EOSE" => body("EOSE").eose(),
        b"CLOSED" => {
            let (sub, reason) = body("CLOSED").ended()?;
            Ok(RelayMessage::Closed { sub, reason })
        }
        b"NOTICE" => body("NOTICE").words().map(RelayMessage::Notice),
        b"AUTH" => body("AUTH").words().map(RelayMessage::Auth),
        b"COUNT" => body("COUNT").count(),
        b"NEG-MSG" => body("NEG-MSG").neg_msg(),
        b"NEG-ERR" => {
            let (sub, reason) = body("NEG-ERR").ended()?;
            Ok(RelayMessage::NegErr { sub, reason })
        }
        _ => {
            body("").rest()?;
            Ok(RelayMessage::Unknown(shortened(verb)))
        }
    }
}

fn shortened(verb: JsonStr<'_>) -> Cow<'_, str> {
    match verb.to_text() {
        short if short.len() <= 40 => short,
        long => Cow::Owned(brief(long.as_bytes())),
    }
}

/// What follows the verb.
struct Body<'a> {
    scanner: Scanner<'a>,
    verb: &'static str,
}

impl<'a> Body<'a> {
    fn event(mut self, limits: &ParseLimits) -> Result<RelayMessage<'a>> {
        let sub = self.sub()?;
        self.scanner.expect_token(b',')?;
        let event = CowEvent::read(
            &mut self.scanner,
            limits.max_event_bytes,
            limits.max_event_tags,
        )?;
        self.rest()?;
        Ok(RelayMessage::Event { sub, event })
    }

    fn ok(mut self) -> Result<RelayMessage<'a>> {
        let id = self.string("an event id")?.unescape();
        let id = EventId::from_hex(&id).ok_or(self.lacks("an event id"))?;
        let accepted = match self.next().map(|value| value.unwrap_or_default())? {
            b"true" => true,
            b"false" => false,
            _ => return Err(self.lacks("true or false")),
        };
        let reason = self.reason()?;
        Ok(RelayMessage::Ok {
            id,
            accepted,
            reason,
        })
    }

    fn eose(mut self) -> Result<RelayMessage<'a>> {
        let sub = self.sub()?;
        let hint = self.next()?.and_then(hint_of);
        self.rest()?;
        Ok(RelayMessage::Eose { sub, hint })
    }

    /// Subscription and reason.
    fn ended(mut self) -> Result<(Cow<'a, str>, Cow<'a, str>)> {
        let sub = self.sub()?;
        Ok((sub, self.reason()?))
    }

    fn words(mut self) -> Result<Cow<'a, str>> {
        let words = self.string("a text")?.to_text();
        self.rest()?;
        Ok(words)
    }

    fn count(mut self) -> Result<RelayMessage<'a>> {
        let sub = self.sub()?;
        let object = self.next()?.unwrap_or_default();
        let lacks = self.lacks("a count");
        self.rest()?;
        let found = Counted::read(object).ok_or(lacks)?;
        Ok(RelayMessage::Count {
            sub,
            count: found.count,
            approximate: found.approximate,
            registers: found.registers,
        })
    }

    fn neg_msg(mut self) -> Result<RelayMessage<'a>> {
        let sub = self.sub()?;
        let text = self.string("a message in hex")?.unescape();
        let message = hex::decode(&text).ok_or(self.lacks("a message in hex"))?;
        self.rest()?;
        Ok(RelayMessage::NegMsg { sub, message })
    }

    fn sub(&mut self) -> Result<Cow<'a, str>> {
        Ok(self.string("a subscription id")?.to_text())
    }

    fn string(&mut self, what: &'static str) -> Result<JsonStr<'a>> {
        let read = |scanner: &mut Scanner<'a>| {
            scanner.expect_token(b',').ok()?;
            scanner.string().ok()
        };
        read(&mut self.scanner).ok_or(self.lacks(what))
    }

    /// The text of the next element, if there is one.
    fn next(&mut self) -> Result<Option<&'a [u8]>> {
        if !self.scanner.accept_token(b',') {
            return Ok(None);
        }
        Ok(Some(self.scanner.value()?))
    }

    /// The last element that means something; anything but a string is as good as none.
    fn reason(mut self) -> Result<Cow<'a, str>> {
        let element = self.next()?.unwrap_or_default();
        self.rest()?;
        let reason = Scanner::new(element).string();
        Ok(reason.map(JsonStr::to_text).unwrap_or_default())
    }

    /// Further elements up to the end of the message.
    fn rest(mut self) -> Result<()> {
        while self.next()?.is_some() {}
        self.scanner.expect_token(b']')?;
        Ok(self.scanner.end()?)
    }

    const fn lacks(&self, what: &'static str) -> RelayMessageError {
        let verb = self.verb;
        RelayMessageError::Element { verb, what }
    }
}

/// The hint in an array of hints (NIP-67); unknown ones are ignored.
fn hint_of(array: &[u8]) -> Option<EoseHint> {
    let mut scanner = Scanner::new(array);
    let (mut hint, mut open) = (None, scanner.accept_token(b'['));
    while open {
        let element = scanner.value().ok()?;
        match Scanner::new(element).string().ok().map(JsonStr::unescape) {
            Some(text) if *text == *b"more" => return Some(EoseHint::More),
            Some(text) if *text == *b"finish" => hint = Some(EoseHint::Finish),
            _ => {}
        }
        open = scanner.accept_token(b',');
    }
    hint
}

/// The object of a `COUNT`.
struct Counted {
    count: u64,
    approximate: bool,
    registers: Option<Box<Registers>>,
}

impl Counted {
    /// Reads an object that is known to be well-formed. Of a key that is there twice, the last one counts.
    fn read(object: &[u8]) -> Option<Self> {
        let mut scanner = Scanner::new(object);
        let (mut count, mut approximate, mut registers) = (None, false, None);
        let mut open = scanner.accept_token(b'{');
        while open {
            // An empty object ends here.
            let Ok(key) = scanner.string() else { break };
            scanner.expect_token(b':').ok()?;
            let value = scanner.value().ok()?;
            match &*key.unescape() {
                b"count" => count = Some(Scanner::new(value).unsigned(u64::MAX).ok()?),
                b"approximate" => approximate = value == b"true",
                b"hll" => registers = registers_of(value),
                _ => {}
            }
            open = scanner.accept_token(b',');
        }
        Some(Self {
            count: count?,
            approximate,
            registers,
        })
    }
}

fn registers_of(value: &[u8]) -> Option<Box<Registers>> {
    let text = Scanner::new(value).string().ok()?;
    Registers::from_hex(&text.unescape()).map(Box::new)
}
