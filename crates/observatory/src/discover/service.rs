//! Discovery as a service: sources, attempts and upkeep beside each other.

use std::future::Future;
use std::sync::Arc;

use futures_util::future::try_join_all;

use super::intake::Intake;
use super::{attempts, documents, events, lists, seeds, upkeep};
use crate::error::Error;
use crate::ground::Ground;

/// Finds relays, until it is dropped.
///
/// # Errors
/// Those of the records and of the stores.
pub(crate) async fn run(ground: Arc<Ground>) -> Result<(), Error> {
    let intake = Arc::new(Intake::open(ground.clone()).await?);
    let (config, intake) = (&ground.config.discover, &intake);
    let of_store = |store, name| if_on(config.events, events::follow(&ground, intake, store, name));
    let of_list = |list| lists::follow(&ground, intake, list);
    tokio::try_join!(
        seeds::follow(&ground, intake),
        of_store(ground.own.as_ref(), "discover.events.own"),
        of_store(ground.archive.as_ref(), "discover.events.archive"),
        if_on(config.documents, documents::follow(&ground, intake)),
        all(config.lists.iter().map(of_list)),
        attempts::follow(&ground, intake),
        upkeep::follow(&ground, intake),
    )?;
    Ok(())
}

/// What is switched off never ends.
async fn if_on(on: bool, work: impl Future<Output = Result<(), Error>>) -> Result<(), Error> {
    match on {
        true => work.await,
        false => std::future::pending().await,
    }
}

/// All of these at once.
async fn all(
    work: impl Iterator<Item = impl Future<Output = Result<(), Error>>>,
) -> Result<(), Error> {
    try_join_all(work).await.map(|_| ())
}
