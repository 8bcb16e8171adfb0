//! Events, day by day and kind by kind.

use std::sync::Arc;

use sha2::{Digest, Sha256};
use stentor_event::{EventView, Filter, Kind, Viewer};
use stentor_store::{Budget, Query, ScanLimits, StoredEvent};

use super::{Ended, Export, aside};
use crate::error::Error;
use crate::export::encoder::{Encoded, Encoder};
use crate::export::manifest::Hash;
use crate::export::name::{Day, LAST_DAY, Name};
use crate::export::table::EVENTS;

/// What one slice may do: events of these bytes are in memory.
const SLICE: Budget = Budget {
    events: 4_096,
    bytes: 512 * 1024,
    rows: 65_536,
};

/// A file that is being written.
struct Part {
    encoder: Encoder,
    hash: Sha256,
    times: Option<(u64, u64)>,
    /// Bytes after which another part is begun.
    most: u64,
}

/// A file that is complete, with the times of its events.
type Finished = (Encoded, Option<(u64, u64)>);

impl Part {
    /// Writes events until it is full; gives back those that have no room.
    fn take(&mut self, events: Vec<StoredEvent>) -> std::io::Result<Vec<StoredEvent>> {
        let mut events = events.into_iter();
        while self.encoder.raw < self.most {
            let Some(stored) = events.next() else {
                break;
            };
            let event = EventView::from_canonical(&stored.json)
                .map_err(|error| std::io::Error::other(error.to_string()))?;
            self.hash.update(event.id().0);
            let time = event.created_at().0;
            let (first, last) = self.times.unwrap_or((time, time));
            self.times = Some((first.min(time), last.max(time)));
            self.encoder.event(&event)?;
        }
        Ok(events.collect())
    }
}

impl Export<'_> {
    /// Writes the days that have changed.
    pub(super) async fn events(&mut self) -> Result<(), Ended> {
        let mut from = Day(0);
        while let Some(day) = self.next_day(from).await? {
            for (kind, group) in self.kinds_of(day).await? {
                let first = Name::Events {
                    day: day.0,
                    kind,
                    part: 0,
                };
                self.going_on()?;
                if self.keep(first, &group.content).await? {
                    self.done.done += group.events;
                    self.tell();
                } else {
                    self.group(day, kind).await?;
                }
            }
            if day.0 >= LAST_DAY {
                break;
            }
            from = Day(day.0 + 1);
        }
        Ok(())
    }

    /// Writes the events of a day and kind. What they are told by is made of what was written, which is newer than what was
    /// looked at before.
    async fn group(&mut self, day: Day, kind: u16) -> Result<(), Ended> {
        let filter = Filter {
            kinds: Some(vec![Kind(kind)]),
            ..self.filter(day.start(), day.end())
        };
        let mut scan = self.ground.archive.scan(Query {
            filters: Arc::from([filter]),
            now: self.ground.clock.now(),
            before: None,
            limits: ScanLimits { cap: 0, rows: 0 },
        });
        let mut hash = Sha256::new();
        let mut waiting: Option<Part> = None;
        let mut parts: Vec<Finished> = Vec::new();
        loop {
            self.going_on()?;
            let batch = scan.next(&Viewer::operator(), SLICE).await?;
            let events = batch.events.len() as u64;
            let mut left = batch.events;
            while !left.is_empty() {
                let mut part = match waiting.take() {
                    Some(part) => part,
                    None => self.part(&hash).await?,
                };
                let (part, rest) = aside(move || {
                    let rest = part.take(left)?;
                    Ok((part, rest))
                })
                .await?;
                hash = part.hash.clone();
                left = rest;
                if part.encoder.raw >= part.most {
                    parts.push(finished(part).await?);
                } else {
                    waiting = Some(part);
                }
            }
            self.done.done += events;
            self.done.events += events;
            self.tell();
            if batch.end.is_some() {
                break;
            }
        }
        if let Some(part) = waiting {
            parts.push(finished(part).await?);
        }
        let content: Hash = hash.finalize().into();
        for (part, (file, times)) in (0..).zip(parts) {
            let day = day.0;
            self.put(file, Name::Events { day, kind, part }, (content, times))
                .await?;
        }
        Ok(())
    }

    async fn part(&self, hash: &Sha256) -> Result<Part, Error> {
        let (format, folder) = (self.wish.format, self.scratch.path().to_owned());
        let encoder = aside(move || Encoder::new(EVENTS, format, &folder)).await?;
        Ok(Part {
            encoder,
            hash: hash.clone(),
            times: None,
            most: self.part_bytes,
        })
    }
}

async fn finished(part: Part) -> Result<Finished, Error> {
    let times = part.times;
    let file = aside(move || part.encoder.finish()).await?;
    Ok((file, times))
}
