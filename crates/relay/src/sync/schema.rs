//! The tables of synchronisation and of mirrors.

use stentor_sql::{Migrations, Step};

/// What is kept in the records.
pub(crate) const MIGRATIONS: Migrations = Migrations {
    role: "relay_sync",
    steps: &[Step::new(
        1,
        "sync",
        "CREATE TABLE relay_sync_todo (
            task BYTEA PRIMARY KEY,
            url TEXT NOT NULL,
            windows TEXT NOT NULL,
            at BIGINT NOT NULL
        );
        CREATE INDEX relay_sync_todo_at ON relay_sync_todo (at);
        CREATE TABLE relay_sync_mirrors (
            name TEXT PRIMARY KEY,
            url TEXT NOT NULL,
            contact BIGINT NOT NULL,
            history BOOLEAN NOT NULL,
            seq BIGINT NOT NULL
        )",
    )],
};
