//! Of whom the relay has published that they are members (kind 8000) and not yet that they are no more (8001): in the
//! records, so that a restart says nothing twice, and what has changed while nothing was published is not forgotten.

use std::collections::BTreeSet;

use stentor_event::PublicKey;
use stentor_sql::{Error, Transaction};

use crate::access::load;
use crate::access::{Access, AccessError};

/// The setting that tells that this is written down.
const KEPT: &str = "announced";

/// The keys of whom it has been said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Announced(BTreeSet<PublicKey>);

impl Announced {
    /// Those of before; those given, if it has never been written down.
    pub(super) async fn open(access: &Access, first: Vec<PublicKey>) -> Result<Self, AccessError> {
        let kept: Option<(String,)> = access
            .records()
            .fetch_optional("SELECT value FROM relay_settings WHERE name = ?", (KEPT,))
            .await?;
        if kept.is_some() {
            let keys = load::announced(access.records()).await?;
            return Ok(Self(keys.into_iter().collect()));
        }
        let first: BTreeSet<PublicKey> = first.into_iter().collect();
        let own = first.clone();
        let begin = move |tx: &mut Transaction<'_>| -> Result<(), Error> {
            own.iter().try_for_each(|key| write(tx, key, true))?;
            tx.execute(
                "INSERT INTO relay_settings (name, value) VALUES (?, 'kept') ON CONFLICT DO NOTHING",
                (KEPT,),
            )?;
            Ok(())
        };
        access.records().write(begin).await?;
        Ok(Self(first))
    }

    /// Those of these members of whom it has not been said.
    pub(super) fn missing<'a>(
        &self,
        members: impl Iterator<Item = &'a PublicKey>,
    ) -> Vec<PublicKey> {
        members
            .filter(|key| !self.0.contains(*key))
            .copied()
            .collect()
    }

    /// Those of whom it has been said and who are no members any more.
    pub(super) fn gone(&self, members: &BTreeSet<PublicKey>) -> Vec<PublicKey> {
        self.0.difference(members).copied().collect()
    }

    /// It has been said of these that they came, or that they went.
    pub(super) async fn note(
        &mut self,
        access: &Access,
        keys: &[PublicKey],
        came: bool,
    ) -> Result<(), AccessError> {
        let own = keys.to_vec();
        let write = move |tx: &mut Transaction<'_>| -> Result<(), Error> {
            own.iter().try_for_each(|key| write(tx, key, came))
        };
        access.records().write(write).await?;
        if came {
            self.0.extend(keys);
        } else {
            self.0.retain(|key| !keys.contains(key));
        }
        Ok(())
    }
}

fn write(tx: &mut Transaction<'_>, key: &PublicKey, came: bool) -> Result<(), Error> {
    let text = match came {
        true => "INSERT INTO relay_announced (pubkey) VALUES (?) ON CONFLICT DO NOTHING",
        false => "DELETE FROM relay_announced WHERE pubkey = ?",
    };
    tx.execute(text, (key.0,)).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn r3_1_a_restart_announces_nobody_again() {
        let folder = tempfile::tempdir().unwrap();
        let config = stentor_sql::DatabaseConfig {
            path: folder.path().join("records.sqlite"),
            ..Default::default()
        };
        let records = stentor_sql::Database::open(&config).await.unwrap();
        let access = Access::open(records).await.unwrap();
        let key = |number| PublicKey([number; 32]);
        let mut before = Announced::open(&access, vec![key(1), key(2)])
            .await
            .unwrap();
        let members: BTreeSet<PublicKey> = [key(2), key(3)].into();
        assert_eq!(before.missing(members.iter()), [key(3)]);
        assert_eq!(before.gone(&members), [key(1)]);
        before.note(&access, &[key(3)], true).await.unwrap();
        before.note(&access, &[key(1)], false).await.unwrap();
        let after = Announced::open(&access, vec![key(9)]).await.unwrap();
        assert_eq!(
            after, before,
            "what is written down counts, not what was named"
        );
        assert!(after.missing(members.iter()).is_empty());
        assert!(after.gone(&members).is_empty());
    }
}
