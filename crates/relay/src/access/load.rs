//! Reading the lists from the records.

use stentor_event::{EventId, PublicKey};
use stentor_sql::{Database, Error, Params, Transaction, Value};

use super::change::ALLOW_LIST;
use super::lists::{Member, Reason};
use super::{AccessError, Lists, Role};

/// Rows of a table that are read at once, unless an answer may not have so many.
const PAGE: usize = 10_000;

/// Reads, as of one moment, the lists, and the events in the moderation queue that search takes for spam.
pub(super) async fn everything(records: &Database) -> Result<(Lists, Vec<EventId>), AccessError> {
    paged(records, |tx, page| {
        let mut lists = Lists::default();
        keys(tx, page, &mut lists)?;
        events_and_kinds(tx, page, &mut lists)?;
        addresses_and_settings(tx, page, &mut lists)?;
        members(tx, page, &mut lists)?;
        Ok((lists, suspects(tx, page)?))
    })
    .await
}

/// The keys that the relay has published as those of members.
pub(crate) async fn announced(records: &Database) -> Result<Vec<PublicKey>, AccessError> {
    paged(records, |tx, page| {
        let mut keys = Vec::new();
        let text = "SELECT pubkey FROM relay_announced WHERE pubkey > ? ORDER BY pubkey LIMIT ?";
        pages(tx, page, text, (), Vec::new(), |(key,): ([u8; 32],)| {
            keys.push(PublicKey(key));
            Ok(key.to_vec())
        })?;
        Ok(keys)
    })
    .await
}

/// Reads with pages of a size that the configuration of the records allows.
async fn paged<T: Send + 'static>(
    records: &Database,
    read: impl Fn(&mut Transaction<'_>, usize) -> Result<T, AccessError> + Copy + Send + 'static,
) -> Result<T, AccessError> {
    let mut page = PAGE;
    loop {
        match records.read(move |tx| read(tx, page)).await {
            Err(AccessError::Records(Error::TooManyRows { allowed })) if allowed < page => {
                page = allowed.max(1);
            }
            other => return other,
        }
    }
}

fn keys(tx: &mut Transaction<'_>, page: usize, lists: &mut Lists) -> Result<(), AccessError> {
    let texts = [
        "SELECT pubkey, reason FROM relay_banned_keys WHERE pubkey > ? ORDER BY pubkey LIMIT ?",
        "SELECT pubkey, reason FROM relay_allowed_keys WHERE pubkey > ? ORDER BY pubkey LIMIT ?",
    ];
    for (text, list) in texts
        .into_iter()
        .zip([&mut lists.banned_keys, &mut lists.allowed_keys])
    {
        let each = |(key, reason): ([u8; 32], Reason)| {
            list.insert(PublicKey(key), reason);
            Ok(key.to_vec())
        };
        pages(tx, page, text, (), Vec::new(), each)?;
    }
    Ok(())
}

fn events_and_kinds(
    tx: &mut Transaction<'_>,
    page: usize,
    lists: &mut Lists,
) -> Result<(), AccessError> {
    let text = "SELECT id, reason FROM relay_events WHERE banned AND id > ? ORDER BY id LIMIT ?";
    let each = |(id, reason): ([u8; 32], Reason)| {
        lists.banned_events.insert(EventId(id), reason);
        Ok(id.to_vec())
    };
    pages(tx, page, text, (), Vec::new(), each)?;
    for (allowed, list) in [
        (true, &mut lists.allowed_kinds),
        (false, &mut lists.denied_kinds),
    ] {
        let text =
            "SELECT kind FROM relay_kinds WHERE allowed = ? AND kind > ? ORDER BY kind LIMIT ?";
        pages(tx, page, text, (allowed,), -1_i64, |(kind,): (u16,)| {
            list.insert(kind);
            Ok(i64::from(kind))
        })?;
    }
    Ok(())
}

fn addresses_and_settings(
    tx: &mut Transaction<'_>,
    page: usize,
    lists: &mut Lists,
) -> Result<(), AccessError> {
    let text =
        "SELECT network, reason FROM relay_blocked WHERE network > ? ORDER BY network LIMIT ?";
    let each = |(network, reason): (String, Reason)| {
        let parsed = network
            .parse()
            .map_err(|error| AccessError::Damaged(format!("{network}: {error}")))?;
        lists.blocked.insert(parsed, reason);
        Ok(network)
    };
    pages(tx, page, text, (), String::new(), each)?;
    let text = "SELECT name, value FROM relay_settings WHERE name > ? ORDER BY name LIMIT ?";
    let each = |(name, value): (String, String)| {
        match name.as_str() {
            "name" => lists.name = Some(value),
            "description" => lists.description = Some(value),
            "icon" => lists.icon = Some(value),
            ALLOW_LIST => lists.allow_list = true,
            _ => {}
        }
        Ok(name)
    };
    pages(tx, page, text, (), String::new(), each)
}

fn members(tx: &mut Transaction<'_>, page: usize, lists: &mut Lists) -> Result<(), AccessError> {
    type Row = (
        String,
        Option<String>,
        Option<String>,
        Option<u16>,
        Option<i64>,
    );
    let text = "SELECT id, label, description, color, position FROM relay_roles
         WHERE id > ? ORDER BY id LIMIT ?";
    let each = |(id, label, description, color, order): Row| {
        let role = Role {
            id: id.clone(),
            label,
            description,
            color,
            order,
        };
        lists.roles.insert(id.clone(), role);
        Ok(id)
    };
    pages(tx, page, text, (), String::new(), each)?;
    let text = "SELECT pubkey FROM relay_members WHERE pubkey > ? ORDER BY pubkey LIMIT ?";
    pages(tx, page, text, (), Vec::new(), |(key,): ([u8; 32],)| {
        lists.members.insert(PublicKey(key), Member::default());
        Ok(key.to_vec())
    })?;
    for role in lists.roles.keys() {
        let text = "SELECT pubkey FROM relay_member_roles
             WHERE role = ? AND pubkey > ? ORDER BY pubkey LIMIT ?";
        let each = |(key,): ([u8; 32],)| {
            if let Some(member) = lists.members.get_mut(&PublicKey(key)) {
                member.roles.insert(role.clone());
            }
            Ok(key.to_vec())
        };
        pages(tx, page, text, (role.as_str(),), Vec::new(), each)?;
    }
    Ok(())
}

/// The events in the moderation queue that search takes for spam.
fn suspects(tx: &mut Transaction<'_>, page: usize) -> Result<Vec<EventId>, AccessError> {
    let mut suspects = Vec::new();
    let text = "SELECT id FROM relay_moderation WHERE suspect AND id > ? ORDER BY id LIMIT ?";
    pages(tx, page, text, (), Vec::new(), |(id,): ([u8; 32],)| {
        suspects.push(EventId(id));
        Ok(id.to_vec())
    })?;
    Ok(suspects)
}

/// Reads a table page by page. The last two parameters of the query are the key after which a page begins, at first
/// `after`, and how many rows it has; `each` takes a row and tells its key.
fn pages<Row: stentor_sql::FromRow, Key: Into<Value> + Clone>(
    tx: &mut Transaction<'_>,
    page: usize,
    text: &'static str,
    first: impl Params,
    mut after: Key,
    mut each: impl FnMut(Row) -> Result<Key, AccessError>,
) -> Result<(), AccessError> {
    let first = first.into_values();
    loop {
        let mut params = first.clone();
        params.extend([after.clone().into(), Value::from(page as i64)]);
        let rows: Vec<Row> = tx.fetch_all(text, params)?;
        let last = rows.len() < page;
        for row in rows {
            after = each(row)?;
        }
        if last {
            return Ok(());
        }
    }
}
