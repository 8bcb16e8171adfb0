//! Making, changing and removing endpoints (G4.1): one transaction each, with the envelope that tells of it.

use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use serde_json::json;
use stentor_auth::{ManageError, Principal};
use stentor_bus::{BusError, Cursor, EventType, From, append};
use stentor_net::dial::{DialError, Family, Trust};
use stentor_sql::Transaction;
use uuid::Uuid;

use super::Webhooks;
use super::endpoint::{Choice, Disabled, Endpoint, Grant};
use super::ground::{Standing, draft};
use super::signature::{Key, Scheme};
use super::table::{deliveries, endpoints};
use crate::failure::Failure;

/// The longest that a former secret is signed with.
pub(crate) const LONGEST_GRACE: Duration = Duration::from_secs(7 * 24 * 3_600);

/// A new endpoint, as it was asked for and checked.
pub(crate) struct Wish {
    pub url: String,
    pub description: String,
    pub choice: Choice,
    pub scheme: Scheme,
    pub rate: u32,
    pub concurrency: u32,
    pub from: From,
}

/// What is to be different.
#[derive(Debug, Clone, Default)]
pub(crate) struct Changes {
    pub url: Option<String>,
    pub description: Option<String>,
    pub types: Option<Vec<String>>,
    pub subjects: Option<Vec<String>>,
    pub filter: Option<Option<serde_json::Value>>,
    pub rate: Option<u32>,
    pub concurrency: Option<u32>,
}

impl Changes {
    /// Whether it is another thing that is sent, or to another place.
    pub fn decides(&self) -> bool {
        self.url.is_some()
            || self.types.is_some()
            || self.subjects.is_some()
            || self.filter.is_some()
    }

    /// What an endpoint is given, changed.
    pub fn choice(&self, before: &Choice) -> Choice {
        Choice {
            types: self.types.clone().unwrap_or_else(|| before.types.clone()),
            subjects: (self.subjects.clone()).unwrap_or_else(|| before.subjects.clone()),
            filter: (self.filter.clone()).unwrap_or_else(|| before.filter.clone()),
        }
    }

    fn apply(&self, endpoint: &mut Endpoint, grant: &Grant) {
        endpoint.choice = self.choice(&endpoint.choice);
        if self.decides() {
            // Whoever decides what is sent, or where to, can have it sent what they may see themselves, and no more.
            endpoint.grant = grant.clone();
        }
        if let Some(url) = &self.url {
            endpoint.url.clone_from(url);
        }
        if let Some(description) = &self.description {
            endpoint.description.clone_from(description);
        }
        endpoint.rate = self.rate.unwrap_or(endpoint.rate);
        endpoint.concurrency = self.concurrency.unwrap_or(endpoint.concurrency);
    }
}

impl Webhooks {
    /// Judges a URL (G5.4): where it leads, too, as far as that can be found out now. It is judged again at each attempt.
    ///
    /// # Errors
    /// [`Failure::Wrong`], in words that do not say what a name leads to.
    pub(crate) async fn vet(&self, url: &str) -> Result<String, Failure> {
        let dialer = &self.ground.dialer;
        match dialer.vet(url, Family::Web, Trust::Stranger).await {
            Ok(target) => Ok(target.url().to_owned()),
            Err(DialError::Refused(refusal)) => Err(Failure::Wrong(format!("url: {refusal}"))),
            // Names that cannot be looked up just now may be there later.
            Err(DialError::Failed(_)) => {
                let admitted = dialer.admit(url, Family::Web, Trust::Stranger);
                let admitted = admitted.map(|target| target.url().to_owned());
                admitted.map_err(|refusal| Failure::Wrong(format!("url: {refusal}")))
            }
        }
    }

    /// Makes an endpoint: it, and what its receiver verifies with.
    ///
    /// # Errors
    /// [`ManageError::TooMany`], or what the records or the system have against it.
    pub(crate) async fn create(
        &self,
        principal: &Principal,
        wish: Wish,
    ) -> Result<(Endpoint, SecretString), Failure> {
        let ground = &self.ground;
        let now = ground.clock.now_ms();
        let place = match wish.from {
            From::Now => ground.bus.head().await?,
            From::Oldest => ground.bus.oldest().await?,
            From::Cursor(cursor) => cursor,
        };
        let id = stentor_bus::new_id(now).map_err(|_| BusError::NoRandomness)?;
        let (secret, shown) = self.new_secret(id, wish.scheme)?;
        let endpoint = Endpoint {
            id,
            tenant: principal.tenant.to_string(),
            owner: principal.subject.clone(),
            grant: Grant::of(principal),
            url: wish.url,
            description: wish.description,
            choice: wish.choice,
            scheme: wish.scheme,
            secret,
            former: None,
            disabled: None,
            rate: wish.rate,
            concurrency: wish.concurrency,
            place,
            failing_since: None,
            created_ms: now,
            updated_ms: now,
            version: 1,
        };
        let (row, most) = (endpoint.clone(), ground.config.endpoints);
        let actor = principal.subject.clone();
        let made = ground.records.write(move |tx: &mut Transaction<'_>| {
            if endpoints::count(tx, &row.tenant)? >= most {
                let what = "webhooks";
                return Err(Failure::Manage(ManageError::TooMany { what, most }));
            }
            endpoints::insert(tx, &row)?;
            let told = draft(EventType::WebhookEndpointCreated, &row, Some(&actor), &[]);
            Ok(append(tx, &[told], now)?)
        });
        made.await?;
        self.told();
        Ok((endpoint, shown))
    }

    /// A new secret, sealed, and what the receiver is shown.
    fn new_secret(&self, id: Uuid, scheme: Scheme) -> Result<(Vec<u8>, SecretString), Failure> {
        let unusable = |error: &dyn std::fmt::Display| {
            tracing::error!(%error, "a secret for a webhook cannot be made");
            Failure::Bus(BusError::NoRandomness)
        };
        let key = Key::generate(scheme).map_err(|error| unusable(&error))?;
        let shown = key.for_receiver().map_err(|error| unusable(&error))?;
        let name = Endpoint::seal_name(id);
        let sealed = self.ground.vault.seal(&key.text(), &name);
        Ok((sealed.map_err(|error| unusable(&error))?, shown))
    }

    /// Readers and workers need not wait for their next look.
    fn told(&self) {
        self.ground.bus.wake();
        self.ground.changed.notify_one();
    }

    /// The endpoints of a tenant.
    ///
    /// # Errors
    /// What the records have against it.
    pub(crate) async fn list(&self, tenant: String) -> Result<Vec<Endpoint>, Failure> {
        let read = move |tx: &mut Transaction<'_>| Ok(endpoints::list(tx, &tenant)?);
        self.ground.records.read(read).await
    }

    /// An endpoint of a tenant.
    ///
    /// # Errors
    /// [`Failure::NotFound`], or what the records have against it.
    pub(crate) async fn get(&self, tenant: String, id: Uuid) -> Result<Endpoint, Failure> {
        let read = move |tx: &mut Transaction<'_>| Ok(endpoints::by_id(tx, &tenant, id)?);
        let endpoint: Result<Option<Endpoint>, Failure> = self.ground.records.read(read).await;
        endpoint?.ok_or(Failure::NotFound)
    }

    /// Changes an endpoint in a transaction, and tells of it as a `what`.
    async fn change(
        &self,
        principal: &Principal,
        id: Uuid,
        what: &'static str,
        change: impl Fn(&mut Transaction<'_>, &mut Endpoint) -> Result<(), Failure> + Send + 'static,
    ) -> Result<Endpoint, Failure> {
        let (tenant, actor) = (principal.tenant.to_string(), principal.subject.clone());
        let now = self.ground.clock.now_ms();
        let changed = self.ground.records.write(move |tx: &mut Transaction<'_>| {
            let found = endpoints::by_id(tx, &tenant, id)?;
            let mut endpoint = found.ok_or(Failure::NotFound)?;
            let before = endpoint.disabled;
            change(tx, &mut endpoint)?;
            endpoint.updated_ms = now;
            endpoints::update(tx, &endpoint)?;
            let told = match endpoint.disabled {
                Some(reason) if before.is_none() => {
                    let reason = [("reason", json!(reason.as_str()))];
                    draft(
                        EventType::WebhookEndpointDisabled,
                        &endpoint,
                        Some(&actor),
                        &reason,
                    )
                }
                _ => {
                    let change = [("change", json!(what))];
                    draft(
                        EventType::WebhookEndpointUpdated,
                        &endpoint,
                        Some(&actor),
                        &change,
                    )
                }
            };
            append(tx, &[told], now)?;
            Ok::<_, Failure>(endpoint)
        });
        let changed = changed.await?;
        self.told();
        Ok(changed)
    }

    /// Changes settings.
    ///
    /// # Errors
    /// [`Failure::NotFound`], or what the records have against it.
    pub(crate) async fn set(
        &self,
        principal: &Principal,
        id: Uuid,
        changes: Changes,
    ) -> Result<Endpoint, Failure> {
        let grant = Grant::of(principal);
        let change = move |_: &mut Transaction<'_>, endpoint: &mut Endpoint| {
            changes.apply(endpoint, &grant);
            Ok(())
        };
        self.change(principal, id, "settings", change).await
    }

    /// Gives an endpoint a new secret; the one before is signed with for so long, too. An earlier one is not any more.
    ///
    /// # Errors
    /// [`Failure::NotFound`], or what the records or the system have against it.
    pub(crate) async fn rotate(
        &self,
        principal: &Principal,
        id: Uuid,
        grace: Duration,
    ) -> Result<(Endpoint, SecretString), Failure> {
        let scheme = self.get(principal.tenant.to_string(), id).await?.scheme;
        let (sealed, shown) = self.new_secret(id, scheme)?;
        let grace = u64::try_from(grace.min(LONGEST_GRACE).as_millis()).unwrap_or(0);
        let until = self.ground.clock.now_ms() + grace;
        let change = move |_: &mut Transaction<'_>, endpoint: &mut Endpoint| {
            let former = std::mem::replace(&mut endpoint.secret, sealed.clone());
            endpoint.former = (grace > 0).then_some((former, until));
            Ok(())
        };
        let endpoint = self.change(principal, id, "secret", change).await?;
        Ok((endpoint, shown))
    }

    /// Switches an endpoint off; what waits for it waits on.
    ///
    /// # Errors
    /// [`Failure::Conflict`] when it is off already, [`Failure::NotFound`], or what the records have against it.
    pub(crate) async fn disable(
        &self,
        principal: &Principal,
        id: Uuid,
    ) -> Result<Endpoint, Failure> {
        let change = |_: &mut Transaction<'_>, endpoint: &mut Endpoint| {
            if endpoint.disabled.is_some() {
                return Err(Failure::Conflict("the webhook is switched off already"));
            }
            endpoint.disabled = Some(Disabled::ByHand);
            Ok(())
        };
        self.change(principal, id, "disabled", change).await
    }

    /// Switches an endpoint on again: it goes on where it was, or, if `skip`, with what happens from now on.
    ///
    /// # Errors
    /// [`Failure::Conflict`] when it is on, [`Failure::NotFound`], or what the records have against it.
    pub(crate) async fn enable(
        &self,
        principal: &Principal,
        id: Uuid,
        skip: bool,
    ) -> Result<Endpoint, Failure> {
        let head = self.ground.bus.head().await?;
        let grant = Grant::of(principal);
        let ground = Arc::clone(&self.ground);
        let change = move |tx: &mut Transaction<'_>, endpoint: &mut Endpoint| {
            if endpoint.disabled.is_none() {
                return Err(Failure::Conflict("the webhook is not switched off"));
            }
            endpoint.disabled = None;
            endpoint.failing_since = None;
            // With a credential that is good no more it would be switched off at once: it goes on in the name of who asks.
            if ground.audience(endpoint).1 == Standing::Over {
                endpoint.grant = grant.clone();
            }
            if skip {
                endpoint.place = head;
                endpoints::set_place(tx, endpoint)?;
            }
            Ok(())
        };
        self.change(principal, id, "enabled", change).await
    }

    /// Whether the credential that an endpoint reads with is good no more.
    pub(crate) fn is_over(&self, endpoint: &Endpoint) -> bool {
        self.ground.audience(endpoint).1 == Standing::Over
    }

    /// Removes an endpoint and all that waits for it.
    ///
    /// # Errors
    /// [`Failure::NotFound`], or what the records have against it.
    pub(crate) async fn delete(&self, principal: &Principal, id: Uuid) -> Result<(), Failure> {
        let (tenant, actor) = (principal.tenant.to_string(), principal.subject.clone());
        let now = self.ground.clock.now_ms();
        let removed = self.ground.records.write(move |tx: &mut Transaction<'_>| {
            let endpoint = endpoints::by_id(tx, &tenant, id)?.ok_or(Failure::NotFound)?;
            endpoints::delete(tx, id)?;
            let told = draft(
                EventType::WebhookEndpointDeleted,
                &endpoint,
                Some(&actor),
                &[],
            );
            Ok::<_, Failure>(append(tx, &[told], now)?)
        });
        removed.await?;
        self.told();
        Ok(())
    }

    /// Has a dead letter tried again from the beginning.
    ///
    /// # Errors
    /// [`Failure::NotFound`], or what the records have against it.
    pub(crate) async fn revive(
        &self,
        principal: &Principal,
        id: Uuid,
        delivery: Uuid,
    ) -> Result<(), Failure> {
        let tenant = principal.tenant.to_string();
        let now = self.ground.clock.now_ms();
        let revived = self.ground.records.write(move |tx: &mut Transaction<'_>| {
            endpoints::by_id(tx, &tenant, id)?.ok_or(Failure::NotFound)?;
            if !deliveries::revive(tx, id, delivery, now)? {
                return Err(Failure::NotFound);
            }
            Ok(endpoints::nudge(tx, id)?)
        });
        revived.await?;
        self.ground.changed.notify_one();
        Ok(())
    }

    /// Says where an endpoint stands, for replays.
    pub(crate) fn stands_behind(endpoint: &Endpoint, log: stentor_bus::Log, seq: u64) -> bool {
        let place: Cursor = endpoint.place;
        seq <= place.place(log).seq
    }
}
