//! Positional parameters of a method.

use std::fmt::Display;

use serde_json::Value;
use stentor_event::{EventId, PublicKey};
use stentor_net::client::Cidr;

use super::CallError;
use crate::access::Role;
use crate::config::parse_key;

/// Longest text that a parameter may be, in bytes.
const TEXT: usize = 4_096;

/// The parameters of a call.
#[derive(Debug, Clone, Copy)]
pub(super) struct Params<'a>(pub(super) &'a [Value]);

impl<'a> Params<'a> {
    /// Refuses more than `most` parameters: the caller means something else.
    pub(super) fn at_most(self, most: usize) -> Result<Self, CallError> {
        if self.0.len() > most {
            return Err(CallError::Params(format!(
                "at most {most} parameters, not {}",
                self.0.len()
            )));
        }
        Ok(self)
    }

    /// The value at this place; `null` counts as none.
    fn get(self, place: usize) -> Option<&'a Value> {
        self.0.get(place).filter(|value| !value.is_null())
    }

    /// A text that may be left out.
    pub(super) fn optional_text(self, place: usize) -> Result<Option<String>, CallError> {
        match self.get(place) {
            None => Ok(None),
            Some(Value::String(text)) if text.len() <= TEXT => Ok(Some(text.clone())),
            Some(Value::String(_)) => Err(wrong(place, format!("is longer than {TEXT} bytes"))),
            Some(_) => Err(wrong(place, "is no text")),
        }
    }

    /// A text.
    pub(super) fn text(self, place: usize) -> Result<String, CallError> {
        self.optional_text(place)?
            .ok_or_else(|| wrong(place, "is missing"))
    }

    /// A text that says why; an empty one says nothing.
    pub(super) fn reason(self, place: usize) -> Result<Option<String>, CallError> {
        let text = self.optional_text(place)?;
        Ok(text.filter(|text| !text.is_empty()))
    }

    /// A public key.
    pub(super) fn key(self, place: usize) -> Result<PublicKey, CallError> {
        parse_key(&self.text(place)?)
            .ok_or_else(|| wrong(place, "is no public key of 64 lower-case hex digits"))
    }

    /// An event's id.
    pub(super) fn event(self, place: usize) -> Result<EventId, CallError> {
        EventId::from_hex(self.text(place)?.as_bytes())
            .ok_or_else(|| wrong(place, "is no event id of 64 lower-case hex digits"))
    }

    /// An address or a network.
    pub(super) fn network(self, place: usize) -> Result<Cidr, CallError> {
        let text = self.text(place)?;
        text.parse().map_err(|error| wrong(place, error))
    }

    /// A kind.
    pub(super) fn kind(self, place: usize) -> Result<u16, CallError> {
        self.number(place)?
            .and_then(|number| number.try_into().ok())
            .ok_or_else(|| wrong(place, "is no kind, a number from 0 to 65535"))
    }

    /// A whole number, as a number or in a text, that may be left out.
    pub(super) fn number(self, place: usize) -> Result<Option<i64>, CallError> {
        let number = match self.get(place) {
            None => return Ok(None),
            Some(Value::String(text)) if text.is_empty() => return Ok(None),
            Some(Value::String(text)) => text.parse().ok(),
            Some(value) => value.as_i64(),
        };
        number
            .map(Some)
            .ok_or_else(|| wrong(place, "is no whole number"))
    }

    /// A number of something, 1 or more, that may be left out; 0 stands for none too.
    pub(super) fn count(self, place: usize) -> Result<Option<u64>, CallError> {
        let Some(number) = self.number(place)? else {
            return Ok(None);
        };
        let number = u64::try_from(number).map_err(|_| wrong(place, "is less than 0"))?;
        Ok(Some(number).filter(|number| *number > 0))
    }

    /// A role: id, label, description, color, order.
    pub(super) fn role(self) -> Result<Role, CallError> {
        let id = self.text(0)?;
        if id.is_empty() || id.len() > 64 {
            return Err(wrong(0, "is no id of 1 to 64 bytes"));
        }
        let color = self.number(3)?;
        let in_circle = |color: i64| u16::try_from(color).ok().filter(|color| *color <= 360);
        let color = match color {
            None => None,
            Some(color) => Some(in_circle(color).ok_or_else(|| wrong(3, "is no hue, 0 to 360"))?),
        };
        Ok(Role {
            id,
            label: self.reason(1)?,
            description: self.reason(2)?,
            color,
            order: self.number(4)?,
        })
    }
}

fn wrong(place: usize, problem: impl Display) -> CallError {
    CallError::Params(format!("parameter {} {problem}", place + 1))
}
