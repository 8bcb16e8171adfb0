//! What work costs a connection, in the unit in which its queries are charged: rows (R4.5).

use std::time::Duration;

use crate::connection::Connection;
use crate::state::Settings;

/// What each microsecond of work is charged: about as many rows as a scan looks at in that time.
const ROWS_PER_MICROSECOND: u64 = 1;

/// What work is charged that took this long.
pub(crate) fn rows(work: Duration) -> u64 {
    let micros = u64::try_from(work.as_micros()).unwrap_or(u64::MAX);
    micros.saturating_mul(ROWS_PER_MICROSECOND)
}

impl Connection {
    /// Charges these rows, and what was done for the connection in other threads since the last time.
    pub(crate) fn charge(&mut self, settings: &Settings, rows: u64) {
        let rows = rows.saturating_add(self.client.take_debt());
        let (meters, rates) = (&self.state.meters, &settings.config.rates);
        meters.charge(&mut self.meter, rates, rows);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r4_5_time_is_charged_as_rows() {
        assert_eq!(rows(Duration::from_millis(3)), 3_000);
        assert_eq!(rows(Duration::from_nanos(999)), 0);
        assert_eq!(rows(Duration::MAX), u64::MAX);
    }
}
