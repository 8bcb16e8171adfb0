//! The dialer itself: judge, look up once, check every address, connect to what was checked.

use std::future::Future;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio_rustls::TlsConnector;

use super::config::{Config, ConfigError, Proxy};
use super::connect::connect;
use super::error::{DialError, Failure, Refusal};
use super::resolve::Names;
use super::rules::Rules;
use super::socks::{self, Proxies};
use super::stream::Stream;
use super::target::{Family, Host, Target, Trust};
use super::{metrics, tls};

/// Makes every connection to elsewhere. Cheap to clone; clones share the resolver's cache and the limit on dials.
#[derive(Clone)]
pub struct Dialer(Arc<Inner>);

struct Inner {
    rules: Rules,
    names: Names,
    proxies: Proxies,
    tls: TlsConnector,
    connect_time: Duration,
    request_time: Duration,
    response_bytes: usize,
    dials: Semaphore,
}

impl Dialer {
    /// A dialer with this configuration. Reads the files of `extra_roots`; looks nothing up.
    ///
    /// # Errors
    /// The first value that cannot be used.
    pub fn new(config: &Config) -> Result<Self, ConfigError> {
        config.check()?;
        let lookup_time = Duration::from_secs(config.lookup_seconds);
        Ok(Self(Arc::new(Inner {
            rules: config.rules()?,
            names: Names::new(&config.servers()?, lookup_time),
            proxies: Proxies::new(&config.socks)?,
            tls: tls::connector(&config.extra_roots)?,
            connect_time: config.connect_time(),
            request_time: Duration::from_secs(config.request_seconds),
            response_bytes: config.response_bytes,
            dials: Semaphore::new(config.dials),
        })))
    }

    /// Judges a URL without any look-up: no packet leaves.
    ///
    /// # Errors
    /// Why it may not be dialed.
    pub fn admit(&self, url: &str, family: Family, trust: Trust) -> Result<Target, Refusal> {
        Target::parse(url, family, trust, &self.0.rules).inspect_err(|_| {
            metrics::dialed(trust, "refused", None);
        })
    }

    /// Judges a URL and where its name leads, without connecting: what is asked before a URL is registered (G5.4).
    ///
    /// # Errors
    /// [`DialError`]; a name that cannot be looked up just now is a failure, not a refusal.
    pub async fn vet(&self, url: &str, family: Family, trust: Trust) -> Result<Target, DialError> {
        let target = self.admit(url, family, trust)?;
        if self.0.proxies.of(target.host()).is_none() {
            in_time(self.0.connect_time, self.addresses(&target)).await?;
        }
        Ok(target)
    }

    /// Connects to an admitted target, through TLS if its scheme says so, within `connect_seconds`.
    ///
    /// # Errors
    /// [`DialError::Refused`] when the name leads inside, [`DialError::Failed`] for everything else.
    pub async fn dial(&self, target: &Target) -> Result<Stream, DialError> {
        let start = Instant::now();
        let dialed = in_time(self.0.connect_time, self.open(target)).await;
        let outcome = dialed.as_ref().map_or_else(DialError::label, |_| "ok");
        metrics::dialed(target.trust(), outcome, Some(start.elapsed()));
        dialed
    }

    /// How long an HTTP exchange may take unless it says otherwise.
    pub(crate) fn request_time(&self) -> Duration {
        self.0.request_time
    }

    /// How many bytes an HTTP answer may have unless the request says otherwise.
    pub(crate) fn response_bytes(&self) -> usize {
        self.0.response_bytes
    }

    async fn open(&self, target: &Target) -> Result<Stream, DialError> {
        // The semaphore is never closed.
        let _turn = self.0.dials.acquire().await;
        let (stream, remote) = match self.0.proxies.of(target.host()) {
            Some(proxy) => (self.open_proxied(proxy, target).await?, None),
            None => {
                let stream = connect(&self.addresses(target).await?, target.port()).await?;
                let remote = stream.peer_addr().ok();
                (stream, remote)
            }
        };
        if !target.is_tls() {
            return Ok(Stream::plain(stream, remote));
        }
        let stream = tls::handshake(&self.0.tls, target.host(), stream).await?;
        Ok(Stream::tls(stream, remote))
    }

    async fn open_proxied(&self, proxy: &Proxy, target: &Target) -> Result<TcpStream, DialError> {
        let addresses = match proxy.host.parse::<IpAddr>() {
            Ok(address) => vec![address],
            Err(_) => {
                let names = &self.0.names;
                names.addresses(&proxy.host, Trust::Operator).await?
            }
        };
        let stream = connect(&addresses, proxy.port)
            .await
            .map_err(|error| Failure::Proxy(error.to_string()))?;
        Ok(socks::through(stream, target.host(), target.port()).await?)
    }

    /// The addresses that may be connected to. For a stranger, one that may not be is enough to refuse them all.
    async fn addresses(&self, target: &Target) -> Result<Vec<IpAddr>, DialError> {
        let addresses = match target.host() {
            Host::Address(address) => vec![*address],
            Host::Name(name) => self.0.names.addresses(name, target.trust()).await?,
        };
        if target.trust() == Trust::Stranger {
            for address in &addresses {
                self.0.rules.admit(*address).map_err(Refusal::LeadsInside)?;
            }
        }
        Ok(addresses)
    }
}

async fn in_time<T>(
    limit: Duration,
    work: impl Future<Output = Result<T, DialError>>,
) -> Result<T, DialError> {
    tokio::time::timeout(limit, work)
        .await
        .unwrap_or_else(|_| Err(Failure::Timeout.into()))
}
