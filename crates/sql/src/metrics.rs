//! What is counted.
//!
//! * `stentor_sql_transactions_total{result}`: transactions of `write`, by `ok` or `error`.
//! * `stentor_sql_errors_total{kind}`: what the database had against a statement or a commit, by [`Error::kind`], also where
//!   it was tried again.
//! * `stentor_sql_retries_total`: attempts after a conflict (PostgreSQL), or after a joined commit that failed (SQLite).
//! * `stentor_sql_transaction_seconds`: from the call of `write` to its answer.
//! * `stentor_sql_commits_total`, `stentor_sql_commit_seconds`, `stentor_sql_joined`: durable commits of the SQLite writer,
//!   the time of each, and the transactions in each.
//! * `stentor_sql_queue`: transactions that wait for the writer.
//! * `stentor_sql_connections_in_use`: connections of the pool that somebody holds.

use std::time::Duration;

use ::metrics::{counter, gauge, histogram};

use crate::Error;

/// A transaction was answered.
pub fn answered(ok: bool, time: Duration) {
    let result = if ok { "ok" } else { "error" };
    counter!("stentor_sql_transactions_total", "result" => result).increment(1);
    histogram!("stentor_sql_transaction_seconds").record(time.as_secs_f64());
}

/// An error of the database. Returns it.
pub fn failed(error: Error) -> Error {
    counter!("stentor_sql_errors_total", "kind" => error.kind()).increment(1);
    error
}

/// A transaction is made once more.
pub fn retried() {
    counter!("stentor_sql_retries_total").increment(1);
}

/// A durable commit of so many transactions.
pub fn committed(joined: usize, time: Duration) {
    counter!("stentor_sql_commits_total").increment(1);
    histogram!("stentor_sql_commit_seconds").record(time.as_secs_f64());
    histogram!("stentor_sql_joined").record(joined as f64);
}

/// Transactions that came to the queue or left it.
pub fn queued(change: f64) {
    gauge!("stentor_sql_queue").increment(change);
}

/// Connections taken or given back.
pub fn connections_in_use(change: f64) {
    gauge!("stentor_sql_connections_in_use").increment(change);
}
