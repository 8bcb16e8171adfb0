//! Tokens of NIP-98 that have been used, in the records: known to all nodes, and after a restart (R3.3).

use stentor_auth::nip98::{BoxFuture, HttpAuthError, ReplayGuard, Token};
use stentor_event::Timestamp;
use stentor_sql::{Database, Error};

/// Used tokens in the records. Only for callers who may manage the relay: others must not be able to fill it.
#[derive(Clone)]
pub struct UsedTokens {
    records: Database,
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
            let written = self.records.write(move |tx| {
                tx.execute("DELETE FROM relay_tokens WHERE until < ?", (now,))?;
                tx.execute(
                    "INSERT INTO relay_tokens (id, until) VALUES (?, ?) ON CONFLICT DO NOTHING",
                    (id, until),
                )
            });
            match written.await {
                Ok(0) => Err(HttpAuthError::Used),
                Ok(_) => Ok(()),
                Err(error) => {
                    let error: Error = error;
                    tracing::error!(%error, "a token could not be used up");
                    Err(HttpAuthError::Unavailable)
                }
            }
        })
    }
}
