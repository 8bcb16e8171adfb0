//! Full-text search in the running node: the task that keeps the index.

use std::sync::Arc;

use stentor_relay::Relay;
use stentor_serve::supervisor::Supervisor;
use stentor_store::embedded::Store;
use stentor_store::search::{Search, Trust};

use crate::config::Config;
use crate::layout::Layout;

/// Search over the node's store as it is configured; `None` when it is off. `trust` tells whose names hold and what is
/// spam.
pub fn make(
    config: &Config,
    layout: &Layout,
    store: &Arc<Store>,
    trust: Trust,
) -> Option<Arc<Search>> {
    let (relay, settings) = (&config.relay, &config.relay.search);
    settings.enabled.then(|| {
        let rules = settings.rules(&relay.privacy.rules(), trust);
        let store = Arc::clone(store) as _;
        Arc::new(Search::new(
            &layout.search_index(),
            store,
            rules,
            settings.options(),
        ))
    })
}

/// Offers search to the clients and follows the store with the index.
pub fn start(supervisor: &mut Supervisor, relay: &Relay, search: &Arc<Search>) {
    relay.offer_search(Arc::clone(search));
    let search = Arc::clone(search);
    supervisor.spawn("search", move |mut stop| {
        let search = Arc::clone(&search);
        async move {
            let mut kept = std::pin::pin!(search.run());
            tokio::select! {
                result = &mut kept => return result,
                () = stop.requested() => search.stop(),
            }
            kept.await
        }
    });
}
