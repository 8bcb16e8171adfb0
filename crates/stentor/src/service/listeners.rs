//! The listeners for clients: what each is told at the start, at a reload, and when its certificate changes.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use arc_swap::ArcSwap;
use stentor_serve::supervisor::{Importance, Supervisor};
use stentor_serve::{ConnectionCaps, Listener, ListenerSettings, Tls};
use tokio::task::JoinError;
use tracing::error;

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

    /// Tells each listener what the configuration says now. A certificate that cannot be used is told in the log, and what was
    /// there before stays.
    ///
    /// # Errors
    /// When an entry of the trusted proxies is none; a checked configuration has only good ones.
    pub fn reload(&self, config: &ServerConfig) -> anyhow::Result<()> {
        for listener in &config.listeners() {
            if let Some(running) = self.get(&listener.name) {
                let tls = tls_now(listener, running.settings().tls.as_ref());
                running.set(settings(listener, tls)?);
            }
        }
        Ok(())
    }

    /// Takes changed certificates while the node runs.
    pub fn watch_certificates(&self, supervisor: &mut Supervisor, config: &Arc<ArcSwap<Config>>) {
        let (listeners, config) = (self.clone(), Arc::clone(config));
        supervisor.spawn("certificates", Importance::Optional, move |mut stop| {
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

/// The TLS that a listener is to speak, given what it speaks.
fn tls_now(listener: &ListenerConfig, before: Option<&Arc<Tls>>) -> Option<Arc<Tls>> {
    let files = listener.tls()?;
    if let Some(same) = before.filter(|before| before.files() == files) {
        let _ = same.reload();
        return Some(Arc::clone(same));
    }
    match Tls::load(&Arc::from(&*listener.name), files.0, files.1) {
        Ok(tls) => Some(tls),
        Err(error) => {
            stentor_serve::count_tls_failure(&listener.name);
            error!(listener = listener.name, %error, "TLS stays as it was");
            before.cloned()
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
