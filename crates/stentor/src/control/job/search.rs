//! Making the index of full-text search anew.

use std::sync::Arc;

use anyhow::bail;
use serde_json::{Value, json};

use super::{Link, Workshop};
use crate::stop;

/// Makes the index anew and waits until it has caught up. In a running node it serves meanwhile, from what it has; elsewhere
/// it runs only as long as this takes.
///
/// # Errors
/// When search is switched off, or the index cannot be written.
pub async fn rebuild(workshop: Arc<Workshop>, link: Link) -> anyhow::Result<Value> {
    let Some(search) = &workshop.search else {
        bail!("search is switched off (relay.search.enabled)");
    };
    let told = link.progress.clone();
    let progress =
        move |done: u64, total: u64| super::report(&told, &json!({ "done": done, "total": total }));
    let mut stop = link.stop.clone();
    // The node keeps the index all the time; a command by itself only while it waits.
    let kept = async {
        match search.is_kept() {
            true => std::future::pending().await,
            false => search.run().await,
        }
    };
    tokio::select! {
        () = search.rebuild(&progress) => {}
        result = kept => {
            result?;
            bail!("the index is no longer kept");
        }
        () = stop::wished(&mut stop) => bail!("interrupted; the index goes on from where it is"),
    }
    Ok(json!({ "feed_position": search.progress().seq.0 }))
}
