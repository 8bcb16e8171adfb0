//! Managing the relay.

use std::sync::Arc;

use serde_json::Value;
use stentor_relay::access::Actor;
use stentor_relay::management::Management;

use super::Workshop;
use crate::clock;

pub async fn run(workshop: &Workshop, method: &str, params: &[Value]) -> anyhow::Result<Value> {
    let access = workshop.records.access().await?;
    let management = Management::new(access, Arc::clone(&workshop.store) as _);
    Ok(management
        .call(method, params, &Actor::shell(), true, clock::now())
        .await?)
}
