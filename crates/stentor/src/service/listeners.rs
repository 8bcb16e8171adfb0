//! The listeners for clients: what each is told at the start, at a reload, and when its certificate changes.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use arc_swap::ArcSwap;
use stentor_serve::supervisor::Supervisor;
use stentor_serve::{ConnectionCaps, Listener, ListenerSettings, Tls};
use tokio::task::JoinError;

use crate::config::{Config, ListenerConfig, ProxyProtocol, ServerConfig};

/// How long to wait before asking again whether certificates are to be looked at.
const IDLE: Duration = Duration::from_secs(60);

/// The listeners for clients. Cloning shares them.
#[derive(Clone)]
pub struct Listeners {
    all: Arc<[Arc<Listener>]>,
}

impl Listeners {
    /// Makes the listeners of the configuration.
    ///
    /// # Errors
    /// When a certificate cannot be used.
    pub fn new(config: &ServerConfig) -> anyhow::Result<Self> {
        let make = |listener: &ListenerConfig| {
            let tls = match listener.tls() {
                Some((certificate, key)) => {
                    let name = Arc::from(&*listener.name);
                    let tls = Tls::load(&name, certificate, key);
                    Some(tls.with_context(|| format!("the listener {name}"))?)
                }
                None => None,
            };
            Ok(Listener::new(&listener.name, settings(listener, tls)?))
        };
        let all: anyhow::Result<Vec<_>> = config.listeners().iter().map(make).collect();
        Ok(Self { all: all?.into() })
    }

    /// The listener of this name.
    pub fn get(&self, name: &str) -> Option<&Arc<Listener>> {
        self.all.iter().find(|listener| **listener.name() == *name)
    }

    /// Makes ready what each listener is to be told by this configuration; nothing has changed yet. A pair that is in other
    /// files than before must be good: a listener never goes on without the TLS that it is to speak. Where the files are the
    /// same, a pair that cannot be used is told in the log, and the one before stays.
    ///
    /// # Errors
    /// When a pair in new files cannot be used, or an entry of the trusted proxies is none.
    pub fn prepare(&self, config: &ServerConfig) -> anyhow::Result<Prepared> {
        let mut prepared = Vec::new();
        for listener in &config.listeners() {
            if let Some(running) = self.get(&listener.name) {
                let tls = tls_now(listener, running.settings().tls.as_ref())?;
                prepared.push((Arc::clone(running), settings(listener, tls)?));
            }
        }
        Ok(Prepared(prepared))
    }

    /// Takes changed certificates while the node runs.
    pub fn watch_certificates(&self, supervisor: &mut Supervisor, config: &Arc<ArcSwap<Config>>) {
        let (listeners, config) = (self.clone(), Arc::clone(config));
        supervisor.spawn("certificates", move |mut stop| {
            let (listeners, config) = (listeners.clone(), Arc::clone(&config));
            async move {
                loop {
                    let every = config.load().server.certificate_poll_seconds;
                    let pause = if every == 0 {
                        IDLE
                    } else {
                        Duration::from_secs(every)
                    };
                    tokio::select! {
                        () = tokio::time::sleep(pause) => {}
                        () = stop.requested() => return Ok::<(), JoinError>(()),
                    }
                    if every > 0 {
                        let listeners = listeners.clone();
                        tokio::task::spawn_blocking(move || listeners.look()).await?;
                    }
                }
            }
        });
    }

    fn look(&self) {
        for tls in self
            .all
            .iter()
            .filter_map(|listener| listener.settings().tls.clone())
        {
            // What is wrong has been told where it was found.
            let _ = tls.reload();
        }
    }
}

/// What the listeners are to be told.
pub struct Prepared(Vec<(Arc<Listener>, ListenerSettings)>);

impl Prepared {
    /// Tells them; it concerns connections from now on.
    pub fn apply(self) {
        for (listener, settings) in self.0 {
            listener.set(settings);
        }
    }
}

/// The TLS that a listener is to speak, given what it speaks.
fn tls_now(
    listener: &ListenerConfig,
    before: Option<&Arc<Tls>>,
) -> anyhow::Result<Option<Arc<Tls>>> {
    let Some(files) = listener.tls() else {
        return Ok(None);
    };
    if let Some(same) = before.filter(|before| before.files() == files) {
        // What is wrong has been told where it was found.
        let _ = same.reload();
        return Ok(Some(Arc::clone(same)));
    }
    let name = Arc::from(&*listener.name);
    match Tls::load(&name, files.0, files.1) {
        Ok(tls) => Ok(Some(tls)),
        Err(error) => {
            stentor_serve::count_tls_failure(&name);
            Err(error).with_context(|| format!("the listener {name}"))
        }
    }
}

fn settings(listener: &ListenerConfig, tls: Option<Arc<Tls>>) -> anyhow::Result<ListenerSettings> {
    let proxies = listener.proxies();
    Ok(ListenerSettings {
        proxies: proxies.map_err(|(_, error)| anyhow::Error::msg(error))?,
        proxy_protocol: listener.proxy_protocol == ProxyProtocol::Required,
        tls,
        caps: ConnectionCaps {
            total: listener.connections,
            per_address: listener.connections_per_ip,
        },
    })
}
