//! Tokens of NIP-98 that have been used, in the records: known to all nodes, and after a restart.

use stentor_event::Timestamp;
use stentor_sql::{Database, Error, Transaction};

use crate::metrics;
use crate::nip98::{BoxFuture, HttpAuthError, ReplayGuard, Token};

/// Most tokens of one key, each remembered for two minutes at most: five requests a second all the time.
const MOST_OF_ONE: u64 = 600;

/// Used tokens in the records of an [`Authenticator`](crate::Authenticator), which makes the table.
///
/// Full, it refuses new tokens until old ones expire, and never forgets one before its time. One key can take a part of it only; but
/// keys cost nothing, so where any key is let in (`nostr.scopes`), what matters more is not to share a guard with it.
#[derive(Clone)]
pub struct UsedTokens {
    records: Database,
    most: u64,
}

/// What came of using up a token.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Used {
    First,
    Again,
    Full,
}

impl UsedTokens {
    /// In these records; at most so many at once.
    pub fn new(records: Database, most: u64) -> Self {
        Self { records, most }
    }
}

impl ReplayGuard for UsedTokens {
    fn use_up<'a>(
        &'a self,
        token: &'a Token,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<(), HttpAuthError>> {
        Box::pin(async move {
            if token.expires_at() < now {
                return Err(HttpAuthError::Time);
            }
            let (token, most) = (*token, self.most);
            let written = self
                .records
                .write(move |tx| insert(tx, &token, most, now))
                .await;
            match written {
                Ok(Used::First) => Ok(()),
                Ok(Used::Again) => {
                    metrics::token_refused("used");
                    Err(HttpAuthError::Used)
                }
                Ok(Used::Full) => {
                    metrics::token_refused("full");
                    Err(HttpAuthError::Full)
                }
                Err(error) => {
                    tracing::warn!(%error, "a token could not be used up");
                    Err(HttpAuthError::Unavailable)
                }
            }
        })
    }
}

/// Forgets what has expired, and remembers the token if there is room for it.
fn insert(
    tx: &mut Transaction<'_>,
    token: &Token,
    most: u64,
    now: Timestamp,
) -> Result<Used, Error> {
    tx.execute(
        "DELETE FROM auth_used_tokens WHERE until < ?",
        (now.0 as i64,),
    )?;
    let (all,): (u64,) = tx.fetch_one("SELECT COUNT(*) FROM auth_used_tokens", ())?;
    let (own,): (u64,) = tx.fetch_one(
        "SELECT COUNT(*) FROM auth_used_tokens WHERE pubkey = ?",
        (token.key().0,),
    )?;
    let is_full = all >= most || own >= MOST_OF_ONE;
    let known: Option<(i64,)> = tx.fetch_optional(
        "SELECT until FROM auth_used_tokens WHERE id = ?",
        (token.id().0,),
    )?;
    match (known, is_full) {
        (Some(_), _) => return Ok(Used::Again),
        (None, true) => return Ok(Used::Full),
        (None, false) => {}
    }
    // Another node may have been faster in between (PostgreSQL).
    let written = tx.execute(
        "INSERT INTO auth_used_tokens (id, pubkey, until) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        (token.id().0, token.key().0, token.expires_at().0 as i64),
    )?;
    Ok(if written == 0 {
        Used::Again
    } else {
        Used::First
    })
}
