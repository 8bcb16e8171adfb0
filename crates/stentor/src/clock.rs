//! The time of day.

use std::time::{SystemTime, UNIX_EPOCH};

use stentor_event::Timestamp;

/// Now, in seconds since 1970; 0 while the clock is before that.
pub fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    Timestamp(since.map_or(0, |since| since.as_secs()))
}
