//! Whether an event is what was asked for, and what is counted when it is not.

use std::sync::atomic::{AtomicU64, Ordering};

use stentor_event::{EventView, Filter};

use crate::metrics;

/// Why something that came was dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dropped {
    /// Not a message, or not a valid event in it.
    Malformed,
    /// For a subscription that never was.
    Unasked,
    /// For a subscription that is closed: it was on its way.
    Late,
    /// The id is not that of the event.
    Id,
    /// The signature is wrong.
    Signature,
    /// None of the subscription's filters matches.
    Filter,
}

impl Dropped {
    const ALL: [Self; 6] = [
        Self::Malformed,
        Self::Unasked,
        Self::Late,
        Self::Id,
        Self::Signature,
        Self::Filter,
    ];

    /// A word for metrics.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Unasked => "unasked",
            Self::Late => "late",
            Self::Id => "id",
            Self::Signature => "signature",
            Self::Filter => "filter",
        }
    }
}

/// How much was dropped on one connection, by reason.
#[derive(Debug, Default)]
pub struct Drops([AtomicU64; Dropped::ALL.len()]);

impl Drops {
    /// How much was dropped for this reason.
    #[must_use]
    pub fn of(&self, reason: Dropped) -> u64 {
        let count = self.0.get(reason as usize);
        count.map_or(0, |count| count.load(Ordering::Relaxed))
    }

    /// How much of it speaks against the relay.
    #[must_use]
    pub fn faults(&self) -> u64 {
        let faults = Dropped::ALL
            .into_iter()
            .filter(|reason| *reason != Dropped::Late);
        faults.map(|reason| self.of(reason)).sum()
    }

    /// Whether there are `most` faults (0: never).
    pub(crate) fn are_too_many(&self, most: u64) -> bool {
        most > 0 && self.faults() >= most
    }

    pub(crate) fn add(&self, reason: Dropped) {
        if let Some(count) = self.0.get(reason as usize) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        metrics::dropped(reason);
    }
}

/// Checks an event for a subscription with these filters; the cheapest check first, the signature last and only if `verify`.
pub(crate) fn check(
    event: &EventView<'_>,
    filters: &[Filter],
    verify: bool,
) -> Result<(), Dropped> {
    if !filters.iter().any(|filter| filter.matches(event)) {
        return Err(Dropped::Filter);
    }
    event.check_id().map_err(|_| Dropped::Id)?;
    if verify {
        event.verify_signature().map_err(|_| Dropped::Signature)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use stentor_event::{Event, EventBuilder, Kind, SecretKey, Timestamp};

    use super::*;

    #[test]
    fn each_fault_is_found() {
        let event = EventBuilder::new(Kind(1), Timestamp(5))
            .content("a")
            .sign(&SecretKey::from_bytes([3; 32]).unwrap());
        let filter = |json: &str| vec![Filter::parse(json.as_bytes()).unwrap()];
        let notes = filter(r#"{"kinds":[1]}"#);
        let changed = |from: &str, to: &str| {
            let json = String::from_utf8(event.json().to_vec()).unwrap();
            Event::parse(json.replace(from, to).as_bytes()).unwrap()
        };
        assert_eq!(check(&event.view(), &notes, true), Ok(()));
        let others = filter(r#"{"kinds":[7]}"#);
        assert_eq!(check(&event.view(), &others, true), Err(Dropped::Filter));
        let other_content = changed("\"content\":\"a\"", "\"content\":\"b\"");
        assert_eq!(
            check(&other_content.view(), &notes, false),
            Err(Dropped::Id)
        );
        let sig = event.sig().to_string();
        let forged = changed(&sig, &sig.chars().rev().collect::<String>());
        assert_eq!(check(&forged.view(), &notes, true), Err(Dropped::Signature));
        assert_eq!(check(&forged.view(), &notes, false), Ok(()));
    }

    #[test]
    fn what_was_on_its_way_is_no_fault() {
        let drops = Drops::default();
        Dropped::ALL
            .into_iter()
            .for_each(|reason| drops.add(reason));
        drops.add(Dropped::Late);
        assert_eq!((drops.of(Dropped::Late), drops.faults()), (2, 5));
    }
}
