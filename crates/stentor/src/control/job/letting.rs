//! Who is let in to the gateway: API keys and tenants.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use stentor_auth::{Audit, NewKey, Registry, Scopes, Tenant};
use stentor_event::{PublicKey, Timestamp};
use stentor_relay::config::parse_key;

use super::Workshop;
use crate::clock;

/// Keys and tenants that are listed, at most.
const MOST: u32 = 1_000;
const DAY: u64 = 86_400;

/// What to do about keys and tenants.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LettingJob {
    /// Makes a key; the result is the only place where it can be read.
    CreateKey {
        /// What it is for.
        name: String,
        /// Whose it is.
        tenant: String,
        /// What it may do, with spaces between.
        scopes: String,
        /// A Nostr key whose private events it is shown.
        nostr_key: Option<String>,
        /// After how many days it ends.
        days: Option<u64>,
    },
    /// The keys of a tenant, or all.
    ListKeys {
        /// Whose.
        tenant: Option<String>,
    },
    /// Lines of the audit.
    Audit {
        /// Whose.
        tenant: Option<String>,
        /// Those before this one.
        before: Option<i64>,
        /// At most so many.
        limit: u32,
    },
    /// Ends a key.
    RevokeKey {
        /// Which.
        id: String,
    },
    /// Makes a tenant.
    CreateTenant {
        /// What it is called.
        name: String,
    },
    /// The tenants.
    ListTenants,
    /// Locks a tenant out, or lets it in again.
    LockTenant {
        /// Which.
        name: String,
        /// Whether it is locked out.
        locked: bool,
    },
}

pub async fn run(workshop: &Workshop, job: LettingJob) -> anyhow::Result<Value> {
    let records = workshop.records.access().await?.records().clone();
    let now = clock::now();
    let registry = Registry::open(records, &workshop.key_limits, now).await?;
    match job {
        LettingJob::CreateKey {
            name,
            tenant,
            scopes,
            nostr_key,
            days,
        } => {
            let new = NewKey {
                name,
                tenant: tenant.parse()?,
                scopes: scopes.parse::<Scopes>()?,
                nostr_key: nostr_key.as_deref().map(nostr).transpose()?,
                expires_at: days.map(|days| Timestamp(now.0.saturating_add(days * DAY))),
            };
            created(&registry, new, now).await
        }
        LettingJob::ListKeys { tenant } => {
            let tenant = tenant.as_deref().map(str::parse::<Tenant>).transpose()?;
            let keys = registry.keys(tenant.as_ref(), None, MOST).await?;
            Ok(serde_json::to_value(keys)?)
        }
        LettingJob::Audit {
            tenant,
            before,
            limit,
        } => {
            let tenant = tenant.as_deref().map(str::parse::<Tenant>).transpose()?;
            let records = registry.records();
            let lines = Audit::lines(records, tenant.as_ref(), before, limit).await?;
            Ok(serde_json::to_value(lines)?)
        }
        LettingJob::RevokeKey { id } => Ok(json!(registry.revoke(&id, None, now).await?)),
        LettingJob::CreateTenant { name } => {
            registry.create_tenant(name.parse()?, now).await?;
            Ok(json!(true))
        }
        LettingJob::ListTenants => Ok(serde_json::to_value(registry.tenants(None, MOST).await?)?),
        LettingJob::LockTenant { name, locked } => {
            let changed = registry.disable_tenant(name.parse()?, locked, now).await?;
            Ok(json!(changed))
        }
    }
}

async fn created(registry: &Registry, new: NewKey, now: Timestamp) -> anyhow::Result<Value> {
    use secrecy::ExposeSecret;
    let minted = registry.mint(new, now).await?;
    let mut value = serde_json::to_value(&minted.key)?;
    if let Some(fields) = value.as_object_mut() {
        fields.insert("key".into(), minted.text.expose_secret().into());
    }
    Ok(value)
}

fn nostr(text: &str) -> anyhow::Result<PublicKey> {
    parse_key(text).ok_or_else(|| anyhow::anyhow!("not a public key: 64 hex digits or npub1…"))
}
