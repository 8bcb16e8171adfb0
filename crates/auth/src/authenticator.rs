//! All ways of showing who one is, in one place.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use stentor_event::Timestamp;
use stentor_net::dial::{Dialer, Family, Target, Trust};
use stentor_sql::Database;

use crate::audit::Audit;
use crate::config::{Config, ConfigError};
use crate::failure::Category;
use crate::introspection::Introspection;
use crate::jwt::{Foreign, Issued, Own, Peek, has_form};
use crate::nip98::{self, ReplayGuard};
use crate::nostr::NostrKeys;
use crate::request::Shown;
use crate::ticket::{MintedTicket, Redeemed, Surface, Tickets};
use crate::{
    AuthFailure, Credential, EndReason, KeyText, ManageError, OpenError, Principal, Registry,
    RequestHead, Scopes, metrics,
};

/// Between two readings of what has changed on other nodes.
const POLLED_EVERY: Duration = Duration::from_secs(2);
/// Between two rounds of what is to be done each second.
const SECOND: Duration = Duration::from_secs(1);
/// Between two rounds of what is to be done now and then.
const MINUTE: Duration = Duration::from_secs(60);

/// What an authenticator is made of.
pub struct Parts {
    /// The section `auth` of the configuration.
    pub config: Config,
    /// The records.
    pub records: Database,
    /// What connections to issuers are made by.
    pub dialer: Dialer,
    /// The folder of secrets, made if it is missing.
    pub secrets: PathBuf,
    /// What remembers used tokens of NIP-98.
    pub replay: Arc<dyn ReplayGuard>,
}

/// Tells who is asking, and whether who was good is so still.
pub struct Authenticator {
    registry: Arc<Registry>,
    own: Option<Own>,
    foreign: Vec<Foreign>,
    introspection: Option<Arc<Introspection>>,
    nostr: NostrKeys,
    replay: Arc<dyn ReplayGuard>,
    tickets: Tickets,
    audit: Audit,
    public: Scopes,
}

impl Authenticator {
    /// Checks the configuration, brings the records up to date, and reads or makes the signing key. Nothing is fetched yet.
    ///
    /// # Errors
    /// [`OpenError`].
    pub async fn open(parts: Parts, now: Timestamp) -> Result<Self, OpenError> {
        let config = parts.config;
        config.check()?;
        let registry = Arc::new(Registry::open(parts.records.clone(), &config.limits, now).await?);
        let own = match config.tokens.enabled {
            true => {
                Some(Own::open(&config.tokens, &parts.secrets, Arc::clone(&registry), now).await?)
            }
            false => None,
        };
        let foreign = config.issuers.iter().enumerate().map(|(index, issuer)| {
            let at = format!("issuers[{index}]");
            let target = admit(&parts.dialer, &format!("{at}.jwks_url"), &issuer.jwks_url)?;
            let mapping = issuer.mapping(&at)?;
            Ok(Foreign::new(issuer, mapping, target, parts.dialer.clone()))
        });
        Ok(Self {
            foreign: foreign.collect::<Result<_, ConfigError>>()?,
            introspection: Introspection::open(&config.introspection, &parts.dialer)?.map(Arc::new),
            nostr: NostrKeys::new(&config.nostr)?,
            tickets: Tickets::new(Arc::clone(&registry)),
            audit: Audit::new(parts.records, &config.limits),
            public: config.public(),
            replay: parts.replay,
            registry,
            own,
        })
    }

    /// Keys and tenants.
    pub fn registry(&self) -> &Arc<Registry> {
        &self.registry
    }

    /// The audit.
    pub fn audit(&self) -> &Audit {
        &self.audit
    }

    /// Who makes this request. Failures are counted and written into the audit.
    ///
    /// # Errors
    /// [`AuthFailure`].
    pub async fn authenticate(
        &self,
        head: &RequestHead<'_>,
        now: Timestamp,
    ) -> Result<Principal, AuthFailure> {
        let shown = match head.shown() {
            Err(AuthFailure::Missing) if !self.public.is_empty() => {
                return Ok(Principal::public(self.public));
            }
            Err(AuthFailure::Missing) => {
                metrics::attempted("none", "missing");
                return Err(AuthFailure::Missing);
            }
            shown => shown,
        };
        let (method, outcome) = match shown {
            Err(failure) => ("none", Err(failure)),
            Ok(Shown::Nostr(value)) => ("nostr", self.nostr(value, head, now).await),
            Ok(Shown::Bearer(token)) => self.bearer(token, now).await,
        };
        self.told(method, outcome, head.client, route(head), now)
    }

    /// Opens a stream with a ticket (see [`Redeemed`]). `last_event_id` is the client's, as it is: empty is none.
    ///
    /// # Errors
    /// [`AuthFailure`].
    pub async fn redeem(
        &self,
        ticket: &str,
        surface: Surface,
        last_event_id: Option<&str>,
        client: IpAddr,
        now: Timestamp,
    ) -> Result<Redeemed, AuthFailure> {
        let last_event_id = last_event_id.filter(|id| !id.is_empty());
        let is_good = |principal: &Principal| self.let_in(principal, now);
        let outcome = match ticket.parse() {
            Ok(text) => {
                self.tickets
                    .redeem(&text, surface, last_event_id, is_good, now)
                    .await
            }
            Err(_) => Err(AuthFailure::invalid(Category::Malformed)),
        };
        self.told("ticket", outcome, client, surface.as_str(), now)
    }

    /// Mints a ticket for a principal that was authenticated just now.
    ///
    /// # Errors
    /// [`ManageError::NotForThis`] for who has come with a ticket or with nothing, [`ManageError::TooMany`], those of the database.
    pub async fn mint_ticket(
        &self,
        principal: &Principal,
        surface: Surface,
        now: Timestamp,
    ) -> Result<MintedTicket, ManageError> {
        self.tickets.mint(principal, surface, now).await
    }

    /// Issues a token for a principal that was authenticated just now, for so many seconds at most. It has those of the scopes that the
    /// principal has, and ends with what the principal has shown.
    ///
    /// # Errors
    /// [`ManageError::NotForThis`], also when no tokens are issued here.
    pub fn issue_token(
        &self,
        principal: &Principal,
        scopes: Scopes,
        seconds: u64,
        now: Timestamp,
    ) -> Result<Issued, ManageError> {
        let own = self.own.as_ref().ok_or(ManageError::NotForThis)?;
        own.issue(principal, scopes, seconds, now)
    }

    /// The public keys of our own issuer (RFC 7517), for `/.well-known/jwks.json`. `None` when no tokens are issued here.
    pub fn jwks(&self, now: Timestamp) -> Option<Value> {
        self.own.as_ref().map(|own| own.jwks(now))
    }

    /// Whether a principal is still good: made to be asked each second for each stream. Needs no I/O.
    ///
    /// # Errors
    /// Why its stream has to end.
    pub fn still_good(&self, principal: &Principal, now: Timestamp) -> Result<(), EndReason> {
        self.tickets.still_good(principal)?;
        self.registry.still_good(principal, now)?;
        let opaque = principal
            .credentials()
            .filter_map(|credential| match credential {
                Credential::Opaque(hash) => Some(hash),
                _ => None,
            });
        let outage = self.registry.limits().outage_seconds;
        for hash in opaque {
            let asked = self.introspection.as_ref().ok_or(EndReason::Unverified)?;
            asked.still_good(hash, outage, now)?;
        }
        Ok(())
    }

    async fn nostr(
        &self,
        value: &[u8],
        head: &RequestHead<'_>,
        now: Timestamp,
    ) -> Result<Principal, AuthFailure> {
        let token = nip98::check(value, &head.nip98(), now)?;
        let unknown = || AuthFailure::of(Category::Unknown, Credential::nostr(&token.key()).id());
        let principal = self.nostr.principal(token.key(), now).ok_or_else(unknown)?;
        self.let_in(&principal, now)?;
        // Last, so that strangers take no room.
        self.replay.use_up(&token, now).await?;
        Ok(principal)
    }

    /// By what kind of credential, and who.
    async fn bearer(
        &self,
        token: &str,
        now: Timestamp,
    ) -> (&'static str, Result<Principal, AuthFailure>) {
        if let Ok(key) = token.parse::<KeyText>() {
            return ("api_key", self.registry.authenticate(&key, now).await);
        }
        let (method, outcome) = match token {
            token if token.starts_with("stk_") || token.starts_with("stt_") => {
                ("none", Err(AuthFailure::invalid(Category::Malformed)))
            }
            token if has_form(token) => self.signed(token, now).await,
            token => ("opaque", self.opaque(token, Category::Unknown, now).await),
        };
        let judged = outcome.and_then(|principal| self.let_in(&principal, now).map(|()| principal));
        (method, judged)
    }

    async fn signed(
        &self,
        token: &str,
        now: Timestamp,
    ) -> (&'static str, Result<Principal, AuthFailure>) {
        let peek = match Peek::at(token) {
            Ok(peek) => peek,
            Err(category) => return ("token", Err(AuthFailure::invalid(category))),
        };
        if let Some(own) = self.own.as_ref().filter(|own| own.issuer() == peek.issuer) {
            return ("token", own.authenticate(&peek, now).await);
        }
        if let Some(foreign) = self
            .foreign
            .iter()
            .find(|foreign| foreign.issuer() == peek.issuer)
        {
            return ("token", foreign.authenticate(&peek, now).await);
        }
        // Of nobody that we could verify: the issuer that can be asked may know it.
        ("opaque", self.opaque(token, Category::Issuer, now).await)
    }

    async fn opaque(
        &self,
        token: &str,
        otherwise: Category,
        now: Timestamp,
    ) -> Result<Principal, AuthFailure> {
        match &self.introspection {
            Some(introspection) => introspection.authenticate(token, now).await,
            None => Err(AuthFailure::invalid(otherwise)),
        }
    }

    /// Whether a principal that has proven what it is may come in: its tenant is there, and nothing was revoked.
    fn let_in(&self, principal: &Principal, now: Timestamp) -> Result<(), AuthFailure> {
        if !self.registry.is_fresh(now) {
            return Err(AuthFailure::unavailable());
        }
        let category = match self.still_good(principal, now) {
            Ok(()) => return Ok(()),
            Err(EndReason::Expired) => Category::Expired,
            Err(EndReason::TenantDisabled) => Category::Tenant,
            Err(EndReason::Revoked) => Category::Revoked,
            Err(EndReason::Superseded) => Category::Used,
            Err(EndReason::Unverified) => Category::Unknown,
        };
        Err(AuthFailure::of(category, principal.credential.id()))
    }

    /// Counts an outcome, and writes a failure into the audit.
    fn told<T>(
        &self,
        method: &'static str,
        outcome: Result<T, AuthFailure>,
        client: IpAddr,
        surface: &str,
        now: Timestamp,
    ) -> Result<T, AuthFailure> {
        match &outcome {
            Ok(_) => metrics::attempted(method, "ok"),
            Err(failure) => {
                metrics::attempted(method, failure.as_str());
                self.audit.failed(failure, client, surface, now);
            }
        }
        outcome
    }

    /// Reads what other nodes have changed: keys, tenants, revocations, newer connections of tickets. [`run`](Self::run) does it
    /// every two seconds.
    ///
    /// # Errors
    /// Those of the database. What is known stays so.
    pub async fn poll(&self, now: Timestamp) -> Result<(), ManageError> {
        self.registry.poll(now).await?;
        self.tickets.poll().await
    }

    /// Asks again about opaque tokens that streams live by. [`run`](Self::run) does it each second.
    pub async fn recheck(&self, now: Timestamp) {
        if let Some(introspection) = &self.introspection {
            introspection.recheck(now).await;
        }
    }

    /// What is to be done now and then: notes of keys' use, key sets of issuers, our own signing key, old tickets. [`run`](Self::run)
    /// does it each minute.
    pub async fn tidy(&self, now: Timestamp) {
        let told = |result: Result<(), ManageError>| {
            if let Err(error) = result {
                tracing::warn!(%error, "records of keys and tickets could not be tidied");
            }
        };
        told(self.registry.note_uses().await);
        told(self.tickets.sweep(now).await);
        if let Some(own) = &self.own
            && let Err(error) = own.rotate(now).await
        {
            tracing::error!(%error, "no new key to sign tokens with; the old one goes on");
        }
        for foreign in &self.foreign {
            foreign.refresh(now).await;
        }
    }

    /// Does all that has to be done in the background, until it is dropped. `clock` tells the time.
    pub async fn run(&self, clock: impl Fn() -> Timestamp) {
        let polls = every(POLLED_EVERY, async || {
            if let Err(error) = self.poll(clock()).await {
                tracing::warn!(%error, "news of keys and tenants could not be read");
            }
        });
        let rechecks = every(SECOND, async || self.recheck(clock()).await);
        let lines = every(SECOND, async || {
            if let Err(error) = self.audit.flush(clock()).await {
                tracing::warn!(%error, "lines of the audit wait: they could not be written");
            }
        });
        let tidying = every(MINUTE, async || self.tidy(clock()).await);
        tokio::join!(polls, rechecks, lines, tidying);
    }
}

/// Does something again and again, for ever.
async fn every(period: Duration, work: impl AsyncFn()) {
    let mut ticks = tokio::time::interval(period);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        work().await;
    }
}

/// Admits the address of an issuer, which comes from the operator.
pub(crate) fn admit(dialer: &Dialer, key: &str, url: &str) -> Result<Target, ConfigError> {
    let admitted = dialer.admit(url, Family::Web, Trust::Operator);
    admitted.map_err(|refusal| ConfigError::new(key, refusal.to_string()))
}

/// What was asked for, without the query, in which a ticket may be.
fn route<'a>(head: &RequestHead<'a>) -> &'a str {
    head.path_and_query.split('?').next().unwrap_or_default()
}
