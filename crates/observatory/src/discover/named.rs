//! The relays that the operator has named: they are not limited like those of strangers (O1.3).

use std::collections::HashSet;

use stentor_sql::{Database, Error};

use crate::config::Config;
use crate::relay_url::RelayUrl;
use crate::table::RelayId;

/// Those of the configuration, without the file of seeds.
pub(super) fn configured(config: &Config) -> HashSet<RelayUrl> {
    let lists = [
        &config.discover.seeds,
        &config.archive.first,
        &config.archive.auth,
        &config.publish.relays,
    ];
    let urls = lists.into_iter().flatten();
    // What is no URL was refused with the configuration.
    urls.filter_map(|url| RelayUrl::parse(url).ok()).collect()
}

/// Whether it is a seed, or somebody watches it.
///
/// # Errors
/// Those of the records.
pub(super) async fn in_records(records: &Database, id: RelayId) -> Result<bool, Error> {
    let (named,): (u64,) = records
        .fetch_one(
            "SELECT COUNT(*) FROM observatory_relays AS r WHERE r.id = ? AND (
                 EXISTS (SELECT 1 FROM observatory_mentions AS m WHERE m.relay = r.id
                         AND m.source IN ('built_in', 'seeds', 'seed_file'))
                 OR EXISTS (SELECT 1 FROM observatory_watches AS w WHERE w.relay = r.id))",
            (id.0,),
        )
        .await?;
    Ok(named > 0)
}
