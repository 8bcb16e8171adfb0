//! The tables of the observatory. Readers and writers of one are scattered over modules; its shape is told in one place.
//!
//! Times are Unix milliseconds (`_ms`) or seconds (`since`, `until`, `day`), `BIGINT` throughout. A relay is known by its number,
//! which is never reused; what is known of many relays is joined over it.

use stentor_sql::{Migrations, Step};

#[cfg(test)]
mod tests;

/// What is kept in the records.
pub(crate) const MIGRATIONS: Migrations = Migrations {
    role: "observatory",
    steps: &[
        Step::new(1, "relays", RELAYS),
        Step::new(2, "checks", CHECKS),
        Step::new(3, "archive", ARCHIVE),
        Step::new(4, "statistics", STATISTICS),
        Step::new(5, "alerts", ALERTS),
        Step::new(6, "outcomes", OUTCOMES),
        Step::new(7, "names", NAMES),
        Step::new(8, "sources", SOURCES),
    ],
};

/// What exists. `state`: `candidate` (a URL that was mentioned) or `relay` (one that spoke Nostr once).
/// `status`: `unknown`, `online`, `offline`. What is `NULL` was not tested, or is not known.
const RELAYS: &str = "
    CREATE TABLE observatory_relays (
        id BIGINT PRIMARY KEY,
        url TEXT NOT NULL UNIQUE,
        network TEXT NOT NULL,
        state TEXT NOT NULL,
        found_ms BIGINT NOT NULL,
        found_by TEXT NOT NULL,
        found_in TEXT,
        proven_ms BIGINT,
        proven_by TEXT,
        failures BIGINT NOT NULL,
        next_ms BIGINT NOT NULL,
        status TEXT NOT NULL,
        reason TEXT,
        detail TEXT,
        checked_ms BIGINT,
        status_since_ms BIGINT,
        seen_ms BIGINT,
        open_ms BIGINT,
        read_ms BIGINT,
        write_ms BIGINT,
        write_outcome TEXT,
        document BYTEA,
        facts BYTEA,
        name TEXT,
        software TEXT,
        version TEXT,
        auth_required BOOLEAN,
        payment_required BOOLEAN,
        writes_restricted BOOLEAN,
        negentropy BOOLEAN,
        address TEXT,
        asn BIGINT,
        country TEXT,
        geohash TEXT,
        certificate_until_ms BIGINT,
        dns_ttl BIGINT,
        uptime_day DOUBLE PRECISION,
        uptime_week DOUBLE PRECISION,
        uptime_month DOUBLE PRECISION,
        uptime_quarter DOUBLE PRECISION,
        degraded BOOLEAN
    );
    CREATE INDEX observatory_relays_next ON observatory_relays (state, next_ms);
    CREATE INDEX observatory_relays_due ON observatory_relays (state, network, next_ms);
    CREATE INDEX observatory_relays_status ON observatory_relays (status, id);
    CREATE INDEX observatory_relays_seen ON observatory_relays (seen_ms, id);
    CREATE INDEX observatory_relays_document ON observatory_relays (document);
    CREATE INDEX observatory_relays_facts ON observatory_relays (facts);
    CREATE TABLE observatory_nips (
        relay BIGINT NOT NULL,
        nip BIGINT NOT NULL,
        PRIMARY KEY (relay, nip)
    );
    CREATE INDEX observatory_nips_nip ON observatory_nips (nip, relay);
    CREATE TABLE observatory_mentions (
        relay BIGINT NOT NULL,
        source TEXT NOT NULL,
        mentions BIGINT NOT NULL,
        first_ms BIGINT NOT NULL,
        last_ms BIGINT NOT NULL,
        PRIMARY KEY (relay, source)
    );
    CREATE TABLE observatory_cursors (
        name TEXT PRIMARY KEY,
        place BIGINT NOT NULL,
        note TEXT,
        at_ms BIGINT NOT NULL
    )";

/// How relays do. `online` is `NULL` where the check says nothing of the relay (our own network was down).
/// Documents (NIP-11, facts of a check) are addressed by the SHA-256 of their canonical JSON.
/// What was published last of each relay, and of the monitor itself (`relay` 0), is kept as it was signed, with the place that it
/// has in the order of publication: whoever it is to be sent to reads on from the place that he has got to.
const CHECKS: &str = "
    CREATE TABLE observatory_checks (
        relay BIGINT NOT NULL,
        at_ms BIGINT NOT NULL,
        online BOOLEAN,
        reason TEXT,
        open_ms BIGINT,
        read_ms BIGINT,
        write_ms BIGINT,
        write_outcome TEXT,
        attempts BIGINT NOT NULL,
        document BYTEA,
        facts BYTEA,
        PRIMARY KEY (relay, at_ms)
    );
    CREATE INDEX observatory_checks_at ON observatory_checks (at_ms);
    CREATE TABLE observatory_days (
        relay BIGINT NOT NULL,
        day BIGINT NOT NULL,
        checks BIGINT NOT NULL,
        online BIGINT NOT NULL,
        open_sum BIGINT NOT NULL,
        read_sum BIGINT NOT NULL,
        read_count BIGINT NOT NULL,
        PRIMARY KEY (relay, day)
    );
    CREATE TABLE observatory_documents (
        hash BYTEA PRIMARY KEY,
        kind TEXT NOT NULL,
        body TEXT NOT NULL,
        first_ms BIGINT NOT NULL,
        last_ms BIGINT NOT NULL
    );
    CREATE INDEX observatory_documents_first ON observatory_documents (kind, first_ms, hash);
    CREATE INDEX observatory_documents_last ON observatory_documents (last_ms);
    CREATE TABLE observatory_changes (
        relay BIGINT NOT NULL,
        at_ms BIGINT NOT NULL,
        kind TEXT NOT NULL,
        before BYTEA,
        after BYTEA,
        PRIMARY KEY (relay, at_ms, kind)
    );
    CREATE INDEX observatory_changes_before ON observatory_changes (before);
    CREATE INDEX observatory_changes_after ON observatory_changes (after);
    CREATE TABLE observatory_published (
        kind BIGINT NOT NULL,
        relay BIGINT NOT NULL,
        hash BYTEA NOT NULL,
        seen_ms BIGINT NOT NULL,
        at_ms BIGINT NOT NULL,
        created_at BIGINT NOT NULL,
        place BIGINT NOT NULL UNIQUE,
        event TEXT NOT NULL,
        PRIMARY KEY (kind, relay)
    )";

/// What is held of what relays hold. Intervals of one relay and filter do not overlap; what lies in none was never asked for.
/// A chunk is 65,536 event numbers of the archive's store; `here` is a bitmap of the numbers within it that the relay holds,
/// `live` of those that came on a live subscription. `observatory_seen` has the first-seen times of 8,192 numbers in a row,
/// `observatory_copies` who holds each of 2,048. The formats are told in `provenance`.
const ARCHIVE: &str = "
    CREATE TABLE observatory_filters (
        id BIGINT PRIMARY KEY,
        filter TEXT NOT NULL UNIQUE
    );
    CREATE TABLE observatory_coverage (
        relay BIGINT NOT NULL,
        filter BIGINT NOT NULL,
        since BIGINT NOT NULL,
        until BIGINT NOT NULL,
        state TEXT NOT NULL,
        reason TEXT,
        method TEXT,
        events BIGINT NOT NULL,
        at_ms BIGINT NOT NULL,
        PRIMARY KEY (relay, filter, since)
    );
    CREATE TABLE observatory_archiving (
        relay BIGINT PRIMARY KEY,
        method TEXT,
        page_limit BIGINT,
        negentropy_refused_ms BIGINT,
        leaving BOOLEAN NOT NULL,
        next_ms BIGINT NOT NULL,
        failures BIGINT NOT NULL,
        last_ms BIGINT,
        last_outcome TEXT,
        second_look_from BIGINT,
        behind BIGINT NOT NULL,
        events BIGINT NOT NULL,
        duplicates BIGINT NOT NULL,
        rejected BIGINT NOT NULL,
        bytes BIGINT NOT NULL
    );
    CREATE INDEX observatory_archiving_next ON observatory_archiving (next_ms);
    CREATE TABLE observatory_holdings (
        relay BIGINT NOT NULL,
        chunk BIGINT NOT NULL,
        pairs BIGINT NOT NULL,
        here BYTEA NOT NULL,
        live BYTEA,
        PRIMARY KEY (relay, chunk)
    );
    CREATE INDEX observatory_holdings_chunk ON observatory_holdings (chunk, relay);
    CREATE TABLE observatory_seen (
        relay BIGINT NOT NULL,
        part BIGINT NOT NULL,
        times BYTEA NOT NULL,
        PRIMARY KEY (relay, part)
    );
    CREATE TABLE observatory_copies (
        part BIGINT PRIMARY KEY,
        copies BYTEA NOT NULL
    )";

/// Answers that are kept up as events arrive. `period` is `day`, `week` or `month`, `start` its first day since 1970.
/// `authors` are bitmaps over the numbers of authors. Events whose time cannot be true are counted under the day -1, and authors of nothing
/// else have it as their first. `observatory_counted` has what was counted of each event (the format is told in `statistics::ledger`).
/// URLs in relay lists have numbers of their own, whether they are relays or not; `entries` counts the lists that name them.
const STATISTICS: &str = "
    CREATE TABLE observatory_kinds (
        day BIGINT NOT NULL,
        kind BIGINT NOT NULL,
        events BIGINT NOT NULL,
        bytes BIGINT NOT NULL,
        PRIMARY KEY (day, kind)
    );
    CREATE TABLE observatory_authors (
        number BIGINT PRIMARY KEY,
        pubkey BYTEA NOT NULL UNIQUE,
        first_day BIGINT NOT NULL,
        events BIGINT NOT NULL
    );
    CREATE TABLE observatory_active (
        period TEXT NOT NULL,
        start BIGINT NOT NULL,
        authors BYTEA NOT NULL,
        count BIGINT NOT NULL,
        PRIMARY KEY (period, start)
    );
    CREATE TABLE observatory_relay_counts (
        relay BIGINT PRIMARY KEY,
        events BIGINT NOT NULL,
        exclusive BIGINT NOT NULL
    );
    CREATE TABLE observatory_replication (
        copies BIGINT PRIMARY KEY,
        events BIGINT NOT NULL
    );
    CREATE TABLE observatory_latency (
        relay BIGINT NOT NULL,
        bucket BIGINT NOT NULL,
        count BIGINT NOT NULL,
        PRIMARY KEY (relay, bucket)
    );
    CREATE TABLE observatory_new_authors (
        day BIGINT PRIMARY KEY,
        authors BIGINT NOT NULL
    );
    CREATE TABLE observatory_counted (
        part BIGINT PRIMARY KEY,
        notes BYTEA NOT NULL
    );
    CREATE TABLE observatory_lists (
        author BIGINT NOT NULL,
        kind BIGINT NOT NULL,
        url BIGINT NOT NULL,
        reads BOOLEAN NOT NULL,
        writes BOOLEAN NOT NULL,
        PRIMARY KEY (author, kind, url)
    );
    CREATE TABLE observatory_list_urls (
        id BIGINT PRIMARY KEY,
        url TEXT NOT NULL UNIQUE,
        entries BIGINT NOT NULL,
        first_ms BIGINT NOT NULL
    );
    CREATE TABLE observatory_list_heads (
        author BIGINT NOT NULL,
        kind BIGINT NOT NULL,
        created_at BIGINT NOT NULL,
        event BYTEA NOT NULL,
        PRIMARY KEY (author, kind)
    );
    CREATE INDEX observatory_list_heads_event ON observatory_list_heads (event)";

/// Who is told of what: relays that an operator watches, and messages under way. The `state` of a watch is `up` or, while it has
/// been told that its relay is down, `down` with `since_ms`; until `certificate_told_ms` it is told of no certificate.
const ALERTS: &str = "
    CREATE TABLE observatory_watches (
        id TEXT PRIMARY KEY,
        relay BIGINT NOT NULL,
        recipient BYTEA,
        made_ms BIGINT NOT NULL,
        made_by TEXT NOT NULL,
        state TEXT NOT NULL,
        since_ms BIGINT,
        certificate_told_ms BIGINT
    );
    CREATE INDEX observatory_watches_relay ON observatory_watches (relay);
    CREATE TABLE observatory_messages (
        id TEXT PRIMARY KEY,
        watch TEXT NOT NULL,
        recipient BYTEA NOT NULL,
        text TEXT NOT NULL,
        made_ms BIGINT NOT NULL,
        next_ms BIGINT NOT NULL,
        attempts BIGINT NOT NULL
    );
    CREATE INDEX observatory_messages_next ON observatory_messages (next_ms)";

/// Checks by the hour (hours since 1970) and what came of them: whoever sums those of days would have to go through all checks else.
const OUTCOMES: &str = "
    CREATE TABLE observatory_outcomes (
        hour BIGINT NOT NULL,
        outcome TEXT NOT NULL,
        checks BIGINT NOT NULL,
        PRIMARY KEY (hour, outcome)
    );
    INSERT INTO observatory_outcomes (hour, outcome, checks)
        SELECT at_ms / 3600000, CASE WHEN online THEN 'online' ELSE COALESCE(reason, 'unknown') END, COUNT(*)
        FROM observatory_checks GROUP BY 1, 2";

/// The name in lower case, as we write it: LOWER knows the letters of ASCII alone in SQLite, and others in PostgreSQL only where its
/// locale does. So names that are there already are right once their document has changed, if they have other letters.
const NAMES: &str = "
    ALTER TABLE observatory_relays ADD COLUMN name_lower TEXT;
    UPDATE observatory_relays SET name_lower = LOWER(name) WHERE name IS NOT NULL";

/// Where a relay was found is told to everybody: no files of the operator, nothing by which a list is paid for.
const SOURCES: &str = "
    UPDATE observatory_relays SET found_in = NULL WHERE found_by = 'seed_file'
        OR (found_by = 'http_list' AND (found_in LIKE '%?%' OR found_in LIKE '%@%' OR found_in LIKE '%#%'))";
