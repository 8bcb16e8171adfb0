//! Relay lists in the records. Lists of a batch are written together, in a handful of statements.

use std::collections::{BTreeMap, BTreeSet};

use stentor_event::EventId;
use stentor_sql::{Error, Sql, Transaction};

use super::List;
use crate::clock::stored;
use crate::statistics::authors::{next_numbers, push_hex};
use crate::table::{for_rows, rows};

/// Lists that are written together: each has twenty entries at most, and the records give so many rows.
const TOGETHER: usize = 500;

/// An author's number, and the kind of the list.
type Key = (u64, u16);

/// Makes each of these lists its author's one of the kind, unless there is a newer one.
pub(in crate::statistics) fn keep(
    tx: &mut Transaction<'_>,
    lists: &[(Key, &List)],
    now_ms: u64,
) -> Result<(), Error> {
    for lists in lists.chunks(TOGETHER) {
        let heads = heads(tx, lists)?;
        let newer: Vec<(Key, &List)> = lists
            .iter()
            .copied()
            .filter(|(key, list)| {
                let head = heads.get(key);
                head.is_none_or(|(created_at, id)| list.replaces(*created_at, id))
            })
            .collect();
        let replaced = newer.iter().map(|(key, _)| *key);
        let replaced: Vec<Key> = replaced.filter(|key| heads.contains_key(key)).collect();
        let mut named = clear(tx, &replaced)?;
        write_heads(tx, &newer)?;
        write_entries(tx, &newer, &mut named, now_ms)?;
        count(tx, named)?;
    }
    Ok(())
}

/// Takes out the author's list of the kind, if it is this event; returns whether it was.
pub(in crate::statistics) fn forget(
    tx: &mut Transaction<'_>,
    key: Key,
    event: &EventId,
) -> Result<bool, Error> {
    let gone = tx.execute(
        "DELETE FROM observatory_list_heads WHERE author = ? AND kind = ? AND event = ?",
        (stored(key.0), key.1, event.0),
    )?;
    if gone > 0 {
        let named = clear(tx, &[key])?;
        count(tx, named)?;
    }
    Ok(gone > 0)
}

fn keys(keys: impl IntoIterator<Item = Key>) -> String {
    rows(
        keys.into_iter()
            .map(|(author, kind)| [stored(author), i64::from(kind)]),
    )
}

/// The times and ids of what is kept.
fn heads(
    tx: &mut Transaction<'_>,
    lists: &[(Key, &List)],
) -> Result<BTreeMap<Key, (u64, [u8; 32])>, Error> {
    let found: Vec<(u64, u16, u64, [u8; 32])> = tx.fetch_all(
        for_rows!(
            "SELECT author, kind, created_at, event FROM observatory_list_heads
             WHERE (author, kind) IN (SELECT CAST(value ->> 0 AS BIGINT), CAST(value ->> 1 AS BIGINT)",
            ")"
        ),
        (keys(lists.iter().map(|(key, _)| *key)),),
    )?;
    let head = |(author, kind, created_at, id)| ((author, kind), (created_at, id));
    Ok(found.into_iter().map(head).collect())
}

/// How many more lists name each URL.
type Named = BTreeMap<i64, i64>;

/// Takes out the entries of these lists.
fn clear(tx: &mut Transaction<'_>, lists: &[Key]) -> Result<Named, Error> {
    let mut named = Named::new();
    if lists.is_empty() {
        return Ok(named);
    }
    let urls: Vec<(i64,)> = tx.fetch_all(
        for_rows!(
            "DELETE FROM observatory_lists
             WHERE (author, kind) IN (SELECT CAST(value ->> 0 AS BIGINT), CAST(value ->> 1 AS BIGINT)",
            ") RETURNING url"
        ),
        (keys(lists.iter().copied()),),
    )?;
    for (url,) in urls {
        *named.entry(url).or_default() -= 1;
    }
    Ok(named)
}

fn write_heads(tx: &mut Transaction<'_>, lists: &[(Key, &List)]) -> Result<(), Error> {
    if lists.is_empty() {
        return Ok(());
    }
    let mut text = String::from("[");
    for ((author, kind), list) in lists {
        let comma = if text.len() > 1 { "," } else { "" };
        let created_at = stored(list.created_at);
        text.push_str(&format!("{comma}[{author},{kind},{created_at},\""));
        push_hex(&mut text, &list.id.0);
        text.push_str("\"]");
    }
    text.push(']');
    let sql = Sql::Each {
        sqlite: "INSERT INTO observatory_list_heads (author, kind, created_at, event)
                 SELECT value ->> 0, value ->> 1, value ->> 2, unhex(value ->> 3) FROM json_each(?) WHERE true
                 ON CONFLICT (author, kind) DO UPDATE SET created_at = excluded.created_at, event = excluded.event",
        postgres: "INSERT INTO observatory_list_heads (author, kind, created_at, event)
                   SELECT CAST(value ->> 0 AS BIGINT), CAST(value ->> 1 AS BIGINT), CAST(value ->> 2 AS BIGINT),
                   decode(value ->> 3, 'hex') FROM jsonb_array_elements(CAST(? AS JSONB))
                   ON CONFLICT (author, kind) DO UPDATE SET created_at = excluded.created_at, event = excluded.event",
    };
    tx.execute(sql, (text,))?;
    Ok(())
}

fn write_entries(
    tx: &mut Transaction<'_>,
    lists: &[(Key, &List)],
    named: &mut Named,
    now_ms: u64,
) -> Result<(), Error> {
    let urls = lists.iter().flat_map(|(_, list)| list.entries.keys());
    let urls: BTreeSet<&str> = urls.map(|url| url.as_str()).collect();
    if urls.is_empty() {
        return Ok(());
    }
    let numbers = numbers(tx, &urls, now_ms)?;
    let mut entries = Vec::new();
    for ((author, kind), list) in lists {
        for (url, (reads, writes)) in &list.entries {
            let Some(url) = numbers.get(url.as_str()) else {
                continue;
            };
            *named.entry(*url).or_default() += 1;
            let (reads, writes) = (i64::from(*reads), i64::from(*writes));
            entries.push([stored(*author), i64::from(*kind), *url, reads, writes]);
        }
    }
    tx.execute(
        for_rows!(
            "INSERT INTO observatory_lists (author, kind, url, reads, writes)
             SELECT CAST(value ->> 0 AS BIGINT), CAST(value ->> 1 AS BIGINT), CAST(value ->> 2 AS BIGINT),
             CAST(value ->> 3 AS BIGINT) = 1, CAST(value ->> 4 AS BIGINT) = 1",
            ""
        ),
        (rows(entries),),
    )?;
    Ok(())
}

/// The numbers of these URLs. Those that have none get one.
fn numbers(
    tx: &mut Transaction<'_>,
    urls: &BTreeSet<&str>,
    now_ms: u64,
) -> Result<BTreeMap<String, i64>, Error> {
    let wanted: Vec<[&str; 1]> = urls.iter().map(|url| [*url]).collect();
    let found: Vec<(String, i64)> = tx.fetch_all(
        for_rows!(
            "SELECT url, id FROM observatory_list_urls WHERE url IN (SELECT value ->> 0",
            ")"
        ),
        (serde_json::json!(wanted).to_string(),),
    )?;
    let mut numbers: BTreeMap<String, i64> = found.into_iter().collect();
    let new = urls.iter().filter(|url| !numbers.contains_key(**url));
    let new: Vec<&str> = new.copied().collect();
    if new.is_empty() {
        return Ok(numbers);
    }
    let first = next_numbers(tx, "lists.urls.numbered", new.len(), now_ms)?;
    let new: Vec<(i64, &str)> = (first..).zip(new).collect();
    tx.execute(
        for_rows!(
            "INSERT INTO observatory_list_urls (first_ms, entries, id, url)
             SELECT CAST(? AS BIGINT), 0, CAST(value ->> 0 AS BIGINT), value ->> 1",
            ""
        ),
        (stored(now_ms), serde_json::json!(new).to_string()),
    )?;
    numbers.extend(new.into_iter().map(|(id, url)| (url.to_owned(), id)));
    Ok(numbers)
}

/// Counts how many lists name each URL, and takes out those that no list names any more.
fn count(tx: &mut Transaction<'_>, named: Named) -> Result<(), Error> {
    let named = named.into_iter().filter(|(_, more)| *more != 0);
    let named: Vec<_> = named.map(|(url, more)| [url, more]).collect();
    if named.is_empty() {
        return Ok(());
    }
    let some_left = named.iter().any(|[_, more]| *more < 0);
    let named = rows(named);
    tx.execute(
        for_rows!(
            "UPDATE observatory_list_urls SET entries = observatory_list_urls.entries + named.more
             FROM (SELECT CAST(value ->> 0 AS BIGINT) AS id, CAST(value ->> 1 AS BIGINT) AS more",
            ") AS named WHERE observatory_list_urls.id = named.id"
        ),
        (named.clone(),),
    )?;
    if some_left {
        tx.execute(
            for_rows!(
                "DELETE FROM observatory_list_urls WHERE entries <= 0 AND id IN (SELECT CAST(value ->> 0 AS BIGINT)",
                ")"
            ),
            (named,),
        )?;
    }
    Ok(())
}
