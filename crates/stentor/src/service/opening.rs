//! Opening the store, which another process may still hold.

use std::sync::Arc;
use std::time::{Duration, Instant};

use stentor_store::StoreError;
use stentor_store::embedded::{Options, Store};
use tracing::info;

use super::succession::Handover;
use crate::access;
use crate::heir::Claim;
use crate::layout::Layout;

/// How long a store that another process holds is waited for: a predecessor may still be letting go of it.
const PATIENCE: Duration = Duration::from_secs(15);
const PAUSE: Duration = Duration::from_millis(50);

/// Opens the store, away from the threads that answer the operations listener. What keeps it for this process while a
/// predecessor ends is held until it is open.
///
/// # Errors
/// Those of the engine; when another process holds it for too long.
pub async fn open(
    layout: &Layout,
    options: Options,
    handover: Option<Handover>,
) -> anyhow::Result<Arc<Store>> {
    let (begun, mut told) = (Instant::now(), false);
    let patience = PATIENCE + handover.as_ref().map_or(Duration::ZERO, |one| one.ending);
    loop {
        let claim = match &handover {
            Some(_) => None,
            None => Claim::shared(layout)?,
        };
        let path = layout.relay_store();
        let opened = if handover.is_some() || claim.is_some() {
            let (path, options) = (path, options.clone());
            tokio::task::spawn_blocking(move || access::open_store(&path, options)).await?
        } else {
            Err(StoreError::InUse { path, pid: None })
        };
        drop(claim);
        match opened {
            Ok(store) => {
                info!(seconds = begun.elapsed().as_secs_f64(), "store opened");
                return Ok(store);
            }
            Err(StoreError::InUse { .. }) if begun.elapsed() < patience => {
                if !std::mem::replace(&mut told, true) {
                    info!("another process holds the store: waiting for it");
                }
                tokio::time::sleep(PAUSE).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
}
