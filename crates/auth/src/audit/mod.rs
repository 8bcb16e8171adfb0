//! The audit (G2.5): who subscribed to what, what was done to keys, and who was not let in. Never what was shown for it.
//!
//! Lines are gathered in memory and written once a second, so that nobody waits for them: a crash loses those of its last second.
//! Failures anybody can cause, so their lines are rare: the first of a kind from an address has its line at once, those that follow
//! within a minute are one line with their number. There is at most one such line a second, and failures cannot wash out other
//! lines, as each of the two kinds is bounded by itself.

mod failures;
mod kept;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::net::IpAddr;

use parking_lot::Mutex;
use serde::Serialize;
use stentor_event::Timestamp;
use stentor_sql::Database;
use utoipa::ToSchema;

use crate::config::Limits;
use crate::{AuthFailure, Credential, ManageError, Principal, Tenant, metrics};

/// Lines that wait to be written.
const MOST_WAITING: usize = 2_000;
/// Lines that are written in one transaction.
const AT_ONCE: usize = 500;
/// Transactions of one flush: enough for all that can wait, with an end however much comes meanwhile.
const ROUNDS: usize = 2 * MOST_WAITING / AT_ONCE;
/// Longest detail, in characters.
const DETAIL_CHARS: usize = 500;
/// Most lines in one page.
const MOST_READ: u32 = 1_000;

/// What a line is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AuditKind {
    /// A stream was opened, or something was read or made through another surface.
    Subscribed,
    /// A stream was ended because its principal was not good any more.
    Ended,
    /// A key, a tenant or a ticket was made, changed or revoked.
    Managed,
    /// Somebody was not let in.
    Failed,
}

impl AuditKind {
    /// Its name, in the records too.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Subscribed => "subscribed",
            Self::Ended => "ended",
            Self::Managed => "managed",
            Self::Failed => "failed",
        }
    }
}

/// A line of the audit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct AuditLine {
    /// Its number; later lines have greater ones. 0 before it is written.
    pub id: i64,
    /// When, in Unix seconds.
    pub at: u64,
    /// What it is about: `subscribed`, `ended`, `managed`, `failed`.
    pub kind: String,
    /// Who it was, if that was known.
    pub subject: Option<String>,
    /// Whose tenant.
    pub tenant: Option<String>,
    /// The public id of the credential, as far as there was one.
    pub credential: Option<String>,
    /// The client's address.
    pub address: Option<String>,
    /// Through what: `sse`, `ws`, `history`, a route.
    pub surface: Option<String>,
    /// What was subscribed to or done; the category of a failure.
    pub detail: String,
    /// How many there were of this.
    pub count: u64,
}

/// The audit of a node. All nodes write into the same records.
pub struct Audit {
    records: Database,
    lines: u64,
    seconds: u64,
    waiting: Mutex<Waiting>,
}

/// What is yet to be written.
struct Waiting {
    lines: VecDeque<AuditLine>,
    failures: failures::Failures,
    /// Lines that were written since old ones were removed.
    written: u64,
}

impl Audit {
    /// An audit in these records.
    pub(crate) fn new(records: Database, limits: &Limits) -> Self {
        Self {
            records,
            lines: limits.audit_lines,
            seconds: limits.audit_days.saturating_mul(86_400),
            waiting: Mutex::new(Waiting {
                lines: VecDeque::new(),
                failures: failures::Failures::default(),
                written: kept::TRIMMED_EVERY,
            }),
        }
    }

    /// A principal has done something: `what` says what was subscribed to, or made. It is cut after 500 characters, and must hold no
    /// secret.
    pub fn note(
        &self,
        kind: AuditKind,
        principal: &Principal,
        client: IpAddr,
        surface: &str,
        what: &str,
        now: Timestamp,
    ) {
        self.push(AuditLine {
            id: 0,
            at: now.0,
            kind: kind.as_str().to_owned(),
            subject: Some(clean(&principal.subject)),
            tenant: Some(principal.tenant.to_string()),
            credential: Some(principal.credential.id()),
            address: Some(client.to_string()),
            surface: Some(clean(surface)),
            detail: clean(what),
            count: 1,
        });
    }

    /// Somebody was not let in. Who showed nothing has not failed.
    pub fn failed(&self, failure: &AuthFailure, client: IpAddr, surface: &str, now: Timestamp) {
        let AuthFailure::Invalid {
            category,
            credential,
        } = failure
        else {
            return;
        };
        let line = AuditLine {
            id: 0,
            at: now.0,
            kind: AuditKind::Failed.as_str().to_owned(),
            subject: None,
            tenant: None,
            credential: credential.clone(),
            address: Some(client.to_string()),
            surface: Some(clean(surface)),
            detail: category.as_str().to_owned(),
            count: 1,
        };
        let first = self
            .waiting
            .lock()
            .failures
            .add(*category, client, line, now);
        if let Some(line) = first {
            self.push(line);
        }
    }

    fn push(&self, line: AuditLine) {
        let mut waiting = self.waiting.lock();
        if waiting.lines.len() < MOST_WAITING {
            waiting.lines.push_back(line);
        } else {
            metrics::audit_dropped(1);
        }
    }

    /// Writes what waits. To be called each second, and before the end.
    ///
    /// # Errors
    /// Those of the database; what could not be written waits on.
    pub async fn flush(&self, now: Timestamp) -> Result<(), ManageError> {
        for _ in 0..ROUNDS {
            let (lines, trims) = self.next(now);
            if lines.is_empty() {
                return Ok(());
            }
            let (kept, oldest) = (self.lines, now.0.saturating_sub(self.seconds));
            let written = kept::write(
                &self.records,
                lines.clone(),
                trims.then_some((kept, oldest)),
            )
            .await;
            if let Err(error) = written {
                self.put_back(lines);
                return Err(error);
            }
        }
        Ok(())
    }

    /// The next lines to write, and whether old ones are to be removed with that.
    fn next(&self, now: Timestamp) -> (Vec<AuditLine>, bool) {
        let mut waiting = self.waiting.lock();
        let over = waiting.failures.over(now);
        waiting.lines.extend(over);
        let count = waiting.lines.len().min(AT_ONCE);
        let lines: Vec<_> = waiting.lines.drain(..count).collect();
        waiting.written += lines.len() as u64;
        let trims = waiting.written >= kept::TRIMMED_EVERY && !lines.is_empty();
        if trims {
            waiting.written = 0;
        }
        (lines, trims)
    }

    fn put_back(&self, lines: Vec<AuditLine>) {
        let mut waiting = self.waiting.lock();
        for line in lines.into_iter().rev() {
            waiting.lines.push_front(line);
        }
        let excess = waiting.lines.len().saturating_sub(MOST_WAITING);
        waiting.lines.truncate(MOST_WAITING);
        metrics::audit_dropped(excess as u64);
        // So that old lines are removed with the next success.
        waiting.written = kept::TRIMMED_EVERY;
    }

    /// The newest lines before the one of this number, newest first; those of one tenant, or of all and of none. At most 1,000.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn read(
        &self,
        tenant: Option<&Tenant>,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Vec<AuditLine>, ManageError> {
        Self::lines(&self.records, tenant, before, limit).await
    }

    /// The same of the audit in these records, whoever writes it.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn lines(
        records: &Database,
        tenant: Option<&Tenant>,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Vec<AuditLine>, ManageError> {
        kept::read(records, tenant, before, limit.min(MOST_READ)).await
    }
}

impl Credential {
    /// Whether a text could be a secret of a kind that we hand out: for callers who write down what they were given.
    pub fn is_secret(text: &str) -> bool {
        text.contains("stk_") || text.contains("stt_")
    }
}

/// A text of others, fit to be written down: cut, without control characters, and without what looks like a secret of ours.
fn clean(text: &str) -> String {
    if Credential::is_secret(text) {
        return "(a secret)".to_owned();
    }
    let shown = text
        .chars()
        .map(|char| if char.is_control() { ' ' } else { char });
    shown.take(DETAIL_CHARS).collect()
}
