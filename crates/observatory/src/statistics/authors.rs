//! Authors: numbered as they first appear, so that who was active is a bitmap.

use std::collections::BTreeMap;
use std::fmt::Write;

use roaring::RoaringBitmap;
use stentor_sql::{Error, Sql, Transaction};

use super::batch::Author;
use super::period::{ABSURD, Period};
use crate::clock::{read, stored};
use crate::table::{for_rows, rows};

/// The author of this batch in the records.
#[derive(Debug, Clone, Copy)]
struct Known {
    number: u64,
    first_day: i64,
}

type Authors = BTreeMap<[u8; 32], Author>;

/// Gives out the next `count` numbers of a name, and returns the first.
pub(super) fn next_numbers(
    tx: &mut Transaction<'_>,
    name: &str,
    count: usize,
    now_ms: u64,
) -> Result<i64, Error> {
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    let (last,): (i64,) = tx.fetch_one(
        "INSERT INTO observatory_cursors (name, place, at_ms) VALUES (?, ?, ?)
         ON CONFLICT (name) DO UPDATE SET place = observatory_cursors.place + excluded.place, at_ms = excluded.at_ms RETURNING place",
        (name, count, stored(now_ms)),
    )?;
    Ok(last - count + 1)
}

/// Counts what these authors did, and returns their numbers.
pub(super) fn count(
    tx: &mut Transaction<'_>,
    authors: &Authors,
    now_ms: u64,
) -> Result<BTreeMap<[u8; 32], u64>, Error> {
    if authors.is_empty() {
        return Ok(BTreeMap::new());
    }
    let known = known(tx, authors)?;
    let mut first_days: BTreeMap<i64, i64> = BTreeMap::new();
    update(tx, authors, &known, &mut first_days)?;
    let mut numbers = insert(tx, authors, &known, &mut first_days, now_ms)?;
    numbers.extend(known.iter().map(|(key, known)| (*key, known.number)));
    let days = first_days
        .into_iter()
        .filter(|(day, more)| *day != ABSURD && *more != 0);
    let days: Vec<_> = days.map(|(day, more)| [day, more]).collect();
    if !days.is_empty() {
        tx.execute(
            for_rows!(
                "INSERT INTO observatory_new_authors (day, authors)
                 SELECT CAST(value ->> 0 AS BIGINT), CAST(value ->> 1 AS BIGINT)",
                "WHERE true ON CONFLICT (day) DO UPDATE SET
                 authors = observatory_new_authors.authors + excluded.authors"
            ),
            (rows(days),),
        )?;
    }
    activate(tx, authors, &numbers)?;
    Ok(numbers)
}

/// Those of these authors that have numbers.
fn known(tx: &mut Transaction<'_>, authors: &Authors) -> Result<BTreeMap<[u8; 32], Known>, Error> {
    let mut keys = String::from("[");
    for key in authors.keys() {
        keys.push_str(if keys.len() > 1 { ",[\"" } else { "[\"" });
        push_hex(&mut keys, key);
        keys.push_str("\"]");
    }
    keys.push(']');
    let sql = Sql::Each {
        sqlite: "SELECT number, pubkey, first_day FROM observatory_authors
                 WHERE pubkey IN (SELECT unhex(value ->> 0) FROM json_each(?))",
        postgres: "SELECT number, pubkey, first_day FROM observatory_authors
                   WHERE pubkey IN (SELECT decode(value ->> 0, 'hex') FROM jsonb_array_elements(CAST(? AS JSONB)))",
    };
    let found: Vec<(i64, [u8; 32], i64)> = tx.fetch_all(sql, (keys,))?;
    let read = |(number, key, first_day)| {
        let number = read(number);
        (key, Known { number, first_day })
    };
    Ok(found.into_iter().map(read).collect())
}

/// Adds to those that have numbers.
fn update(
    tx: &mut Transaction<'_>,
    authors: &Authors,
    known: &BTreeMap<[u8; 32], Known>,
    first_days: &mut BTreeMap<i64, i64>,
) -> Result<(), Error> {
    let mut updates = Vec::new();
    for (key, known) in known {
        let Some(author) = authors.get(key) else {
            continue;
        };
        let first_day = match (known.first_day, author.days.first()) {
            (ABSURD, Some(day)) => *day,
            (before, Some(day)) => before.min(*day),
            (before, None) => before,
        };
        if first_day != known.first_day {
            *first_days.entry(known.first_day).or_default() -= 1;
            *first_days.entry(first_day).or_default() += 1;
        }
        updates.push([stored(known.number), author.events, first_day]);
    }
    if !updates.is_empty() {
        tx.execute(
            for_rows!(
                "UPDATE observatory_authors SET events = observatory_authors.events + came.events, first_day = came.first_day
                 FROM (SELECT CAST(value ->> 0 AS BIGINT) AS number, CAST(value ->> 1 AS BIGINT) AS events,
                 CAST(value ->> 2 AS BIGINT) AS first_day",
                ") AS came WHERE observatory_authors.number = came.number"
            ),
            (rows(updates),),
        )?;
    }
    Ok(())
}

/// Gives numbers to the others.
fn insert(
    tx: &mut Transaction<'_>,
    authors: &Authors,
    known: &BTreeMap<[u8; 32], Known>,
    first_days: &mut BTreeMap<i64, i64>,
    now_ms: u64,
) -> Result<BTreeMap<[u8; 32], u64>, Error> {
    let new = authors.iter().filter(|(key, _)| !known.contains_key(*key));
    let new: Vec<_> = new.collect();
    let mut numbers = BTreeMap::new();
    if new.is_empty() {
        return Ok(numbers);
    }
    let first = next_numbers(tx, "authors.numbered", new.len(), now_ms)?;
    let mut text = String::from("[");
    for (number, (key, author)) in (first..).zip(new) {
        let first_day = author.days.first().copied().unwrap_or(ABSURD);
        *first_days.entry(first_day).or_default() += 1;
        text.push_str(if text.len() > 1 { ",[\"" } else { "[\"" });
        push_hex(&mut text, key);
        // Writing to a string does not fail.
        let _ = write!(text, "\",{number},{first_day},{}]", author.events);
        numbers.insert(*key, read(number));
    }
    text.push(']');
    let sql = Sql::Each {
        sqlite: "INSERT INTO observatory_authors (pubkey, number, first_day, events)
                 SELECT unhex(value ->> 0), value ->> 1, value ->> 2, value ->> 3 FROM json_each(?)",
        postgres: "INSERT INTO observatory_authors (pubkey, number, first_day, events)
                   SELECT decode(value ->> 0, 'hex'), CAST(value ->> 1 AS BIGINT), CAST(value ->> 2 AS BIGINT),
                   CAST(value ->> 3 AS BIGINT) FROM jsonb_array_elements(CAST(? AS JSONB))",
    };
    tx.execute(sql, (text,))?;
    Ok(numbers)
}

/// Appends bytes in hex.
pub(super) fn push_hex(text: &mut String, bytes: &[u8]) {
    for byte in bytes {
        for digit in [byte >> 4, byte & 0xf] {
            text.push(char::from_digit(u32::from(digit), 16).unwrap_or('0'));
        }
    }
}

/// Adds the authors to those that were active in the periods of their events.
fn activate(
    tx: &mut Transaction<'_>,
    authors: &Authors,
    numbers: &BTreeMap<[u8; 32], u64>,
) -> Result<(), Error> {
    let mut active: BTreeMap<(Period, i64), RoaringBitmap> = BTreeMap::new();
    for (key, author) in authors {
        // Bitmaps have 32 bits: authors beyond four milliards are not told apart in time.
        let number = numbers
            .get(key)
            .and_then(|number| u32::try_from(*number).ok());
        let Some(number) = number else {
            continue;
        };
        for day in &author.days {
            for period in Period::ALL {
                active
                    .entry((period, period.start(*day)))
                    .or_default()
                    .insert(number);
            }
        }
    }
    for ((period, start), authors) in active {
        merge(tx, period, start, authors)?;
    }
    Ok(())
}

fn merge(
    tx: &mut Transaction<'_>,
    period: Period,
    start: i64,
    mut authors: RoaringBitmap,
) -> Result<(), Error> {
    let known: Option<(Vec<u8>, i64)> = tx.fetch_optional(
        "SELECT authors, count FROM observatory_active WHERE period = ? AND start = ?",
        (period.as_str(), start),
    )?;
    let before = match known {
        None => 0,
        Some((bytes, count)) => {
            authors |= bitmap(&bytes)?;
            count
        }
    };
    let count = stored(authors.len());
    if count == before {
        return Ok(());
    }
    let mut bytes = Vec::with_capacity(authors.serialized_size());
    // Writing to a vector does not fail.
    let _ = authors.serialize_into(&mut bytes);
    tx.execute(
        "INSERT INTO observatory_active (period, start, authors, count) VALUES (?, ?, ?, ?)
         ON CONFLICT (period, start) DO UPDATE SET authors = excluded.authors, count = excluded.count",
        (period.as_str(), start, bytes, count),
    )?;
    Ok(())
}

fn bitmap(bytes: &[u8]) -> Result<RoaringBitmap, Error> {
    RoaringBitmap::deserialize_from(bytes).map_err(|error| Error::Column {
        column: "authors".to_owned(),
        wanted: "a bitmap",
        found: error.to_string(),
    })
}
