//! A connection that comes back: what a mirror holds on to.

use std::sync::Arc;
use std::time::Duration;

use stentor_net::dial::{Dialer, Family, Trust};
use stentor_net::retry::{Backoff, Breakers};
use tokio::time::{Instant, sleep, sleep_until};

use crate::config::Config;
use crate::error::PeerError;
use crate::peer::Peer;
use crate::signer::Signer;

/// How a link waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkTimes {
    /// The longest wait after the first failure; it doubles with each further one.
    pub first: Duration,
    /// The longest wait at all.
    pub longest: Duration,
    /// A connection that lasted this long was a success: the next failure is a first one again. A shorter one counts as a failure,
    /// else a relay that hangs up at once would be connected to without a pause.
    pub stable: Duration,
}

impl Default for LinkTimes {
    /// 1 second, 5 minutes, 30 seconds.
    fn default() -> Self {
        Self {
            first: Duration::from_secs(1),
            longest: Duration::from_secs(300),
            stable: Duration::from_secs(30),
        }
    }
}

/// A relay that is connected to again and again, with back-off, and with a breaker that all links to one host share. It has no task:
/// it does what there is to do when it is asked for a connection.
///
/// Subscriptions do not come back by themselves: what was missed meanwhile is for the caller to ask for.
pub struct Link {
    dialer: Dialer,
    url: String,
    trust: Trust,
    config: Config,
    signer: Option<Arc<dyn Signer>>,
    stable: Duration,
    breakers: Option<Arc<Breakers<String>>>,
    backoff: Backoff,
    /// The zero of the breakers' clock, the same for all links of a set.
    start: Instant,
    current: Option<(Peer, Instant)>,
    not_before: Option<Instant>,
}

impl Link {
    /// A link to a relay; nothing is connected yet.
    #[must_use]
    pub fn new(
        dialer: Dialer,
        url: impl Into<String>,
        trust: Trust,
        config: Config,
        times: &LinkTimes,
    ) -> Self {
        Self {
            dialer,
            url: url.into(),
            trust,
            config,
            signer: None,
            stable: times.stable,
            breakers: None,
            backoff: Backoff::new(times.first, times.longest),
            start: Instant::now(),
            current: None,
            not_before: None,
        }
    }

    /// Authenticates with this signer.
    #[must_use]
    pub fn signed_by(mut self, signer: Arc<dyn Signer>) -> Self {
        self.signer = Some(signer);
        self
    }

    /// Shares breakers with other links; `start` is the zero of their clock.
    #[must_use]
    pub fn with_breakers(mut self, breakers: Arc<Breakers<String>>, start: Instant) -> Self {
        self.breakers = Some(breakers);
        self.start = start;
        self
    }

    /// The relay's URL as it was given.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Failures since the last connection that lasted.
    #[must_use]
    pub const fn failures(&self) -> u32 {
        self.backoff.failures()
    }

    /// The connection, made anew when it has ended; waits as long as that takes. Each failure is told to `failed` with the wait that
    /// follows. The future can be dropped at any time without shortening a wait.
    ///
    /// # Errors
    /// Only what trying again cannot help: a URL that may not be dialed.
    pub async fn peer(
        &mut self,
        mut failed: impl FnMut(&PeerError, Duration),
    ) -> Result<Peer, PeerError> {
        loop {
            if let Some(peer) = self.living() {
                return Ok(peer);
            }
            if let Some(time) = self.not_before {
                sleep_until(time).await;
                self.not_before = None;
            }
            let host = self.wait_for_breaker().await?;
            match self.connect().await {
                Ok(peer) => {
                    self.succeeded(&host);
                    self.current = Some((peer, Instant::now()));
                }
                Err(error) if error.is_permanent() => return Err(error),
                Err(error) => {
                    if let Some(breakers) = &self.breakers {
                        breakers.failed(&host, self.start.elapsed());
                    }
                    failed(&error, self.back_off());
                }
            }
        }
    }

    /// The connection if it lives. One that has ended is put away, and the back-off set by how long it lasted.
    fn living(&mut self) -> Option<Peer> {
        let (peer, since) = self.current.take()?;
        if peer.ended().is_none() {
            self.current = Some((peer.clone(), since));
            return Some(peer);
        }
        if since.elapsed() >= self.stable {
            self.backoff.reset();
        }
        self.back_off();
        None
    }

    fn back_off(&mut self) -> Duration {
        // Without random numbers the wait is the longest that it can be.
        let wait = self.backoff.next(getrandom::u64().unwrap_or(u64::MAX));
        self.not_before = Some(Instant::now() + wait);
        wait
    }

    /// Waits until the host's breaker lets an attempt through; the host's name.
    async fn wait_for_breaker(&self) -> Result<String, PeerError> {
        let target = self.dialer.admit(&self.url, Family::Relay, self.trust)?;
        let host = format!("{}:{}", target.host(), target.port());
        if let Some(breakers) = &self.breakers {
            while let Err(open) = breakers.attempt(&host, self.start.elapsed()) {
                sleep(open.retry_after).await;
            }
        }
        Ok(host)
    }

    fn succeeded(&self, host: &String) {
        if let Some(breakers) = &self.breakers {
            breakers.succeeded(host);
        }
    }

    async fn connect(&self) -> Result<Peer, PeerError> {
        let (config, signer) = (self.config.clone(), self.signer.clone());
        Peer::connect(&self.dialer, &self.url, self.trust, config, signer).await
    }
}
