//! A relay that offers full-text search.

use std::sync::Arc;

use stentor_relay::{Config, Relay};
use stentor_store::search::{Search, Trust};

use super::{Engine, Node, without_rates};

/// A relay with search.
pub struct Searching {
    pub node: Node,
    pub search: Arc<Search>,
    _index: tempfile::TempDir,
}

impl Drop for Searching {
    fn drop(&mut self) {
        self.search.stop();
    }
}

impl Searching {
    /// A relay with search, without rates.
    pub async fn start(engine: Engine) -> Self {
        Self::with(engine, without_rates(), Trust::default()).await
    }

    /// A relay with search and this configuration, whose search asks the relay whom and what to trust.
    pub async fn trusting(engine: Engine, config: Config) -> Self {
        Self::over(engine, config, Relay::search_trust).await
    }

    /// A relay with search and this configuration.
    pub async fn with(engine: Engine, config: Config, trust: Trust) -> Self {
        Self::over(engine, config, |_| trust).await
    }

    async fn over(engine: Engine, mut config: Config, trust: impl FnOnce(&Relay) -> Trust) -> Self {
        // However slow the machine is.
        (config.search.fresh_ms, config.search.time_ms) = (20_000, 20_000);
        let index = tempfile::tempdir().unwrap();
        let node = Node::with(engine, config.clone()).await;
        let (rules, options) = (
            config
                .search
                .rules(&config.privacy.rules(), trust(&node.relay)),
            config.search.options(),
        );
        let search = Arc::new(Search::new(
            &index.path().join("search"),
            Arc::clone(&node.store),
            rules,
            options,
        ));
        node.relay.offer_search(Arc::clone(&search));
        let own = Arc::clone(&search);
        tokio::spawn(async move { own.run().await });
        Self {
            node,
            search,
            _index: index,
        }
    }
}
