//! Writing down what came of a window: who holds what, what is covered, and how the relay stands (O3.3, O3.5).
//!
//! The events are in the store by then. The last transaction has the coverage in it, and no question follows before it is durable: who is
//! killed before has to ask for this window again, and for no other. One task writes for all relays, several settlements in one
//! transaction when they wait: all of them count the same copies, so transactions beside each other would only undo each other.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

use super::coverage::Change;
use super::coverage_table::{self, FilterId};
use super::standing::{self, Counts, Standing};
use crate::error::Error;
use crate::ground::Ground;
use crate::provenance::{Pair, credit};
use crate::signals::Topic;
use crate::table::RelayId;

/// Pairs in one transaction: those of a window. It takes some 10 ms of the writer, which all share.
const PAIRS: usize = 10_000;
/// Settlements that wait, and that go into one transaction.
const WAITING: usize = 64;
/// Times that a transaction is tried which lost to others.
const TRIES: u32 = 5;

/// What came of a window, or of a turn.
#[derive(Debug, Clone)]
pub(super) struct Settlement {
    /// The relay.
    pub relay: RelayId,
    /// What came from it in visits, on top of what did before.
    pub came: Counts,
    /// Who holds what.
    pub pairs: Vec<Pair>,
    /// What is covered now.
    pub change: Option<(FilterId, Change)>,
    /// How the relay stands.
    pub standing: Option<Standing>,
}

/// A settlement that waits, and who waits for it.
type Waiting = (Settlement, oneshot::Sender<()>);

/// Where settlements are handed in. Clones are one.
#[derive(Debug, Clone)]
pub(super) struct Desk(mpsc::Sender<Waiting>);

impl Desk {
    /// A desk, and what is handed in there.
    pub fn new() -> (Self, mpsc::Receiver<Waiting>) {
        let (sender, receiver) = mpsc::channel(WAITING);
        (Self(sender), receiver)
    }

    /// Writes it down, durably. Crediting is idempotent, so that a part of it may have been done before.
    ///
    /// # Errors
    /// [`Error::Invalid`] when the task that writes has ended, which tells why itself.
    pub async fn settle(&self, mut settlement: Settlement) -> Result<(), Error> {
        // What lies close together costs least.
        settlement.pairs.sort_unstable_by_key(|pair| pair.number);
        while settlement.pairs.len() > PAIRS {
            let rest = settlement.pairs.split_off(PAIRS);
            let pairs = std::mem::replace(&mut settlement.pairs, rest);
            self.hand_in(Settlement {
                relay: settlement.relay,
                came: Counts::default(),
                pairs,
                change: None,
                standing: None,
            })
            .await?;
        }
        self.hand_in(settlement).await
    }

    async fn hand_in(&self, settlement: Settlement) -> Result<(), Error> {
        let ended = || Error::Invalid("nobody settles any more".to_owned());
        let (sender, done) = oneshot::channel();
        let handed = self.0.send((settlement, sender)).await;
        handed.map_err(|_| ended())?;
        done.await.map_err(|_| ended())
    }
}

/// Writes down what is handed in, for ever.
///
/// # Errors
/// Those of the records.
pub(super) async fn run(ground: &Ground, mut desk: mpsc::Receiver<Waiting>) -> Result<(), Error> {
    let mut next = None;
    loop {
        let first = match next.take() {
            Some(left) => Some(left),
            None => desk.recv().await,
        };
        let Some(first) = first else {
            return Ok(());
        };
        let (mut settlements, mut waiting) = (vec![first.0], vec![first.1]);
        let mut pairs = settlements.iter().map(|one| one.pairs.len()).sum::<usize>();
        while settlements.len() < WAITING
            && let Ok((settlement, sender)) = desk.try_recv()
        {
            pairs += settlement.pairs.len();
            if pairs > PAIRS {
                next = Some((settlement, sender));
                break;
            }
            settlements.push(settlement);
            waiting.push(sender);
        }
        write(ground, settlements).await?;
        for sender in waiting {
            // Whoever has stopped waiting was ended.
            let _ = sender.send(());
        }
    }
}

async fn write(ground: &Ground, mut settlements: Vec<Settlement>) -> Result<(), Error> {
    let mut pairs: Vec<Pair> = Vec::new();
    for one in &mut settlements {
        pairs.append(&mut one.pairs);
    }
    // Sorted runs one after another, which a stable sort merges.
    pairs.sort_by_key(|pair| pair.number);
    let work = Arc::new((settlements, pairs));
    let mut tries = 0;
    loop {
        let work = Arc::clone(&work);
        let written = ground.records.write(move |tx| {
            let (settlements, pairs) = &*work;
            if !pairs.is_empty() {
                credit(tx, pairs)?;
            }
            for one in settlements {
                if let Some((filter, change)) = &one.change {
                    coverage_table::write(tx, one.relay, *filter, change)?;
                }
                if let Some(standing) = &one.standing {
                    standing::write(tx, one.relay, standing)?;
                }
                if one.came != Counts::default() {
                    standing::add(tx, one.relay, &one.came)?;
                }
            }
            Ok::<_, stentor_sql::Error>(())
        });
        tries += 1;
        match written.await {
            Err(stentor_sql::Error::Conflict) if tries < TRIES => {}
            other => {
                other?;
                ground.signals.changed(Topic::Archive);
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::future::try_join_all;
    use stentor_sql::both_engines;
    use stentor_sql::testing::House;

    use super::*;
    use crate::config::Config;
    use crate::provenance::How;

    /// So many that two of them are too much for one transaction.
    const EACH: u64 = 5_500;

    async fn o3_5_settlements_that_do_not_fit_together_are_all_written(house: House) {
        let ground = crate::testing::ground(&house, Config::default()).await;
        let (desk, handed_in) = Desk::new();
        let settled = try_join_all((0..12).map(|relay| {
            let pair = |number| Pair {
                number,
                relay: RelayId(relay),
                seen_ms: 2_000,
                created_ms: 1_000,
                how: How::Fetched,
            };
            desk.settle(Settlement {
                relay: RelayId(relay),
                came: Counts::default(),
                pairs: (1..=EACH).map(pair).collect(),
                change: None,
                standing: None,
            })
        }));
        let all = async {
            tokio::select! {
                ended = run(&ground, handed_in) => panic!("{ended:?}"),
                settled = settled => settled.unwrap(),
            }
        };
        let all = tokio::time::timeout(Duration::from_secs(60), all).await;
        assert_eq!(all.unwrap().len(), 12);
        let sum = "SELECT CAST(SUM(pairs) AS BIGINT) FROM observatory_holdings";
        let (pairs,): (i64,) = ground.records.fetch_one(sum, ()).await.unwrap();
        assert_eq!(pairs, 12 * i64::try_from(EACH).unwrap());
    }

    async fn o3_5_what_came_is_added_whatever_was_known_when_a_settlement_was_made(house: House) {
        let ground = crate::testing::ground(&house, Config::default()).await;
        let row = "INSERT INTO observatory_archiving (relay, leaving, next_ms, failures, behind, events, duplicates, rejected, bytes)
                   VALUES (7, FALSE, 0, 0, 0, 0, 0, 0, 0)";
        let inserted = ground.records.write(move |tx| {
            tx.execute(row, ())?;
            Ok::<_, stentor_sql::Error>(())
        });
        inserted.await.unwrap();
        // Both began from the same standing: one of them was handed in before its turn was ended, and is written after the next one's.
        let settlement = |events, duplicates| Settlement {
            relay: RelayId(7),
            came: Counts {
                events,
                duplicates,
                rejected: 1,
                bytes: 100,
            },
            pairs: Vec::new(),
            change: None,
            standing: Some(Standing::default()),
        };
        for one in [settlement(5, 2), settlement(3, 0)] {
            write(&ground, vec![one]).await.unwrap();
        }
        let sums =
            "SELECT events, duplicates, rejected, bytes FROM observatory_archiving WHERE relay = 7";
        let sums: (i64, i64, i64, i64) = ground.records.fetch_one(sums, ()).await.unwrap();
        assert_eq!(sums, (8, 2, 2, 200));
    }

    both_engines!(
        o3_5_settlements_that_do_not_fit_together_are_all_written,
        o3_5_what_came_is_added_whatever_was_known_when_a_settlement_was_made,
    );
}
