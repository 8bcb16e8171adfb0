//! `stentor admin keys` and `stentor admin tenants`.

use clap::{Args, Subcommand};

use crate::control::LettingJob;

/// API keys of the gateway
#[derive(Debug, Subcommand)]
pub enum Keys {
    /// Makes a key and prints it: it cannot be shown again
    Create(CreateKey),
    /// Lists keys, also those that have ended within the last 90 days
    List {
        /// Those of this tenant only
        #[arg(long)]
        tenant: Option<String>,
    },
    /// Shows who came, what was done to credentials, and who was not let in; the newest first
    Audit {
        /// Of this tenant only; failures are of none
        #[arg(long)]
        tenant: Option<String>,
        /// Only lines before the one of this number
        #[arg(long)]
        before: Option<i64>,
        /// At most so many
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1_000))]
        limit: u32,
    },
    /// Ends a key, and all streams of it within seconds
    Revoke {
        /// Its public id
        id: String,
    },
}

/// What a new key is to be.
#[derive(Debug, Args)]
pub struct CreateKey {
    /// What it is for, for your own eyes
    #[arg(long)]
    name: String,
    /// Whose it is
    #[arg(long, default_value = "default")]
    tenant: String,
    /// What it may do: `events:nostr:read`, `events:jobs:read:own` and so on; several times, or with commas between
    #[arg(long = "scope", value_delimiter = ',', required = true)]
    scopes: Vec<String>,
    /// A Nostr key (64 hex digits or npub1…) whose private events it is shown
    #[arg(long)]
    nostr_key: Option<String>,
    /// After how many days it ends; else it does not
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=36_500))]
    days: Option<u64>,
}

/// Tenants of the gateway
#[derive(Debug, Subcommand)]
pub enum Tenants {
    /// Makes a tenant
    Create {
        /// 1 to 64 of a-z, 0-9, _ and -
        name: String,
    },
    /// Lists tenants
    List,
    /// Locks a tenant out: its keys and streams end within seconds
    Lock {
        /// Which
        name: String,
    },
    /// Lets a tenant in again
    Unlock {
        /// Which
        name: String,
    },
}

impl Keys {
    pub fn job(self) -> LettingJob {
        match self {
            Self::Create(key) => LettingJob::CreateKey {
                name: key.name,
                tenant: key.tenant,
                scopes: key.scopes.join(" "),
                nostr_key: key.nostr_key,
                days: key.days,
            },
            Self::List { tenant } => LettingJob::ListKeys { tenant },
            Self::Audit {
                tenant,
                before,
                limit,
            } => LettingJob::Audit {
                tenant,
                before,
                limit,
            },
            Self::Revoke { id } => LettingJob::RevokeKey { id },
        }
    }
}

impl Tenants {
    pub fn job(self) -> LettingJob {
        match self {
            Self::Create { name } => LettingJob::CreateTenant { name },
            Self::List => LettingJob::ListTenants,
            Self::Lock { name } => LettingJob::LockTenant { name, locked: true },
            Self::Unlock { name } => LettingJob::LockTenant {
                name,
                locked: false,
            },
        }
    }
}
