//! The dialer itself: judge, look up once, check every address, connect to what was checked.

use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::net::TcpStream;
use tokio::sync::Semaphore;

use super::config::{Config, ConfigError, Proxy};
use super::connect::connect;
use super::error::{DialError, Failure, Refusal};
use super::facts::Lookup;
use super::metrics;
use super::resolve::Names;
use super::rules::Rules;
use super::socks::{self, Proxies};
use super::stream::Stream;
use super::target::{Family, Host, Target, Trust};
use super::tls::Tls;

/// Makes every connection to elsewhere. Cheap to clone; clones share the resolver's cache and the limit on dials.
#[derive(Clone)]
pub struct Dialer(pub(super) Arc<Inner>);

/// What all clones share.
pub(super) struct Inner {
    rules: Rules,
    names: Names,
    /// For whoever wants to know what the name servers say now.
    pub(super) fresh_names: Names,
    proxies: Proxies,
    pub(super) tls: Tls,
    connect_time: Duration,
    request_time: Duration,
    response_bytes: usize,
    pub(super) dials: Semaphore,
}

impl Dialer {
    /// A dialer with this configuration. Reads the files of `extra_roots`; looks nothing up.
    ///
    /// # Errors
    /// The first value that cannot be used.
    pub fn new(config: &Config) -> Result<Self, ConfigError> {
        config.check()?;
        let servers = config.servers()?;
        let lookup_time = Duration::from_secs(config.lookup_seconds);
        Ok(Self(Arc::new(Inner {
            rules: config.rules()?,
            names: Names::new(&servers, lookup_time),
            fresh_names: Names::new(&servers, lookup_time).without_memory(),
            proxies: Proxies::new(&config.socks)?,
            tls: Tls::new(&config.extra_roots)?,
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
            in_time(self.0.connect_time, self.addresses(&target, &self.0.names)).await?;
        }
        Ok(target)
    }

    /// Connects to an admitted target, through TLS if its scheme says so, within `connect_seconds` from its turn on. While as many
    /// connections as may be (`dials`) are being made, it waits before that: first come, first served.
    ///
    /// # Errors
    /// [`DialError::Refused`] when the name leads inside, [`DialError::Failed`] for everything else.
    pub async fn dial(&self, target: &Target) -> Result<Stream, DialError> {
        self.counted(target, self.open(target)).await
    }

    /// Makes a connection within `connect_seconds` when it has its turn, and counts what comes of it.
    pub(super) async fn counted<T>(
        &self,
        target: &Target,
        work: impl Future<Output = Result<T, DialError>>,
    ) -> Result<T, DialError> {
        // Others being slow says nothing of this target, so waiting is not within its time. Each turn ends with its own time, so the wait
        // is bounded by how many wait. The semaphore is never closed.
        let _turn = self.0.dials.acquire().await;
        let start = Instant::now();
        let made = in_time(self.0.connect_time, work).await;
        let outcome = made.as_ref().map_or_else(DialError::label, |_| "ok");
        metrics::dialed(target.trust(), outcome, Some(start.elapsed()));
        made
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
        let reached = self.reach(target, &self.0.names).await?;
        let (stream, remote) = (reached.stream, reached.remote);
        if !target.is_tls() {
            return Ok(Stream::plain(stream, remote));
        }
        let stream = self.0.tls.handshake(target.host(), stream).await?;
        Ok(Stream::tls(stream, remote))
    }

    /// A connection without TLS, straight or through the proxy that leads there.
    pub(super) async fn reach(&self, target: &Target, names: &Names) -> Result<Reached, DialError> {
        if let Some(proxy) = self.0.proxies.of(target.host()) {
            let start = Instant::now();
            let stream = self.open_proxied(proxy, target).await?;
            return Ok(Reached {
                lookup: None,
                connect: start.elapsed(),
                remote: None,
                stream,
            });
        }
        let found = self.addresses(target, names).await?;
        let start = Instant::now();
        let stream = connect(found.addresses(), target.port()).await?;
        Ok(Reached {
            connect: start.elapsed(),
            lookup: found.lookup(),
            remote: stream.peer_addr().ok(),
            stream,
        })
    }

    async fn open_proxied(&self, proxy: &Proxy, target: &Target) -> Result<TcpStream, DialError> {
        // Not all of the time: what the proxy takes too long for is to be told from a target that is slow.
        let stream = in_time(self.0.connect_time / 2, self.reach_proxy(proxy))
            .await
            .map_err(|error| Failure::Proxy(error.to_string()))?;
        Ok(socks::through(stream, target.host(), target.port()).await?)
    }

    async fn reach_proxy(&self, proxy: &Proxy) -> Result<TcpStream, DialError> {
        let addresses = match proxy.host.parse::<IpAddr>() {
            Ok(address) => vec![address],
            Err(_) => {
                let names = &self.0.names;
                let found = names.look_up(&proxy.host, Trust::Operator).await?;
                found.addresses
            }
        };
        Ok(connect(&addresses, proxy.port).await?)
    }

    /// The addresses that may be connected to. For a stranger, one that may not be is enough to refuse them all.
    async fn addresses(&self, target: &Target, names: &Names) -> Result<Found, DialError> {
        let found = match target.host() {
            Host::Address(address) => Found::Literal([*address]),
            Host::Name(name) => Found::Named(names.look_up(name, target.trust()).await?),
        };
        if target.trust() == Trust::Stranger {
            for address in found.addresses() {
                self.0.rules.admit(*address).map_err(Refusal::LeadsInside)?;
            }
        }
        Ok(found)
    }
}

/// A connection without TLS, and what was seen on the way.
pub(super) struct Reached {
    /// None for an address, and behind a proxy.
    pub lookup: Option<Lookup>,
    /// How long it took to connect.
    pub connect: Duration,
    /// None behind a proxy.
    pub remote: Option<SocketAddr>,
    /// The connection.
    pub stream: TcpStream,
}

/// Where a target is.
enum Found {
    /// It says so itself.
    Literal([IpAddr; 1]),
    /// A name server says so.
    Named(Lookup),
}

impl Found {
    fn addresses(&self) -> &[IpAddr] {
        match self {
            Self::Literal(address) => address,
            Self::Named(lookup) => &lookup.addresses,
        }
    }

    fn lookup(self) -> Option<Lookup> {
        match self {
            Self::Literal(_) => None,
            Self::Named(lookup) => Some(lookup),
        }
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
