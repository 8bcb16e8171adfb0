//! Charts as SVG made on the server.
//!
//! A chart has no fixed width: its lines are in a picture that is stretched without its strokes, its labels beside it at
//! percentages. Each value is also the `title` of an invisible area, which browsers show under the pointer and which the
//! script reads out for the pointer and the arrow keys.

mod bars;
mod frame;
mod histogram;
mod line;
mod sparkline;
mod ticks;
mod uptime;

pub use bars::{Bar, bars};
pub use histogram::Histogram;
pub use line::{LineChart, Series};
pub use sparkline::sparkline;
pub use ticks::{TimeTicks, ValueTicks};
pub use uptime::{Uptime, UptimeCell};

/// A part of a whole as an SVG percentage; nothing of nothing is 0.
pub(crate) fn percent_of(part: i64, whole: i64) -> String {
    share(part as f64 / whole.max(1) as f64)
}

/// A share as an SVG percentage.
pub(crate) fn share(share: f64) -> String {
    format!("{:.3}%", share * 100.0)
}
