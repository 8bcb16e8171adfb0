//! What becomes of mentions, in the transaction that writes them (O1.1): what is known is counted, what is new is taken up while there
//! is room for it.

use stentor_sql::{Error, Transaction};

use super::intake::Found;
use super::places::{Places, Refused};
use super::source::Source;
use crate::clock::stored;
use crate::relay_url::RelayUrl;
use crate::table::{RelayId, id_of, mention};

/// What became of mentions.
#[derive(Debug, Default)]
pub(super) struct Taken {
    /// Those that are candidates by it.
    pub new: Vec<RelayUrl>,
    /// How many were dropped as there was no room for them.
    pub no_room: u64,
    /// How many were dropped as there was none among those of their hosts.
    pub of_full_hosts: u64,
}

/// What becomes of a mention.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is counted.
    Known(RelayId),
    /// It is taken up and counted.
    New,
    /// It is dropped.
    Refused(Refused),
}

/// Says what becomes of each mention, in their order.
///
/// # Errors
/// Those of the records.
pub(super) fn judge(
    tx: &mut Transaction<'_>,
    mentions: &Found,
    mut places: Places,
) -> Result<Vec<Verdict>, Error> {
    let mut verdicts = Vec::with_capacity(mentions.len());
    let mut before: Option<&RelayUrl> = None;
    for (url, source) in mentions.keys() {
        let verdict = match id_of(tx, url)? {
            Some(id) => Verdict::Known(id),
            // By another source, too: it takes one place.
            None if before == Some(url) => Verdict::New,
            None => places
                .take(url, *source)
                .map_or_else(Verdict::Refused, |()| Verdict::New),
        };
        if verdict == Verdict::New {
            before = Some(url);
        }
        verdicts.push(verdict);
    }
    Ok(verdicts)
}

/// Takes up what is new and counts the mentions of it and of what is known, by these verdicts.
///
/// # Errors
/// Those of the records.
pub(super) fn write(
    tx: &mut Transaction<'_>,
    mentions: &Found,
    verdicts: &[Verdict],
    now_ms: u64,
) -> Result<Taken, Error> {
    let mut taken = Taken::default();
    for (((url, source), found), verdict) in mentions.iter().zip(verdicts) {
        let id = match verdict {
            Verdict::Known(id) => *id,
            Verdict::New => {
                let first_in = found.first_in.as_deref();
                let (id, new) = mention(tx, url, source.as_str(), first_in, now_ms)?;
                taken.new.extend(new.then(|| url.clone()));
                id
            }
            Verdict::Refused(refused) => {
                match refused {
                    Refused::Room => taken.no_room += 1,
                    Refused::Host => taken.of_full_hosts += 1,
                }
                continue;
            }
        };
        count(tx, id, *source, found.times, now_ms)?;
    }
    Ok(taken)
}

fn count(
    tx: &mut Transaction<'_>,
    id: RelayId,
    source: Source,
    times: i64,
    now_ms: u64,
) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO observatory_mentions (relay, source, mentions, first_ms, last_ms) VALUES (?1, ?2, ?3, ?4, ?4)
         ON CONFLICT (relay, source) DO UPDATE SET mentions = observatory_mentions.mentions + excluded.mentions,
         last_ms = excluded.last_ms",
        (id.0, source.as_str(), times, stored(now_ms)),
    )?;
    Ok(())
}
