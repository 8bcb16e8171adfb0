//! The observatory of whoever does a job: that of the running node, or opened when a job first needs it.

use std::sync::Arc;

use anyhow::Context;
use stentor_observatory::Observatory;
use stentor_sql::Database;
use stentor_store::EventStore;
use stentor_store::embedded::Store;
use tokio::sync::OnceCell;

use crate::config::Config;
use crate::layout::Layout;
use crate::service::observatory::{self, Standing};
use crate::{access, records};

/// The observatory.
pub enum Observing {
    /// Of a node that runs; none where it is switched off.
    Node(Option<(Observatory, Arc<Store>)>),
    /// To be opened when it is needed.
    Own(Box<Own>),
}

/// An observatory that is opened for a command. None of its services runs.
pub struct Own {
    layout: Layout,
    config: Config,
    open: OnceCell<Option<(Standing, Database)>>,
}

impl Observing {
    /// That of a node that runs.
    pub fn of_node(observatory: Option<&Standing>) -> Self {
        Self::Node(observatory.map(|standing| (standing.observatory(), standing.archive())))
    }

    /// To be opened when it is needed.
    pub fn unopened(layout: &Layout, config: &Config) -> Self {
        Self::Own(Box::new(Own {
            layout: layout.clone(),
            config: config.clone(),
            open: OnceCell::new(),
        }))
    }

    /// The observatory; opens it where no node runs. `relay` is the store of the relay.
    ///
    /// # Errors
    /// When it is switched off, or cannot be opened.
    pub async fn observatory(&self, relay: Arc<dyn EventStore>) -> anyhow::Result<Observatory> {
        let found = match self {
            Self::Node(standing) => standing
                .as_ref()
                .map(|(observatory, _)| observatory.clone()),
            Self::Own(own) => {
                let open = own.open.get_or_try_init(|| own.open(relay)).await?;
                open.as_ref().map(|(standing, _)| standing.observatory())
            }
        };
        found.context("the observatory is switched off (observatory.enabled)")
    }

    /// The store of its archive; none where it is switched off. `relay` is the store of the relay.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub async fn archive(&self, relay: Arc<dyn EventStore>) -> anyhow::Result<Option<Arc<Store>>> {
        Ok(match self {
            Self::Node(standing) => standing.as_ref().map(|(_, archive)| Arc::clone(archive)),
            Self::Own(own) => {
                let open = own.open.get_or_try_init(|| own.open(relay)).await?;
                open.as_ref().map(|(standing, _)| standing.archive())
            }
        })
    }

    /// Closes what was opened here.
    ///
    /// # Errors
    /// Those of the archive.
    pub async fn close(&self) -> anyhow::Result<()> {
        let Self::Own(own) = self else {
            return Ok(());
        };
        if let Some(Some((standing, records))) = own.open.get() {
            standing.close().await?;
            records.close().await;
        }
        Ok(())
    }
}

impl Own {
    async fn open(&self, own: Arc<dyn EventStore>) -> anyhow::Result<Option<(Standing, Database)>> {
        let config = &self.config;
        if !config.observatory.enabled {
            return Ok(None);
        }
        let records = records::open(&self.layout, config).await?;
        let standing = observatory::make(observatory::Ground {
            config,
            layout: &self.layout,
            own,
            records: records.clone(),
            dialer: access::outbound(config)?.dialer,
            bus: None,
            scope: access::options(config)?.scope,
        });
        Ok(standing.await?.map(|standing| (standing, records)))
    }
}
