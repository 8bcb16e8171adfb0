//! A relay that offers full-text search.

use std::sync::Arc;

use stentor_relay::Config;
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
        let config = Self::patient(config);
        let node = Node::with(engine, config.clone()).await;
        let trust = node.relay.search_trust();
        Self::over(node, &config, trust)
    }

    /// A relay with search and this configuration.
    pub async fn with(engine: Engine, config: Config, trust: Trust) -> Self {
        let config = Self::patient(config);
        let node = Node::with(engine, config.clone()).await;
        Self::over(node, &config, trust)
    }

    /// A configuration in which search has the time it needs, however slow the machine is.
    pub fn patient(mut config: Config) -> Config {
        (config.search.fresh_ms, config.search.time_ms) = (20_000, 20_000);
        config
    }

    /// Search over a relay that has this configuration.
    pub fn over(node: Node, config: &Config, trust: Trust) -> Self {
        let index = tempfile::tempdir().unwrap();
        let (rules, options) = (
            config.search.rules(&config.privacy.rules(), trust),
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
