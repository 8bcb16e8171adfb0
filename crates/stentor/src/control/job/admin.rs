//! Managing the relay.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::Value;
use stentor_event::Timestamp;
use stentor_relay::access::Actor;
use stentor_relay::management::Management;

use super::Workshop;

pub async fn run(workshop: &Workshop, method: &str, params: &[Value]) -> anyhow::Result<Value> {
    let access = workshop.records.access().await?;
    let management = Management::new(access, Arc::clone(&workshop.store) as _);
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = Timestamp(since.map_or(0, |since| since.as_secs()));
    Ok(management
        .call(method, params, &Actor::shell(), true, now)
        .await?)
}
