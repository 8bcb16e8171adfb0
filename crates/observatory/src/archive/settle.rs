//! Writing down what came of a window: who holds what, what is covered, and how the relay stands (O3.3, O3.5).
//!
//! The events are in the store by then. The last transaction has the coverage in it, and no question follows before it is durable: who is
//! killed before has to ask for this window again, and for no other. Transactions of many relays at once are joined by the records
//! into one durable commit.

use std::sync::Arc;

use super::coverage::Change;
use super::coverage_table::{self, FilterId};
use super::standing::{self, Standing};
use crate::error::Error;
use crate::ground::Ground;
use crate::provenance::{Pair, credit};
use crate::table::RelayId;

/// Pairs in one transaction.
const PAIRS: usize = 2_000;

/// What came of a window, or of a turn.
#[derive(Debug)]
pub(super) struct Settlement {
    /// The relay.
    pub relay: RelayId,
    /// Who holds what.
    pub pairs: Vec<Pair>,
    /// What is covered now.
    pub change: Option<(FilterId, Change)>,
    /// How the relay stands.
    pub standing: Option<Standing>,
}

/// Writes it down. Crediting is idempotent, so that a part of it may have been done before.
///
/// # Errors
/// Those of the records.
pub(super) async fn settle(ground: &Ground, mut settlement: Settlement) -> Result<(), Error> {
    // What lies close together costs least.
    settlement.pairs.sort_unstable_by_key(|pair| pair.number);
    while settlement.pairs.len() > PAIRS {
        let rest = settlement.pairs.split_off(PAIRS);
        let some: Arc<[Pair]> = std::mem::replace(&mut settlement.pairs, rest).into();
        ground.records.write(move |tx| credit(tx, &some)).await?;
    }
    let Settlement {
        relay,
        pairs,
        change,
        standing,
    } = settlement;
    ground
        .records
        .write(move |tx| {
            if !pairs.is_empty() {
                credit(tx, &pairs)?;
            }
            if let Some((filter, change)) = &change {
                coverage_table::write(tx, relay, *filter, change)?;
            }
            if let Some(standing) = &standing {
                standing::write(tx, relay, standing)?;
            }
            Ok::<_, stentor_sql::Error>(())
        })
        .await?;
    Ok(())
}
