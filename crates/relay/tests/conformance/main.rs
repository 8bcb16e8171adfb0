//! What is asked for (docs/points.md), over real sockets: each test carries the number of its point.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod harness;
mod r1_auth;
mod r1_counts;
mod r1_events;
mod r1_filters;
mod r1_http;
mod r1_nip11_truth;
mod r1_removal;
mod r1_subscriptions;
mod r2_privacy;
mod r2_privacy_matrix;
mod r3_management;
mod r3_membership;
mod r4_limits;
mod r4_moderation;
mod r4_nip05;
mod r4_plugins;
mod r4_rates;
mod r4_reload;
mod r4_retention;
mod r4_rules;
mod r4_trust;
mod r5_mirror;
mod r5_negentropy;
mod r5_sync;
mod r6_search;
mod r8_operation;
