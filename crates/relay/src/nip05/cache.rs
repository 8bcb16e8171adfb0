//! What domains have said.

use std::hash::Hash;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hashbrown::{Equivalent, HashMap};
use parking_lot::Mutex;
use stentor_event::PublicKey;

use super::lookup::{Address, Answer};

/// Answers remembered; when there are as many, half of them are forgotten, the oldest.
const ENTRIES: usize = 65_536;
/// How long it counts that a domain could not be asked.
const UNKNOWN: Duration = Duration::from_secs(60);

/// How long answers count.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lifetimes {
    pub(crate) verified: Duration,
    pub(crate) failed: Duration,
}

/// A key, and a domain that is asked about it.
pub(super) type Subject = (PublicKey, Arc<str>);

/// A [`Subject`] that is looked for. Its hash is the same.
#[derive(Hash)]
struct Sought<'a>(&'a PublicKey, &'a str);

impl Equivalent<Subject> for Sought<'_> {
    fn equivalent(&self, subject: &Subject) -> bool {
        *self.0 == subject.0 && *self.1 == *subject.1
    }
}

/// Answers by key and domain.
#[derive(Default)]
pub(super) struct Cache {
    entries: Mutex<HashMap<Subject, Entry>>,
}

struct Entry {
    /// The name that was asked about.
    name: Box<str>,
    answer: Answer,
    at: Instant,
    /// When the domain could not be asked again, after it had vouched.
    failed: Option<Instant>,
}

impl Entry {
    /// The answer, as long as it counts. Where a domain has vouched and cannot be asked again, that counts for as long
    /// once more.
    fn answer(&self, lifetimes: Lifetimes, now: Instant) -> Option<Answer> {
        let is_within = |since: Instant, time| now.saturating_duration_since(since) < time;
        let counts = match self.answer {
            Answer::Yes => {
                let failed_lately = self.failed.is_some_and(|at| is_within(at, UNKNOWN));
                is_within(self.at, lifetimes.verified)
                    || (failed_lately && self.is_extended(lifetimes, now))
            }
            Answer::No => is_within(self.at, lifetimes.failed),
            Answer::Unknown => is_within(self.at, UNKNOWN),
        };
        counts.then_some(self.answer)
    }

    fn is_extended(&self, lifetimes: Lifetimes, now: Instant) -> bool {
        let most = lifetimes.verified.saturating_mul(2);
        self.answer == Answer::Yes && now.saturating_duration_since(self.at) < most
    }
}

impl Cache {
    /// Whether the domain has vouched for the key, under whatever name.
    pub(super) fn vouched(
        &self,
        key: &PublicKey,
        domain: &str,
        lifetimes: Lifetimes,
        now: Instant,
    ) -> bool {
        let entries = self.entries.lock();
        let entry = entries.get(&Sought(key, domain));
        entry.and_then(|entry| entry.answer(lifetimes, now)) == Some(Answer::Yes)
    }

    /// What the domain has said of the key, if it still counts. That it did not vouch counts for the name that it was
    /// asked about only.
    pub(super) fn get(
        &self,
        key: &PublicKey,
        address: &Address,
        lifetimes: Lifetimes,
        now: Instant,
    ) -> Option<Answer> {
        let entries = self.entries.lock();
        let entry = entries.get(&Sought(key, &address.domain))?;
        let answer = entry.answer(lifetimes, now)?;
        (answer != Answer::No || *entry.name == *address.name).then_some(answer)
    }

    /// Remembers an answer.
    pub(super) fn put(
        &self,
        key: PublicKey,
        address: &Address,
        answer: Answer,
        lifetimes: Lifetimes,
        now: Instant,
    ) {
        let mut entries = self.entries.lock();
        if answer == Answer::Unknown
            && let Some(entry) = entries.get_mut(&Sought(&key, &address.domain))
            && entry.is_extended(lifetimes, now)
        {
            entry.failed = Some(now);
            return;
        }
        if entries.len() >= ENTRIES {
            forget_half(&mut entries);
        }
        let entry = Entry {
            name: address.name.as_str().into(),
            answer,
            at: now,
            failed: None,
        };
        entries.insert((key, address.domain.as_str().into()), entry);
    }
}

/// Forgets the older half.
fn forget_half(entries: &mut HashMap<Subject, Entry>) {
    let mut times: Vec<Instant> = entries.values().map(|entry| entry.at).collect();
    let middle = times.len() / 2;
    let (_, middle, _) = times.select_nth_unstable(middle);
    let middle = *middle;
    entries.retain(|_, entry| entry.at > middle);
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIFETIMES: Lifetimes = Lifetimes {
        verified: Duration::from_secs(100),
        failed: Duration::from_secs(10),
    };
    const KEY: PublicKey = PublicKey([1; 32]);

    fn address(text: &str) -> Address {
        Address::parse(text).unwrap()
    }

    /// A cache, and the time that began with it.
    struct Bench(Cache, Instant);

    impl Bench {
        fn new() -> Self {
            Self(Cache::default(), Instant::now())
        }

        fn at(&self, seconds: u64) -> Instant {
            self.1 + Duration::from_secs(seconds)
        }

        fn put(&self, text: &str, answer: Answer, seconds: u64) {
            let (address, now) = (address(text), self.at(seconds));
            self.0.put(KEY, &address, answer, LIFETIMES, now);
        }

        fn get(&self, text: &str, seconds: u64) -> Option<Answer> {
            self.0
                .get(&KEY, &address(text), LIFETIMES, self.at(seconds))
        }
    }

    #[test]
    fn r4_2_good_and_bad_news_last_for_their_time() {
        let bench = Bench::new();
        bench.put("a@good.example", Answer::Yes, 0);
        bench.put("a@bad.example", Answer::No, 0);
        assert_eq!(bench.get("a@good.example", 99), Some(Answer::Yes));
        assert_eq!(bench.get("a@good.example", 100), None);
        assert_eq!(bench.get("a@bad.example", 9), Some(Answer::No));
        assert_eq!(bench.get("a@bad.example", 10), None);
        assert_eq!(bench.get("a@other.example", 0), None);
        let vouched =
            |domain, seconds| (bench.0).vouched(&KEY, domain, LIFETIMES, bench.at(seconds));
        assert!(vouched("good.example", 99) && !vouched("good.example", 100));
        assert!(!vouched("bad.example", 0));
    }

    #[test]
    fn r4_2_what_one_domain_says_is_nothing_against_another() {
        let bench = Bench::new();
        bench.put("a@good.example", Answer::Yes, 0);
        bench.put("a@bad.example", Answer::No, 1);
        assert_eq!(bench.get("a@good.example", 2), Some(Answer::Yes));
        assert_eq!(bench.get("a@bad.example", 2), Some(Answer::No));
        assert_eq!(bench.get("b@bad.example", 2), None, "another name there");
    }

    #[test]
    fn r4_2_an_outage_counts_for_a_minute_only() {
        let bench = Bench::new();
        bench.put("a@down.example", Answer::Unknown, 0);
        assert_eq!(bench.get("a@down.example", 59), Some(Answer::Unknown));
        assert_eq!(bench.get("a@down.example", 60), None);
    }

    #[test]
    fn r4_2_who_was_verified_stays_so_through_an_outage() {
        let bench = Bench::new();
        bench.put("a@good.example", Answer::Yes, 0);
        bench.put("a@good.example", Answer::Unknown, 110);
        assert_eq!(bench.get("a@good.example", 111), Some(Answer::Yes));
        assert_eq!(bench.get("a@good.example", 170), None, "it is asked again");
        bench.put("a@good.example", Answer::Unknown, 170);
        assert_eq!(bench.get("a@good.example", 199), Some(Answer::Yes));
        assert_eq!(bench.get("a@good.example", 200), None, "but not for ever");
        bench.put("a@good.example", Answer::Unknown, 200);
        assert_eq!(bench.get("a@good.example", 201), Some(Answer::Unknown));
    }

    #[test]
    fn r4_2_the_cache_stays_as_large_as_it_may_be() {
        let (cache, start) = (Cache::default(), Instant::now());
        let address = address("a@example.com");
        for number in 0..(ENTRIES as u64 + 10) {
            let mut key = [0; 32];
            key[..8].copy_from_slice(&number.to_be_bytes());
            let at = start + Duration::from_nanos(number);
            cache.put(PublicKey(key), &address, Answer::No, LIFETIMES, at);
        }
        assert!(cache.entries.lock().len() <= ENTRIES);
    }
}
