//! Making, listing and disabling tenants.

use serde::Serialize;
use stentor_event::Timestamp;
use stentor_sql::{Row, Transaction};

use super::{Registry, load};
use crate::{ManageError, Tenant, schema};

/// Most tenants in one page of a list.
const MOST_LISTED: u32 = 1_000;

/// What is kept of a tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TenantRecord {
    /// Its name.
    pub name: Tenant,
    /// When it was made, in Unix seconds.
    pub created_at: u64,
    /// When it was disabled, if it is.
    pub disabled_at: Option<u64>,
}

impl Registry {
    /// Makes a tenant.
    ///
    /// # Errors
    /// [`ManageError::TenantExists`], also for a disabled one; [`ManageError::TooMany`]; those of the database.
    pub async fn create_tenant(&self, name: Tenant, now: Timestamp) -> Result<(), ManageError> {
        let most = self.limits.tenants;
        self.records
            .write(move |tx| create(tx, &name, most, now))
            .await?;
        self.changed(now).await;
        Ok(())
    }

    /// Tenants in the order of their names, from after this one on.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn tenants(
        &self,
        after: Option<&Tenant>,
        limit: u32,
    ) -> Result<Vec<TenantRecord>, ManageError> {
        let rows: Vec<Row> = self
            .records
            .fetch_all(
                "SELECT name, created_at, disabled_at FROM auth_tenants WHERE name > ? ORDER BY name LIMIT ?",
                (after.map(Tenant::as_str).unwrap_or_default(), limit.min(MOST_LISTED)),
            )
            .await?;
        rows.iter().map(load::tenant).collect()
    }

    /// Disables a tenant, which ends all its streams on all nodes, or lets it be used again. `false`: it was so already.
    ///
    /// # Errors
    /// [`ManageError::DefaultTenant`], [`ManageError::NoSuchTenant`], or those of the database.
    pub async fn disable_tenant(
        &self,
        name: Tenant,
        disabled: bool,
        now: Timestamp,
    ) -> Result<bool, ManageError> {
        if name.is_default() {
            return Err(ManageError::DefaultTenant);
        }
        let changed = self
            .records
            .write(move |tx| disable(tx, &name, disabled, now))
            .await?;
        self.changed(now).await;
        Ok(changed)
    }
}

fn create(
    tx: &mut Transaction<'_>,
    name: &Tenant,
    most: u64,
    now: Timestamp,
) -> Result<(), ManageError> {
    let (tenants,): (u64,) = tx.fetch_one("SELECT COUNT(*) FROM auth_tenants", ())?;
    if most != 0 && tenants >= most {
        return Err(ManageError::TooMany {
            what: "tenants",
            most,
        });
    }
    let version = schema::next_version(tx)?;
    let made = tx.execute(
        "INSERT INTO auth_tenants (name, created_at, version) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        (name.as_str(), now.0 as i64, version),
    )?;
    match made {
        0 => Err(ManageError::TenantExists(name.to_string())),
        _ => Ok(()),
    }
}

fn disable(
    tx: &mut Transaction<'_>,
    name: &Tenant,
    disabled: bool,
    now: Timestamp,
) -> Result<bool, ManageError> {
    let found: Option<(Option<i64>,)> = tx.fetch_optional(
        "SELECT disabled_at FROM auth_tenants WHERE name = ?",
        (name.as_str(),),
    )?;
    let (since,) = found.ok_or_else(|| ManageError::NoSuchTenant(name.to_string()))?;
    if since.is_some() == disabled {
        return Ok(false);
    }
    let version = schema::next_version(tx)?;
    tx.execute(
        "UPDATE auth_tenants SET disabled_at = ?, version = ? WHERE name = ?",
        (disabled.then_some(now.0 as i64), version, name.as_str()),
    )?;
    Ok(true)
}
