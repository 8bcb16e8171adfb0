//! Getting at a store: through the node that runs on the data folder, or by opening it in this process.

use std::io::Read;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use serde_json::Value;
use stentor_auth::local_urls;
use stentor_event::PublicKey;
use stentor_event::normalize_relay_url;
use stentor_net::dial::Dialer;
use stentor_relay::mirror::Outbound;
use stentor_relay::retention::{AuthorClasses, Retention, Unknown};
use stentor_relay::sync::Sizes;
use stentor_store::embedded::{Options, Store};
use stentor_store::search::Trust;
use stentor_store::{EventStore, RelayScope, StoreError};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::config::{Bind, Config, ListenerConfig};
use crate::control::{self, Abroad, Client, Job, Keeping, Link, Workshop};
use crate::heir::Claim;
use crate::import::Rules;
use crate::layout::Layout;
use crate::observing::Observing;
use crate::records::Records;
use crate::secrets;
use crate::service::search;

/// How long a store that another process holds is waited for: a node that has just begun answers on its control socket
/// a moment after it has taken the store, one that ends lets go of it a moment after it has stopped answering.
const PATIENCE: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(50);

/// Who does the work.
pub enum Access {
    /// The running node.
    Node(Client),
    /// This process.
    Own(Arc<Workshop>),
}

/// Work under way.
pub struct Running {
    /// What is exported.
    pub output: mpsc::Receiver<Vec<u8>>,
    /// How far it has got.
    pub progress: watch::Receiver<Value>,
    /// Set to true to have it end early.
    pub stop: watch::Sender<bool>,
    /// The result.
    pub done: JoinHandle<anyhow::Result<Value>>,
}

/// Finds the running node, or opens the store. A store that is not there is made if `make`.
///
/// # Errors
/// When another process holds the store and does not answer, or the store cannot be opened.
pub async fn open(layout: &Layout, config: &Config, make: bool) -> anyhow::Result<Access> {
    let begun = Instant::now();
    loop {
        if let Some(client) = control::connect(&layout.control_socket()).await? {
            return Ok(Access::Node(client));
        }
        if !make && !layout.relay_store().exists() {
            return Err(no_store(layout));
        }
        layout.make()?;
        let claim = Claim::shared(layout)?;
        let opened = match &claim {
            Some(_) => open_store(&layout.relay_store(), options(config)?),
            None => Err(StoreError::InUse {
                path: layout.relay_store(),
                pid: None,
            }),
        };
        match opened {
            Ok(store) => return Ok(Access::Own(Arc::new(workshop(store, layout, config)))),
            Err(StoreError::InUse { .. }) if begun.elapsed() < PATIENCE => {
                drop(claim);
                tokio::time::sleep(PAUSE).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// A command that has nothing to work on: often one that was not told where.
pub fn no_store(layout: &Layout) -> anyhow::Error {
    let folder = layout.root().display();
    anyhow::anyhow!(
        "there is no store in {folder}; --data or STENTOR_DATA says where the data folder is"
    )
}

/// Opens a store in this process, making its folder where needed.
///
/// # Errors
/// Those of the engine.
pub fn open_store(path: &Path, options: Options) -> Result<Arc<Store>, StoreError> {
    Store::open(path, options).map(Arc::new)
}

/// What the store is opened with, by a tool that does not listen itself.
///
/// # Errors
/// When a public URL or an address to listen on is none.
pub fn options(config: &Config) -> anyhow::Result<Options> {
    let place = |listener: ListenerConfig| {
        let local = match listener.bind().map_err(anyhow::Error::msg)? {
            Bind::Tcp(address) => Some(address),
            Bind::Unix(_) => None,
        };
        Ok(Place {
            listener: listener.name,
            local,
        })
    };
    let listeners = config.server.listeners().into_iter();
    let places: anyhow::Result<Vec<Place>> = listeners.map(place).collect();
    options_at(config, &places?)
}

/// Where a listener is met.
#[derive(Debug, Clone)]
pub struct Place {
    /// Its name.
    pub listener: String,
    /// Its address; `None` for a Unix socket.
    pub local: Option<SocketAddr>,
}

impl Place {
    /// The URLs that name it without a configured public one.
    fn urls(&self, secure: bool) -> Vec<String> {
        let Some(address) = self.local else {
            return normalize_relay_url("ws://localhost").into_iter().collect();
        };
        let urls = local_urls(address).into_iter();
        if secure {
            urls.map(|url| url.replacen("ws://", "wss://", 1)).collect()
        } else {
            urls.collect()
        }
    }
}

/// Whom a request to vanish (NIP-62) must name to be meant for a node that listens at these places: one of its public URLs;
/// without any, one of the places (R1.11).
///
/// # Errors
/// When a public URL is none.
pub fn scope(config: &Config, places: &[Place]) -> anyhow::Result<RelayScope> {
    let mut urls = config.relay.public_urls()?;
    if urls.is_empty() {
        let listeners = config.server.listeners();
        let secure = |place: &Place| {
            let mut named = listeners.iter().filter(|one| one.name == place.listener);
            named.any(|listener| listener.tls().is_some())
        };
        urls = places
            .iter()
            .flat_map(|place| place.urls(secure(place)))
            .collect();
    }
    Ok(RelayScope {
        urls: Arc::from(urls),
    })
}

/// What the store is opened with, by a node that listens at these places.
///
/// # Errors
/// When a public URL is none.
pub fn options_at(config: &Config, places: &[Place]) -> anyhow::Result<Options> {
    Ok(config.store.options(scope(config, places)?))
}

/// What imported events must satisfy: the rules of the protocol and the limits on sizes.
pub fn rules(config: &Config) -> Rules {
    let limits = &config.relay.limits;
    Rules {
        event_bytes: limits.event_bytes,
        tags: limits.tags,
        filters: Vec::new(),
        trusted: false,
        early: false,
        bans: None,
    }
}

/// How others are connected to by this configuration.
///
/// # Errors
/// A value that cannot be used, or a file of certificates that cannot be read.
pub fn outbound(config: &Config) -> anyhow::Result<Outbound> {
    Ok(Outbound {
        dialer: Dialer::new(&config.outbound)?,
        dial: config.outbound.clone(),
        peer: config.peer.clone(),
        sync: config.relay.sync.clone(),
    })
}

/// What a synchronisation with other relays works with by this configuration.
///
/// # Errors
/// Those of [`outbound`], and of the relay's key.
pub fn abroad(config: &Config, layout: &Layout) -> anyhow::Result<Abroad> {
    let limits = &config.relay.limits;
    Ok(Abroad {
        outbound: outbound(config)?,
        relay: None,
        key: secrets::relay_key(&layout.secrets())?,
        rules: config.relay.privacy.rules(),
        sizes: Sizes {
            event_bytes: limits.event_bytes,
            tags: limits.tags,
        },
    })
}

/// A place to work at, with a configuration that stays as it is.
pub fn workshop(store: Arc<Store>, layout: &Layout, config: &Config) -> Workshop {
    let (rules, whole) = (rules(config), config.clone());
    let (kept, secrets, config) = (
        Arc::clone(&store),
        layout.secrets(),
        config.relay.retention.clone(),
    );
    // The key is read only when it is needed: not every place to work at has one.
    let retention = move || {
        let own_key = secrets::relay_key(&secrets)?.public_key();
        Ok(Keeping {
            keeper: Arc::new(retention(Arc::clone(&kept), own_key, Arc::new(Unknown))),
            config: config.clone(),
        })
    };
    let (place, all) = (layout.clone(), whole.clone());
    Workshop {
        jobs: None,
        key_limits: whole.auth.limits.clone(),
        search: search::make(&whole, layout, &store, Trust::default()),
        store,
        layout: layout.clone(),
        rules: Box::new(move || rules.clone()),
        retention: Box::new(retention),
        abroad: Box::new(move || abroad(&all, &place)),
        mirrors: None,
        records: Records::unopened(layout, &whole),
        observing: Observing::unopened(layout, &whole),
    }
}

/// What keeps a store within the rules of retention. The relay's own events stay.
pub fn retention(
    store: Arc<Store>,
    own_key: PublicKey,
    classes: Arc<dyn AuthorClasses>,
) -> Retention {
    Retention::new(store, [own_key], classes)
}

impl Access {
    /// Begins a job.
    pub fn begin(self, job: Job, input: Option<Box<dyn Read + Send>>) -> Running {
        let (output_in, output) = mpsc::channel(4);
        let (progress_in, progress) = watch::channel(Value::Null);
        let (stop, stop_out) = watch::channel(false);
        let link = Link {
            input,
            output: output_in,
            progress: progress_in,
            stop: stop_out,
        };
        let done = tokio::spawn(async move {
            match self {
                Self::Node(client) => client.run(&job, link).await,
                Self::Own(workshop) => {
                    let result = control::run(Arc::clone(&workshop), job, link).await;
                    workshop.observing.close().await?;
                    workshop.store.close().await.context("closing the store")?;
                    workshop.records.close().await;
                    result
                }
            }
        });
        Running {
            output,
            progress,
            stop,
            done,
        }
    }
}

impl Running {
    /// Waits for the end of a job without output. `progress` hears how far it has got; Ctrl-C ends it early.
    ///
    /// # Errors
    /// Those of the job.
    pub async fn finish(mut self, mut progress: impl FnMut(&Value)) -> anyhow::Result<Value> {
        self.output.close();
        let mut reporting = true;
        loop {
            tokio::select! {
                done = &mut self.done => return done?,
                changed = self.progress.changed(), if reporting => {
                    reporting = changed.is_ok();
                    progress(&self.progress.borrow_and_update());
                }
                interrupted = tokio::signal::ctrl_c() => {
                    interrupted?;
                    if self.stop.send_replace(true) {
                        bail!("interrupted");
                    }
                }
            }
        }
    }
}
