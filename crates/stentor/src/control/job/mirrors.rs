//! Telling how the mirrors are doing.

use serde_json::{Value, json};

use super::Workshop;

/// How each mirror is doing; `null` where no node runs, as nothing mirrors then.
pub fn run(workshop: &Workshop) -> anyhow::Result<Value> {
    let mirrors = workshop.mirrors.as_ref();
    Ok(mirrors.map_or(Value::Null, |mirrors| json!(mirrors.status())))
}
