//! The tables of the relay.

use stentor_sql::{Migrations, Step};

/// What the relay keeps in the records.
pub(super) const MIGRATIONS: Migrations = Migrations {
    role: "relay",
    steps: &[
        Step::new(
            1,
            "lists",
            "CREATE TABLE relay_banned_keys (
                pubkey BYTEA PRIMARY KEY,
                reason TEXT,
                at BIGINT NOT NULL
            );
            CREATE TABLE relay_allowed_keys (
                pubkey BYTEA PRIMARY KEY,
                reason TEXT,
                at BIGINT NOT NULL
            );
            CREATE TABLE relay_events (
                id BYTEA PRIMARY KEY,
                banned BOOLEAN NOT NULL,
                reason TEXT,
                at BIGINT NOT NULL
            );
            CREATE TABLE relay_kinds (
                kind BIGINT NOT NULL,
                allowed BOOLEAN NOT NULL,
                PRIMARY KEY (kind, allowed)
            );
            CREATE TABLE relay_blocked (
                network TEXT PRIMARY KEY,
                reason TEXT,
                at BIGINT NOT NULL
            );
            CREATE TABLE relay_settings (
                name TEXT PRIMARY KEY,
                value TEXT NOT NULL
            )",
        ),
        Step::new(
            2,
            "members",
            "CREATE TABLE relay_roles (
                id TEXT PRIMARY KEY,
                label TEXT,
                description TEXT,
                color BIGINT,
                position BIGINT
            );
            CREATE TABLE relay_members (
                pubkey BYTEA PRIMARY KEY,
                joined_at BIGINT NOT NULL,
                claim TEXT
            );
            CREATE TABLE relay_member_roles (
                pubkey BYTEA NOT NULL,
                role TEXT NOT NULL,
                PRIMARY KEY (pubkey, role)
            );
            CREATE TABLE relay_invites (
                claim TEXT PRIMARY KEY,
                creator BYTEA,
                created_at BIGINT NOT NULL,
                expires_at BIGINT,
                most BIGINT,
                uses BIGINT NOT NULL,
                role TEXT
            );
            CREATE INDEX relay_invites_creator ON relay_invites (creator)",
        ),
        Step::each(
            3,
            "audit",
            "CREATE TABLE relay_audit (
                id INTEGER PRIMARY KEY AUTOINCREMENT,
                at BIGINT NOT NULL,
                actor TEXT NOT NULL,
                address TEXT,
                method TEXT NOT NULL,
                params TEXT NOT NULL,
                outcome TEXT NOT NULL
            );
            CREATE TRIGGER relay_audit_stays BEFORE UPDATE ON relay_audit
            BEGIN SELECT RAISE(ABORT, 'the audit log is not changed'); END",
            "CREATE TABLE relay_audit (
                id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
                at BIGINT NOT NULL,
                actor TEXT NOT NULL,
                address TEXT,
                method TEXT NOT NULL,
                params TEXT NOT NULL,
                outcome TEXT NOT NULL
            );
            CREATE RULE relay_audit_stays AS ON UPDATE TO relay_audit DO INSTEAD NOTHING",
        ),
        Step::new(
            4,
            "moderation",
            "CREATE TABLE relay_moderation (
                id BYTEA PRIMARY KEY,
                first_at BIGINT NOT NULL,
                hits BIGINT NOT NULL,
                reason TEXT NOT NULL
            );
            CREATE INDEX relay_moderation_first ON relay_moderation (first_at);
            CREATE TABLE relay_tokens (
                id BYTEA PRIMARY KEY,
                until BIGINT NOT NULL
            );
            CREATE INDEX relay_tokens_until ON relay_tokens (until)",
        ),
        // Lines that anybody can cause have a class and are bounded. What was written before stays, as the log is not
        // changed: of those there are some ten thousand at most.
        Step::new(
            5,
            "audit classes",
            "ALTER TABLE relay_audit ADD COLUMN class BIGINT NOT NULL DEFAULT 0;
            CREATE INDEX relay_audit_class ON relay_audit (class, id) WHERE class > 0",
        ),
        Step::new(
            6,
            "allow list",
            "INSERT INTO relay_settings (name, value)
                SELECT 'allow_list', 'on' WHERE EXISTS (SELECT 1 FROM relay_allowed_keys)",
        ),
        // Hits were counted wrong and shown to nobody. What is suspect is what a rule has found, as far as can be told.
        Step::new(
            7,
            "reports",
            "CREATE TABLE relay_reports (
                target BYTEA NOT NULL,
                reporter BYTEA NOT NULL,
                at BIGINT NOT NULL,
                PRIMARY KEY (target, reporter)
            );
            CREATE INDEX relay_reports_reporter ON relay_reports (reporter);
            CREATE INDEX relay_reports_at ON relay_reports (at);
            ALTER TABLE relay_moderation DROP COLUMN hits;
            ALTER TABLE relay_moderation ADD COLUMN suspect BOOLEAN NOT NULL DEFAULT FALSE;
            UPDATE relay_moderation SET suspect = TRUE WHERE reason NOT LIKE 'reported: %'",
        ),
        // Of whom the relay has published that they are members.
        Step::new(
            8,
            "announced",
            "CREATE TABLE relay_announced (pubkey BYTEA PRIMARY KEY)",
        ),
    ],
};
