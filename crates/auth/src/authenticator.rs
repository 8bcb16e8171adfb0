//! All ways of showing who one is, in one place.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

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
    pub(crate) registry: Arc<Registry>,
    pub(crate) own: Option<Own>,
    pub(crate) foreign: Vec<Arc<Foreign>>,
    pub(crate) introspection: Option<Arc<Introspection>>,
    nostr: NostrKeys,
    replay: Arc<dyn ReplayGuard>,
    pub(crate) tickets: Tickets,
    pub(crate) audit: Audit,
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
            let foreign = Foreign::new(issuer, mapping, target, parts.dialer.clone());
            Ok(Arc::new(foreign))
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
                metrics::attempted("public", "ok");
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
