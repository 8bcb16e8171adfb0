//! The tables of the webhooks.

use stentor_sql::{Migrations, Step};

/// Endpoints, what waits for them or was given up, and what was tried. Times are Unix milliseconds.
pub(crate) const MIGRATIONS: Migrations = Migrations {
    role: "webhooks",
    steps: &[Step::new(
        1,
        "endpoints, deliveries, attempts",
        "CREATE TABLE webhook_endpoints (
            id BYTEA PRIMARY KEY,
            tenant TEXT NOT NULL,
            owner TEXT NOT NULL,
            granted TEXT NOT NULL,
            url TEXT NOT NULL,
            description TEXT NOT NULL,
            choice TEXT NOT NULL,
            scheme TEXT NOT NULL,
            secret BYTEA NOT NULL,
            former_secret BYTEA,
            former_until BIGINT,
            disabled TEXT,
            rate BIGINT NOT NULL,
            concurrency BIGINT NOT NULL,
            place TEXT NOT NULL,
            failing_since BIGINT,
            created_ms BIGINT NOT NULL,
            updated_ms BIGINT NOT NULL,
            version BIGINT NOT NULL,
            nudged BIGINT NOT NULL,
            lease_node TEXT,
            lease_run TEXT,
            lease_until BIGINT NOT NULL
        );
        CREATE INDEX webhook_endpoints_of_tenants ON webhook_endpoints (tenant, id);
        CREATE TABLE webhook_deliveries (
            id BYTEA PRIMARY KEY,
            endpoint BYTEA NOT NULL,
            state TEXT NOT NULL,
            envelope BYTEA NOT NULL,
            log TEXT NOT NULL,
            seq BIGINT NOT NULL,
            type TEXT NOT NULL,
            subject TEXT,
            owner TEXT,
            traceparent TEXT,
            time_ms BIGINT NOT NULL,
            body TEXT,
            attempts BIGINT NOT NULL,
            due_ms BIGINT NOT NULL
        );
        CREATE INDEX webhook_deliveries_due ON webhook_deliveries (endpoint, state, due_ms, id);
        CREATE TABLE webhook_attempts (
            id BYTEA PRIMARY KEY,
            endpoint BYTEA NOT NULL,
            delivery BYTEA NOT NULL,
            envelope BYTEA NOT NULL,
            type TEXT NOT NULL,
            number BIGINT NOT NULL,
            at_ms BIGINT NOT NULL,
            outcome TEXT NOT NULL,
            status BIGINT,
            latency_ms BIGINT NOT NULL,
            error TEXT,
            response BYTEA NOT NULL,
            next_ms BIGINT
        );
        CREATE INDEX webhook_attempts_of_endpoints ON webhook_attempts (endpoint, id);
        CREATE INDEX webhook_attempts_by_time ON webhook_attempts (at_ms)",
    )],
};
