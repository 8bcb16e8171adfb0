//! The relays that an export of another archive names: they become candidates (O1.1, O4.3).

use std::collections::{BTreeMap, BTreeSet};

use super::candidates;
use super::intake::Mentions;
use super::places::{Places, room_for_strangers};
use super::source::Source;
use super::verdict::{judge, write};
use crate::error::Error;
use crate::ground::Ground;
use crate::relay_url::RelayUrl;
use crate::table::{RelayId, State};

/// How many candidates an export may bring beside those that there are: what it names is strangers'.
///
/// # Errors
/// Those of the records.
pub(crate) async fn room(ground: &Ground) -> Result<u64, Error> {
    let candidates = candidates::count(&ground.records).await?;
    Ok(room_for_strangers(&ground.config.discover, candidates))
}

/// Takes up what an export names, while there is room: what each URL is now, and how many are new. Who counts candidates in this
/// process learns of them with its next count. Its hosts are not limited here, but by how many of each become relays.
///
/// # Errors
/// Those of the records.
pub(crate) async fn imported(
    ground: &Ground,
    urls: BTreeSet<RelayUrl>,
    room: u64,
) -> Result<(BTreeMap<RelayUrl, (RelayId, State)>, u64), Error> {
    let now_ms = ground.clock.now_ms();
    let written = ground.records.write(move |tx| {
        let mut mentions = Mentions::default();
        for url in &urls {
            mentions.add(url.clone(), Source::Export, || None);
        }
        let verdicts = judge(tx, &mentions.0, Places::of_any_host(room))?;
        let taken = write(tx, &mentions.0, &verdicts, now_ms)?;
        let new = u64::try_from(taken.new.len()).unwrap_or(u64::MAX);
        let mut found = BTreeMap::new();
        for url in &urls {
            let row: Option<(i64, String)> = tx.fetch_optional(
                "SELECT id, state FROM observatory_relays WHERE url = ?",
                (url.as_str(),),
            )?;
            if let Some((id, state)) = row {
                found.insert(url.clone(), (RelayId(id), State::parse(&state)));
            }
        }
        Ok::<_, stentor_sql::Error>((found, new))
    });
    let (found, new) = written.await?;
    if new > 0 {
        ground.signals.candidates.notify_one();
    }
    Ok((found, new))
}
