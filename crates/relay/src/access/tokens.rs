//! Tokens of NIP-98 that have been used, in the records: known to all nodes, and after a restart (R3.3).

use metrics::{counter, gauge};
use stentor_auth::nip98::{BoxFuture, HttpAuthError, ReplayGuard, Token};
use stentor_event::Timestamp;
use stentor_sql::{Database, Error, Transaction};

/// Tokens that are remembered at once, each for two minutes at most: 80 calls a second all the time.
const MOST: i64 = 10_000;

/// Used tokens in the records. Only for callers who may manage the relay: others must not be able to fill it.
///
/// Full, it refuses new tokens until old ones expire, and never forgets one before its time: it is better to keep callers
/// waiting than to let someone else's request be repeated.
#[derive(Clone)]
pub struct UsedTokens {
    records: Database,
}

/// What came of using up a token.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Used {
    /// It is good; so many are remembered now.
    First(i64),
    Again,
    Full,
}

impl UsedTokens {
    /// In these records.
    pub(super) fn new(records: Database) -> Self {
        Self { records }
    }
}

impl ReplayGuard for UsedTokens {
    fn use_up<'a>(
        &'a self,
        token: &'a Token,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<(), HttpAuthError>> {
        Box::pin(async move {
            let (id, until) = (token.id().0, token.expires_at().0 as i64);
            let now = now.0 as i64;
            if until < now {
                return Err(HttpAuthError::Time);
            }
            let written = self
                .records
                .write(move |tx| insert(tx, id, until, now))
                .await;
            let refused = |reason: &'static str| counter!("stentor_auth_replay_refused_total", "reason" => reason);
            match written {
                Ok(Used::First(tokens)) => {
                    #[expect(clippy::cast_precision_loss, reason = "a gauge")]
                    gauge!("stentor_auth_replay_tokens").set(tokens as f64);
                    Ok(())
                }
                Ok(Used::Again) => {
                    refused("used").increment(1);
                    Err(HttpAuthError::Used)
                }
                Ok(Used::Full) => {
                    refused("full").increment(1);
                    Err(HttpAuthError::Full)
                }
                Err(error) => {
                    tracing::error!(%error, "a token could not be used up");
                    Err(HttpAuthError::Unavailable)
                }
            }
        })
    }
}

/// Forgets what has expired, and remembers the token if there is room for it.
fn insert(tx: &mut Transaction<'_>, id: [u8; 32], until: i64, now: i64) -> Result<Used, Error> {
    tx.execute("DELETE FROM relay_tokens WHERE until < ?", (now,))?;
    let known: Option<(i64,)> =
        tx.fetch_optional("SELECT until FROM relay_tokens WHERE id = ?", (id,))?;
    if known.is_some() {
        return Ok(Used::Again);
    }
    let (tokens,): (i64,) = tx.fetch_one("SELECT COUNT(*) FROM relay_tokens", ())?;
    if tokens >= MOST {
        return Ok(Used::Full);
    }
    // Another node may have been faster in between (PostgreSQL).
    let written = tx.execute(
        "INSERT INTO relay_tokens (id, until) VALUES (?, ?) ON CONFLICT DO NOTHING",
        (id, until),
    )?;
    Ok(match written {
        0 => Used::Again,
        _ => Used::First(tokens + 1),
    })
}
