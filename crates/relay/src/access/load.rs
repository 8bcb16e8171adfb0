//! Reading the lists from the records.

use stentor_event::{EventId, PublicKey};
use stentor_sql::{Database, Transaction};

use super::lists::{Member, Reason};
use super::{AccessError, Lists, Role};

/// Rows of a table that are read at once: an answer has a limit.
const PAGE: i64 = 10_000;

/// Reads everything as of one moment.
pub(super) async fn lists(records: &Database) -> Result<Lists, AccessError> {
    records
        .read(|tx| {
            let mut lists = Lists::default();
            keys(tx, &mut lists)?;
            events_and_kinds(tx, &mut lists)?;
            addresses_and_settings(tx, &mut lists)?;
            members(tx, &mut lists)?;
            Ok(lists)
        })
        .await
}

fn keys(tx: &mut Transaction<'_>, lists: &mut Lists) -> Result<(), AccessError> {
    let texts = [
        "SELECT pubkey, reason FROM relay_banned_keys WHERE pubkey > ? ORDER BY pubkey LIMIT ?",
        "SELECT pubkey, reason FROM relay_allowed_keys WHERE pubkey > ? ORDER BY pubkey LIMIT ?",
    ];
    for (text, list) in texts
        .into_iter()
        .zip([&mut lists.banned_keys, &mut lists.allowed_keys])
    {
        let page = |tx: &mut Transaction<'_>, after: &Vec<u8>| tx.fetch_all(text, (after, PAGE));
        let each = |(key, reason): ([u8; 32], Reason)| {
            list.insert(PublicKey(key), reason);
            key.to_vec()
        };
        pages(tx, page, each)?;
    }
    Ok(())
}

fn events_and_kinds(tx: &mut Transaction<'_>, lists: &mut Lists) -> Result<(), AccessError> {
    let page = |tx: &mut Transaction<'_>, after: &Vec<u8>| {
        tx.fetch_all(
            "SELECT id, reason FROM relay_events WHERE banned AND id > ? ORDER BY id LIMIT ?",
            (after, PAGE),
        )
    };
    let each = |(id, reason): ([u8; 32], Reason)| {
        lists.banned_events.insert(EventId(id), reason);
        id.to_vec()
    };
    pages(tx, page, each)?;
    let kinds: Vec<(u16, bool)> = tx.fetch_all("SELECT kind, allowed FROM relay_kinds", ())?;
    for (kind, allowed) in kinds {
        if allowed {
            lists.allowed_kinds.insert(kind);
        } else {
            lists.denied_kinds.insert(kind);
        }
    }
    Ok(())
}

fn addresses_and_settings(tx: &mut Transaction<'_>, lists: &mut Lists) -> Result<(), AccessError> {
    let blocked: Vec<(String, Reason)> =
        tx.fetch_all("SELECT network, reason FROM relay_blocked", ())?;
    for (network, reason) in blocked {
        let parsed = network.parse();
        let parsed = parsed.map_err(|error| AccessError::Damaged(format!("{network}: {error}")))?;
        lists.blocked.insert(parsed, reason);
    }
    let settings: Vec<(String, String)> =
        tx.fetch_all("SELECT name, value FROM relay_settings", ())?;
    for (name, value) in settings {
        match name.as_str() {
            "name" => lists.name = Some(value),
            "description" => lists.description = Some(value),
            "icon" => lists.icon = Some(value),
            _ => {}
        }
    }
    Ok(())
}

fn members(tx: &mut Transaction<'_>, lists: &mut Lists) -> Result<(), AccessError> {
    type Row = (
        String,
        Option<String>,
        Option<String>,
        Option<u16>,
        Option<i64>,
    );
    let roles: Vec<Row> = tx.fetch_all(
        "SELECT id, label, description, color, position FROM relay_roles",
        (),
    )?;
    for (id, label, description, color, order) in roles {
        let role = Role {
            id: id.clone(),
            label,
            description,
            color,
            order,
        };
        lists.roles.insert(id, role);
    }
    let page = |tx: &mut Transaction<'_>, after: &Vec<u8>| {
        tx.fetch_all(
            "SELECT pubkey, joined_at FROM relay_members WHERE pubkey > ? ORDER BY pubkey LIMIT ?",
            (after, PAGE),
        )
    };
    let each = |(key, _): ([u8; 32], i64)| {
        lists.members.insert(PublicKey(key), Member::default());
        key.to_vec()
    };
    pages(tx, page, each)?;
    for role in lists.roles.keys() {
        let page = |tx: &mut Transaction<'_>, after: &Vec<u8>| {
            tx.fetch_all(
                "SELECT pubkey, role FROM relay_member_roles
                 WHERE role = ? AND pubkey > ? ORDER BY pubkey LIMIT ?",
                (role.as_str(), after, PAGE),
            )
        };
        let each = |(key, role): ([u8; 32], String)| {
            if let Some(member) = lists.members.get_mut(&PublicKey(key)) {
                member.roles.insert(role);
            }
            key.to_vec()
        };
        pages(tx, page, each)?;
    }
    Ok(())
}

/// Reads a table page by page; `each` takes a row and tells its key.
fn pages<Row>(
    tx: &mut Transaction<'_>,
    page: impl Fn(&mut Transaction<'_>, &Vec<u8>) -> Result<Vec<Row>, stentor_sql::Error>,
    mut each: impl FnMut(Row) -> Vec<u8>,
) -> Result<(), AccessError> {
    let mut after = Vec::new();
    loop {
        let rows = page(tx, &after)?;
        let last = (rows.len() as i64) < PAGE;
        for row in rows {
            after = each(row);
        }
        if last {
            return Ok(());
        }
    }
}
