//! The tables of who may ask.

use stentor_sql::{Error, Migrations, Step, Transaction};

/// What is kept of keys, tenants, tickets and the audit.
pub(crate) const MIGRATIONS: Migrations = Migrations {
    role: "auth",
    steps: &[
        Step::new(
            1,
            "keys",
            "CREATE TABLE auth_state (
                only_row BIGINT PRIMARY KEY,
                version BIGINT NOT NULL
            );
            INSERT INTO auth_state (only_row, version) VALUES (1, 0);
            CREATE TABLE auth_tenants (
                name TEXT PRIMARY KEY,
                created_at BIGINT NOT NULL,
                disabled_at BIGINT,
                version BIGINT NOT NULL
            );
            INSERT INTO auth_tenants (name, created_at, version) VALUES ('default', 0, 0);
            CREATE INDEX auth_tenants_version ON auth_tenants (version);
            CREATE TABLE auth_keys (
                id TEXT PRIMARY KEY,
                hash BYTEA NOT NULL,
                name TEXT NOT NULL,
                tenant TEXT NOT NULL,
                scopes TEXT NOT NULL,
                pubkey BYTEA,
                created_at BIGINT NOT NULL,
                expires_at BIGINT,
                revoked_at BIGINT,
                used_at BIGINT,
                version BIGINT NOT NULL
            );
            CREATE INDEX auth_keys_version ON auth_keys (version);
            CREATE TABLE auth_revoked (
                credential TEXT PRIMARY KEY,
                until BIGINT NOT NULL,
                version BIGINT NOT NULL
            );
            CREATE INDEX auth_revoked_version ON auth_revoked (version);
            CREATE TABLE auth_signers (
                kid TEXT PRIMARY KEY,
                public BYTEA NOT NULL,
                until BIGINT NOT NULL,
                version BIGINT NOT NULL
            );
            CREATE INDEX auth_signers_version ON auth_signers (version)",
        ),
        Step::new(
            2,
            "tickets",
            "CREATE TABLE auth_tickets (
                id TEXT PRIMARY KEY,
                hash BYTEA NOT NULL,
                seal BYTEA NOT NULL,
                surface TEXT NOT NULL,
                principal TEXT NOT NULL,
                subject TEXT NOT NULL,
                tenant TEXT NOT NULL,
                created_at BIGINT NOT NULL,
                ends_at BIGINT NOT NULL,
                used_at BIGINT NOT NULL,
                uses BIGINT NOT NULL
            );
            CREATE INDEX auth_tickets_ends ON auth_tickets (ends_at);
            CREATE INDEX auth_tickets_subject ON auth_tickets (tenant, subject)",
        ),
        Step::each(
            3,
            "audit",
            "CREATE TABLE auth_audit (
                id INTEGER PRIMARY KEY AUTOINCREMENT,
                at BIGINT NOT NULL,
                kind TEXT NOT NULL,
                subject TEXT,
                tenant TEXT,
                credential TEXT,
                address TEXT,
                surface TEXT,
                detail TEXT NOT NULL,
                count BIGINT NOT NULL
            );
            CREATE INDEX auth_audit_at ON auth_audit (at)",
            "CREATE TABLE auth_audit (
                id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
                at BIGINT NOT NULL,
                kind TEXT NOT NULL,
                subject TEXT,
                tenant TEXT,
                credential TEXT,
                address TEXT,
                surface TEXT,
                detail TEXT NOT NULL,
                count BIGINT NOT NULL
            );
            CREATE INDEX auth_audit_at ON auth_audit (at)",
        ),
        Step::new(
            4,
            "used tokens",
            "CREATE TABLE auth_used_tokens (
                id BYTEA PRIMARY KEY,
                pubkey BYTEA NOT NULL,
                until BIGINT NOT NULL
            );
            CREATE INDEX auth_used_tokens_until ON auth_used_tokens (until);
            CREATE INDEX auth_used_tokens_pubkey ON auth_used_tokens (pubkey)",
        ),
    ],
};

/// The next version, for rows that other nodes have to hear of. Transactions that take one follow one another, so that who reads
/// all rows above the last version it has seen misses none.
pub(crate) fn next_version(tx: &mut Transaction<'_>) -> Result<i64, Error> {
    let (version,): (i64,) = tx.fetch_one(
        "UPDATE auth_state SET version = version + 1 RETURNING version",
        (),
    )?;
    Ok(version)
}
