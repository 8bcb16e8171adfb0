//! What a relay answers to a REQ: pure.

use std::collections::HashSet;

use stentor_event::{Event, Filter};

use super::holdings::Holdings;
use crate::dice::Dice;
use crate::manners::{Deaf, Manners, Order};

/// Filters of a REQ that are answered; more are ignored.
const MAX_FILTERS: usize = 16;

/// The stored events for a REQ.
#[derive(Debug, Default)]
pub(super) struct Answer {
    /// In the order in which they are sent.
    pub(super) events: Vec<Event>,
    /// Whether more would have matched.
    pub(super) more: bool,
}

/// Chooses what is sent for these filters; `dice` decides where a relay is arbitrary.
pub(super) fn answer(
    manners: &Manners,
    holdings: &Holdings,
    filters: &[Filter],
    dice: &mut Dice,
) -> Answer {
    let (mut all, mut sent) = (Answer::default(), HashSet::new());
    for filter in filters.iter().take(MAX_FILTERS) {
        let one = answer_one(manners, holdings, &heard(manners.deaf, filter), dice);
        all.more |= one.more;
        let new = one.events.into_iter();
        all.events
            .extend(new.filter(|event| sent.insert(event.id())));
    }
    if let Some(cap) = manners.cap {
        all.more |= all.events.len() > cap;
        all.events.truncate(cap);
    }
    all
}

fn answer_one(manners: &Manners, holdings: &Holdings, filter: &Filter, dice: &mut Dice) -> Answer {
    let mut events: Vec<Event> = holdings.matching(filter).cloned().collect();
    match manners.order {
        Order::NewestFirst => {}
        Order::OldestFirst => events.reverse(),
        Order::Arbitrary => dice.shuffle(&mut events),
    }
    let asked = filter.limit.map_or(usize::MAX, |limit| {
        usize::try_from(limit).unwrap_or(usize::MAX)
    });
    let most = asked.min(manners.cap.unwrap_or(usize::MAX));
    let more = events.len() > most;
    events.truncate(most);
    Answer { events, more }
}

/// The filter as a relay understands it.
pub(super) fn heard(deaf: Deaf, filter: &Filter) -> Filter {
    let mut heard = filter.clone();
    match deaf {
        Deaf::Nothing => {}
        Deaf::Since => heard.since = None,
        Deaf::Until => heard.until = None,
        Deaf::Limit => heard.limit = None,
        Deaf::All => heard = Filter::default(),
    }
    heard
}

#[cfg(test)]
mod tests {
    use stentor_event::{EventBuilder, Kind, SecretKey, Timestamp};

    use super::*;
    use crate::Character;

    fn ask(character: Character, filters: &[&str]) -> (Vec<u64>, bool) {
        let key = SecretKey::from_bytes([3; 32]).unwrap();
        let note = |at| EventBuilder::new(Kind(1), Timestamp(at)).sign(&key);
        let holdings = Holdings::new((0..100).map(note).collect());
        let filters: Vec<_> = (filters.iter())
            .map(|json| Filter::parse(json.as_bytes()).unwrap())
            .collect();
        let dice = &mut Dice::new(1, 1);
        let answer = answer(&Manners::of(character), &holdings, &filters, dice);
        let times = answer.events.iter().map(|event| event.created_at().0);
        (times.collect(), answer.more)
    }

    #[test]
    fn o5_4_filters_are_heard_as_the_character_has_it() {
        let window = [r#"{"since":10,"until":19,"limit":5}"#];
        let newest_first = |from: u64, to: u64| (from..=to).rev().collect::<Vec<_>>();
        for (character, expected) in [
            (Character::Honest, newest_first(15, 19)),
            (Character::IgnoresLimit, newest_first(10, 19)),
            (Character::IgnoresUntil, newest_first(95, 99)),
            (Character::IgnoresSince, newest_first(15, 19)),
            (Character::IgnoresFilters, newest_first(0, 99)),
            (Character::OldestFirst, (10..=14).collect()),
        ] {
            assert_eq!(ask(character, &window).0, expected, "{character}");
        }
    }

    #[test]
    fn o5_4_a_cap_is_that_of_the_whole_request() {
        assert_eq!(ask(Character::Capped, &["{}"]).0.len(), 50);
        let two = [r#"{"until":39}"#, r#"{"since":30,"until":69}"#];
        let (times, more) = ask(Character::CappedHints, &two);
        assert_eq!((times.len(), more), (50, true));
        let (times, more) = ask(Character::CappedHints, &[r#"{"since":50}"#]);
        assert_eq!((times.len(), more), (50, false));
        let (mut times, _) = ask(Character::Arbitrary, &["{}"]);
        assert_ne!(times, (50..100).rev().collect::<Vec<_>>());
        times.sort_unstable();
        times.dedup();
        assert_eq!(times.len(), 50);
    }
}
