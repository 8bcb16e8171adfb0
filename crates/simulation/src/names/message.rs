//! Messages of the name system (RFC 1035): pure.

use super::{Record, State, Table};

/// Seconds for which answers hold, unless the next one is another.
const TTL: u32 = 60;
/// Names that are counted, at most; queries for others are answered and not counted.
const MAX_NAMES: usize = 100_000;
/// Names that an alias leads over, at most.
const MAX_ALIASES: usize = 8;
/// Bytes of the header of a message.
const HEADER: usize = 12;

/// The answer to a query with one question; `None` when it is none.
pub(super) fn answer(query: &[u8], state: &mut State) -> Option<Vec<u8>> {
    let (name, end) = name_at(query, HEADER)?;
    let question = query.get(HEADER..end + 4)?;
    let wanted = u16::from_be_bytes(*query.get(end..)?.first_chunk()?);
    if state.asked.len() < MAX_NAMES || state.asked.contains_key(&name) {
        *state.asked.entry(name.clone()).or_default() += 1;
    }
    let turn = (state.turns.get_mut(&name)).filter(|_| wanted == Record::A_CODE);
    let turn = turn.and_then(|addresses| {
        addresses.rotate_left(1);
        addresses.back().copied()
    });
    let (found, ttl) = match turn {
        Some(address) => (Some(vec![(name, Record::A(address))]), 0),
        None => (look_up(&state.table, &name, wanted), TTL),
    };
    // An answer (QR) with authority (AA); recursion desired as in the query, and available.
    let flags = [0x84 | (query.get(2)? & 1), 0x80];
    let code = if found.is_some() { 0 } else { 3 };
    let records = found.unwrap_or_default();
    let mut out = query.get(..2)?.to_vec();
    out.extend([flags[0], flags[1] | code, 0, 1]);
    out.extend(u16::try_from(records.len()).ok()?.to_be_bytes());
    out.extend([0; 4]);
    out.extend_from_slice(question);
    for (owner, record) in records {
        write(&mut out, &owner, &record, ttl)?;
    }
    Some(out)
}

/// The records of a type, after the aliases that lead to them; `None` when there is no such name.
fn look_up(table: &Table, name: &str, wanted: u16) -> Option<Vec<(String, Record)>> {
    let mut found = Vec::new();
    let mut name = name.to_owned();
    let mut records = table.get(&name)?;
    for _ in 0..MAX_ALIASES {
        let right = records.iter().filter(|record| record.code() == wanted);
        found.extend(right.map(|record| (name.clone(), record.clone())));
        let alias = records.iter().find_map(|record| match record {
            Record::Cname(target) if wanted != record.code() => Some(target.clone()),
            _ => None,
        });
        let Some(target) = alias else { break };
        found.push((name, Record::Cname(target.clone())));
        let Some(next) = table.get(&target) else {
            break;
        };
        (name, records) = (target, next);
    }
    Some(found)
}

impl Record {
    /// The number of the type of IPv4 addresses.
    const A_CODE: u16 = 1;

    /// The number of its type.
    const fn code(&self) -> u16 {
        match self {
            Self::A(_) => Self::A_CODE,
            Self::Cname(_) => 5,
            Self::Aaaa(_) => 28,
        }
    }

    fn data(&self) -> Option<Vec<u8>> {
        match self {
            Self::A(address) => Some(address.octets().to_vec()),
            Self::Aaaa(address) => Some(address.octets().to_vec()),
            Self::Cname(target) => labels(target),
        }
    }
}

fn write(out: &mut Vec<u8>, owner: &str, record: &Record, ttl: u32) -> Option<()> {
    let data = record.data()?;
    out.extend(labels(owner)?);
    out.extend(record.code().to_be_bytes());
    // Internet.
    out.extend([0, 1]);
    out.extend(ttl.to_be_bytes());
    out.extend(u16::try_from(data.len()).ok()?.to_be_bytes());
    out.extend(data);
    Some(())
}

/// The name that begins at a place, in lower case, and where it ends. Queries have no compressed names.
fn name_at(message: &[u8], mut at: usize) -> Option<(String, usize)> {
    let mut name = String::new();
    loop {
        let length = usize::from(*message.get(at)?);
        at += 1;
        if length == 0 {
            return Some((name, at));
        }
        if length > 63 {
            return None;
        }
        let label = std::str::from_utf8(message.get(at..at + length)?).ok()?;
        at += length;
        if !name.is_empty() {
            name.push('.');
        }
        name.push_str(&label.to_ascii_lowercase());
    }
}

fn labels(name: &str) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(name.len() + 2);
    for label in name.split('.').filter(|label| !label.is_empty()) {
        out.push(
            u8::try_from(label.len())
                .ok()
                .filter(|length| *length < 64)?,
        );
        out.extend_from_slice(label.as_bytes());
    }
    out.push(0);
    Some(out)
}

#[cfg(test)]
pub(super) mod tests {
    use std::collections::BTreeMap;

    use super::*;

    pub(in crate::names) fn query(name: &str, wanted: u16) -> Vec<u8> {
        let mut query = vec![7, 9, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        query.extend(labels(name).unwrap());
        query.extend(wanted.to_be_bytes());
        query.extend([0, 1]);
        query
    }

    #[test]
    fn what_is_no_query_is_not_answered() {
        let mut state = State {
            table: Table::new(),
            asked: BTreeMap::new(),
            turns: BTreeMap::new(),
        };
        let whole = query("a.example", 1);
        for length in 0..whole.len() {
            let answered = answer(&whole[..length], &mut state);
            assert!(answered.is_none(), "{length}");
        }
        assert!(answer(&whole, &mut state).is_some());
        assert!(answer(&[0xff; 40], &mut state).is_none());
    }
}
