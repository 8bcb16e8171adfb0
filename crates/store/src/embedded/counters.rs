//! Counts that are kept up to date, so that asking again costs nothing.
//!
//! The first COUNT for a key counts its postings; from then on the committer adds and subtracts. The same holds for the
//! HyperLogLog registers of NIP-45, but that a removal makes them be counted anew, as registers cannot be lowered. Which
//! counts are kept is bounded: when there are too many, all are forgotten and counted anew when asked for.

use hashbrown::HashMap;
use stentor_event::PublicKey;
use stentor_event::hll::Registers;

use super::key::Key;

/// Most keys with a maintained count.
const KEPT: usize = 65_536;

/// A count for one key.
#[derive(Debug, Default)]
struct Kept {
    /// What was counted, as of the moment this entry was made; `None` while that goes on.
    base: Option<u64>,
    /// What has come and gone since.
    since: i64,
    /// Registers, and the place in the authors' keys that they are made from.
    registers: Option<(usize, Box<Registers>)>,
    /// How often the registers were begun anew.
    beginnings: u32,
}

/// An event, as far as counts are concerned.
pub struct Counted<'a> {
    /// Its kind.
    pub kind: u16,
    /// Its author.
    pub author: PublicKey,
    /// What it is found under.
    pub keys: &'a [Key],
    /// The segment of its record in the log.
    pub segment: u32,
    /// Bytes of its record.
    pub bytes: u64,
}

/// Leave to count a key; see [`Counters::of_key`].
#[derive(Debug, Clone, Copy)]
pub struct Ticket {
    key: Key,
    epoch: u64,
    since: i64,
    beginnings: u32,
}

/// See the module.
#[derive(Default)]
pub struct Counters {
    /// Events by kind.
    by_kind: HashMap<u16, u64>,
    /// Bytes of records of events that are there, by log segment.
    live_bytes: HashMap<u32, i64>,
    kept: HashMap<Key, Kept>,
    /// How often all kept counts were forgotten.
    epoch: u64,
}

impl Counters {
    /// Notes an event that came.
    pub fn added(&mut self, event: &Counted<'_>) {
        *self.live_bytes.entry(event.segment).or_default() += event.bytes as i64;
        *self.by_kind.entry(event.kind).or_default() += 1;
        self.change(event.keys, |kept| {
            kept.since += 1;
            if let Some((offset, registers)) = &mut kept.registers {
                registers.add(*offset, &event.author);
            }
        });
    }

    /// Notes an event that left.
    pub fn removed(&mut self, event: &Counted<'_>) {
        // Below zero while a segment is being replaced by its copy; see `moved`.
        *self.live_bytes.entry(event.segment).or_default() -= event.bytes as i64;
        if let Some(count) = self.by_kind.get_mut(&event.kind) {
            *count = count.saturating_sub(1);
        }
        self.change(event.keys, |kept| {
            kept.since -= 1;
            kept.registers = None;
        });
    }

    /// Bytes of records of events that are there, by log segment.
    pub fn live_bytes(&self) -> &HashMap<u32, i64> {
        &self.live_bytes
    }

    /// Notes that a segment was replaced by a copy.
    pub fn moved(&mut self, old: u32, new: u32) {
        let bytes = self.live_bytes.remove(&old).unwrap_or(0);
        *self.live_bytes.entry(new).or_default() += bytes;
    }

    fn change(&mut self, keys: &[Key], mut change: impl FnMut(&mut Kept)) {
        if self.kept.is_empty() {
            return;
        }
        for key in keys {
            if let Some(kept) = self.kept.get_mut(key) {
                change(kept);
            }
        }
    }

    /// Events of a kind.
    pub fn of_kind(&self, kind: u16) -> u64 {
        self.by_kind.get(&kind).copied().unwrap_or(0)
    }

    /// Events of every kind.
    pub fn kinds(&self) -> impl Iterator<Item = (u16, u64)> + '_ {
        let kinds = self.by_kind.iter().map(|(kind, count)| (*kind, *count));
        kinds.filter(|(_, count)| *count > 0)
    }

    /// The kept count of a key, its registers merged into `registers` when these are wanted (with the place in the
    /// authors' keys); or a ticket for counting it as of this very moment.
    pub fn of_key(
        &mut self,
        key: Key,
        registers: Option<(usize, &mut Registers)>,
    ) -> Result<u64, Ticket> {
        if self.kept.len() >= KEPT && !self.kept.contains_key(&key) {
            self.kept.clear();
            self.epoch += 1;
        }
        let kept = self.kept.entry(key).or_default();
        if let Some((offset, into)) = registers {
            match &kept.registers {
                Some((own, found)) if *own == offset => {
                    if kept.base.is_some() {
                        into.merge(found);
                    }
                }
                _ => {
                    kept.base = None;
                    kept.beginnings += 1;
                    kept.registers = Some((offset, Box::default()));
                }
            }
        }
        let ticket = Ticket {
            key,
            epoch: self.epoch,
            since: kept.since,
            beginnings: kept.beginnings,
        };
        kept.base
            .map(|base| base.saturating_add_signed(kept.since))
            .ok_or(ticket)
    }

    /// Hands in what was counted for the moment of the ticket.
    pub fn counted(&mut self, ticket: Ticket, count: u64, registers: Option<&Registers>) {
        let Some(kept) = self.kept.get_mut(&ticket.key) else {
            return;
        };
        if ticket.epoch != self.epoch || ticket.beginnings != kept.beginnings {
            return;
        }
        if let Some((_, own)) = &mut kept.registers {
            match registers {
                Some(counted) => own.merge(counted),
                // Registers were begun by someone who still counts.
                None => return,
            }
        }
        kept.base = Some(count.saturating_add_signed(-ticket.since));
    }
}
