//! Public keys of the nodes that sign tokens, so that each node verifies what any of them has signed.

use stentor_event::Timestamp;
use stentor_sql::Transaction;

use super::Registry;
use crate::{ManageError, schema};

/// Keys of all nodes, old ones included that still verify.
const MOST: u64 = 1_000;

/// A public key that tokens are verified with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Signer {
    pub kid: String,
    pub public: [u8; 32],
    /// When its last token has ended.
    pub until: Timestamp,
}

impl Registry {
    /// Tells all nodes of a key.
    pub(crate) async fn add_signer(
        &self,
        signer: Signer,
        now: Timestamp,
    ) -> Result<(), ManageError> {
        self.records
            .write(move |tx| insert(tx, &signer, now))
            .await?;
        self.changed(now).await;
        Ok(())
    }

    /// The key of this name.
    pub(crate) fn signer(&self, kid: &str, now: Timestamp) -> Option<[u8; 32]> {
        let state = self.state.read();
        let signer = state.signers.get(kid).filter(|signer| signer.until > now)?;
        Some(signer.public)
    }

    /// All keys, in the order of their names.
    pub(crate) fn signers(&self, now: Timestamp) -> Vec<Signer> {
        let state = self.state.read();
        let mut signers: Vec<_> = state
            .signers
            .values()
            .filter(|signer| signer.until > now)
            .cloned()
            .collect();
        signers.sort_by(|left, right| left.kid.cmp(&right.kid));
        signers
    }
}

fn insert(tx: &mut Transaction<'_>, signer: &Signer, now: Timestamp) -> Result<(), ManageError> {
    tx.execute("DELETE FROM auth_signers WHERE until <= ?", (now.0 as i64,))?;
    let (signers,): (u64,) = tx.fetch_one("SELECT COUNT(*) FROM auth_signers", ())?;
    if signers >= MOST {
        let what = "signing keys";
        return Err(ManageError::TooMany { what, most: MOST });
    }
    let version = schema::next_version(tx)?;
    tx.execute(
        "INSERT INTO auth_signers (kid, public, until, version) VALUES (?, ?, ?, ?)
         ON CONFLICT (kid) DO UPDATE SET until = excluded.until, version = excluded.version
             WHERE auth_signers.until < excluded.until",
        (
            &signer.kid,
            signer.public,
            signer.until.0.min(Timestamp::MAX.0) as i64,
            version,
        ),
    )?;
    Ok(())
}
