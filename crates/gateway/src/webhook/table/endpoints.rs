//! The rows of the endpoints.

use stentor_sql::{Error, Row, Sql, Transaction, Value};
use uuid::Uuid;

use super::{bytes, signed, unsigned, uuid};
use crate::webhook::endpoint::{Disabled, Endpoint};
use crate::webhook::signature::Scheme;

const COLUMNS: &str = "id, tenant, owner, granted, url, description, choice, scheme, secret, former_secret, former_until, disabled,
    rate, concurrency, place, failing_since, created_ms, updated_ms, version";

/// What changes who works on an endpoint, and with what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Held {
    pub id: Uuid,
    /// Of its settings.
    pub version: i64,
    /// Changes when somebody has put deliveries in.
    pub nudged: i64,
    /// Which run of a node works on it, and until when.
    pub run: Option<String>,
    pub node: Option<String>,
    pub until: u64,
}

/// The endpoint of a row; one of a newer program, whose words are not known, is none.
fn endpoint(row: &Row) -> Result<Option<Endpoint>, Error> {
    let (grant, choice): (String, String) = (row.get("granted")?, row.get("choice")?);
    let (scheme, place): (String, String) = (row.get("scheme")?, row.get("place")?);
    let known = (
        serde_json::from_str(&grant).ok(),
        serde_json::from_str(&choice).ok(),
        Scheme::of_word(&scheme),
        place.parse().ok(),
    );
    let (Some(grant), Some(choice), Some(scheme), Some(place)) = known else {
        return Ok(None);
    };
    let former: (Option<Vec<u8>>, Option<i64>) =
        (row.get("former_secret")?, row.get("former_until")?);
    let disabled: Option<String> = row.get("disabled")?;
    let failing_since: Option<i64> = row.get("failing_since")?;
    Ok(Some(Endpoint {
        id: uuid(&row.get::<Vec<u8>>("id")?),
        tenant: row.get("tenant")?,
        owner: row.get("owner")?,
        grant,
        url: row.get("url")?,
        description: row.get("description")?,
        choice,
        scheme,
        secret: row.get("secret")?,
        former: former.0.zip(former.1.map(unsigned)),
        // A reason that is not known is one all the same.
        disabled: disabled.map(|word| Disabled::parse(&word).unwrap_or(Disabled::ByHand)),
        rate: row.get("rate")?,
        concurrency: row.get("concurrency")?,
        place,
        failing_since: failing_since.map(unsigned),
        created_ms: unsigned(row.get("created_ms")?),
        updated_ms: unsigned(row.get("updated_ms")?),
        version: row.get("version")?,
    }))
}

pub(crate) fn insert(tx: &mut Transaction<'_>, endpoint: &Endpoint) -> Result<(), Error> {
    let values: Vec<Value> = vec![
        bytes(endpoint.id).into(),
        endpoint.tenant.clone().into(),
        endpoint.owner.clone().into(),
        json(&endpoint.grant).into(),
        endpoint.url.clone().into(),
        endpoint.description.clone().into(),
        json(&endpoint.choice).into(),
        endpoint.scheme.as_str().into(),
        endpoint.secret.clone().into(),
        endpoint.rate.into(),
        endpoint.concurrency.into(),
        endpoint.place.to_string().into(),
        signed(endpoint.created_ms).into(),
        signed(endpoint.updated_ms).into(),
    ];
    tx.execute(
        "INSERT INTO webhook_endpoints (id, tenant, owner, granted, url, description, choice, scheme, secret, rate, concurrency,
            place, created_ms, updated_ms, version, nudged, lease_until)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1, 0, 0)",
        values,
    )?;
    Ok(())
}

/// Texts of our own types do not fail.
fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// Writes the settings of an endpoint, and its state and place. The lease is left as it is; whoever holds it notices by the version.
pub(crate) fn update(tx: &mut Transaction<'_>, endpoint: &Endpoint) -> Result<(), Error> {
    let (former, until) = match &endpoint.former {
        Some((sealed, until)) => (Some(sealed.clone()), Some(signed(*until))),
        None => (None, None),
    };
    let values: Vec<Value> = vec![
        json(&endpoint.grant).into(),
        endpoint.url.clone().into(),
        endpoint.description.clone().into(),
        json(&endpoint.choice).into(),
        endpoint.secret.clone().into(),
        former.into(),
        until.into(),
        endpoint.disabled.map(Disabled::as_str).into(),
        endpoint.rate.into(),
        endpoint.concurrency.into(),
        endpoint.failing_since.map(signed).into(),
        signed(endpoint.updated_ms).into(),
        bytes(endpoint.id).into(),
    ];
    tx.execute(
        "UPDATE webhook_endpoints SET granted = ?, url = ?, description = ?, choice = ?, secret = ?, former_secret = ?,
            former_until = ?, disabled = ?, rate = ?, concurrency = ?, failing_since = ?, updated_ms = ?, version = version + 1
         WHERE id = ?",
        values,
    )?;
    Ok(())
}

/// Sets where it goes on, and ends the lease: what was read before is not to move it any more.
pub(crate) fn set_place(tx: &mut Transaction<'_>, endpoint: &Endpoint) -> Result<(), Error> {
    tx.execute(
        "UPDATE webhook_endpoints SET place = ?, lease_run = NULL, lease_until = 0 WHERE id = ?",
        (endpoint.place.to_string(), bytes(endpoint.id)),
    )?;
    Ok(())
}

/// The endpoint of this id in this tenant.
pub(crate) fn by_id(
    tx: &mut Transaction<'_>,
    tenant: &str,
    id: Uuid,
) -> Result<Option<Endpoint>, Error> {
    let sql = format!("SELECT {COLUMNS} FROM webhook_endpoints WHERE id = ? AND tenant = ?");
    let row: Option<Row> = tx.fetch_optional(Sql::Built(sql), (bytes(id), tenant))?;
    row.as_ref().map_or(Ok(None), endpoint)
}

/// The endpoint that a run of a node works on.
pub(crate) fn held_by(
    tx: &mut Transaction<'_>,
    run: &str,
    id: Uuid,
) -> Result<Option<Endpoint>, Error> {
    let sql = format!("SELECT {COLUMNS} FROM webhook_endpoints WHERE id = ? AND lease_run = ?");
    let row: Option<Row> = tx.fetch_optional(Sql::Built(sql), (bytes(id), run))?;
    row.as_ref().map_or(Ok(None), endpoint)
}

/// The endpoints of a tenant, the oldest first.
pub(crate) fn list(tx: &mut Transaction<'_>, tenant: &str) -> Result<Vec<Endpoint>, Error> {
    let sql = format!("SELECT {COLUMNS} FROM webhook_endpoints WHERE tenant = ? ORDER BY id");
    let rows: Vec<Row> = tx.fetch_all(Sql::Built(sql), (tenant,))?;
    let endpoints = rows.iter().map(endpoint);
    endpoints.filter_map(Result::transpose).collect()
}

/// How many a tenant has.
pub(crate) fn count(tx: &mut Transaction<'_>, tenant: &str) -> Result<u64, Error> {
    let (count,): (i64,) = tx.fetch_one(
        "SELECT COUNT(*) FROM webhook_endpoints WHERE tenant = ?",
        (tenant,),
    )?;
    Ok(unsigned(count))
}

/// Removes an endpoint and all that belongs to it.
pub(crate) fn delete(tx: &mut Transaction<'_>, id: Uuid) -> Result<(), Error> {
    for sql in [
        "DELETE FROM webhook_attempts WHERE endpoint = ?",
        "DELETE FROM webhook_deliveries WHERE endpoint = ?",
        "DELETE FROM webhook_endpoints WHERE id = ?",
    ] {
        tx.execute(sql, (bytes(id),))?;
    }
    Ok(())
}

/// Says that there is something new to deliver.
pub(crate) fn nudge(tx: &mut Transaction<'_>, id: Uuid) -> Result<(), Error> {
    tx.execute(
        "UPDATE webhook_endpoints SET nudged = nudged + 1 WHERE id = ?",
        (bytes(id),),
    )?;
    Ok(())
}

/// All that are not disabled, with who works on them.
pub(crate) const ACTIVE: &str =
    "SELECT id, version, nudged, lease_run, lease_node, lease_until FROM webhook_endpoints
    WHERE disabled IS NULL ORDER BY id";

/// One of [`ACTIVE`].
pub(crate) fn active(row: &Row) -> Result<Held, Error> {
    Ok(Held {
        id: uuid(&row.get::<Vec<u8>>("id")?),
        version: row.get("version")?,
        nudged: row.get("nudged")?,
        run: row.get("lease_run")?,
        node: row.get("lease_node")?,
        until: unsigned(row.get("lease_until")?),
    })
}

/// Takes or renews the lease of an endpoint; whether nobody else has it. `known` is what was seen of it before.
pub(crate) fn lease(
    tx: &mut Transaction<'_>,
    known: &Held,
    node: &str,
    run: &str,
    until: u64,
) -> Result<bool, Error> {
    let taken = tx.execute(
        "UPDATE webhook_endpoints SET lease_node = ?, lease_run = ?, lease_until = ?
         WHERE id = ? AND lease_until = ? AND COALESCE(lease_run, '') = ?",
        (
            node,
            run,
            signed(until),
            bytes(known.id),
            signed(known.until),
            known.run.clone().unwrap_or_default(),
        ),
    )?;
    Ok(taken > 0)
}

/// Gives the leases of a run back.
pub(crate) fn release(tx: &mut Transaction<'_>, run: &str) -> Result<(), Error> {
    tx.execute(
        "UPDATE webhook_endpoints SET lease_run = NULL, lease_until = 0 WHERE lease_run = ?",
        (run,),
    )?;
    Ok(())
}

/// Writes how far an endpoint has got. `false`: this run does not work on it any more, and nothing may be written.
pub(crate) fn advance(
    tx: &mut Transaction<'_>,
    id: Uuid,
    run: &str,
    place: &str,
    failing_since: Option<u64>,
) -> Result<bool, Error> {
    let held = tx.execute(
        "UPDATE webhook_endpoints SET place = ?, failing_since = ? WHERE id = ? AND lease_run = ?",
        (place, failing_since.map(signed), bytes(id), run),
    )?;
    Ok(held > 0)
}

/// Switches one off that is on; whether it was.
pub(crate) fn disable(
    tx: &mut Transaction<'_>,
    id: Uuid,
    reason: Disabled,
    now_ms: u64,
) -> Result<bool, Error> {
    let disabled = tx.execute(
        "UPDATE webhook_endpoints SET disabled = ?, updated_ms = ?, version = version + 1 WHERE id = ? AND disabled IS NULL",
        (reason.as_str(), signed(now_ms), bytes(id)),
    )?;
    Ok(disabled > 0)
}
