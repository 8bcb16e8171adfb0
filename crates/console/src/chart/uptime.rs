//! How much of the time something was up: one cell for each interval, as high as its share.

use maud::{Markup, html};

use super::{percent_of, share};
use crate::component::State;
use crate::format::{percent, utc};

/// How many cells are drawn: the last ones.
pub const MAX_CELLS: usize = 400;
/// The height of a cell, in pixels.
const HEIGHT: f64 = 36.0;
/// The height of a cell of nothing, so that it is seen.
const LEAST: f64 = 5.0;

/// An interval of checks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct UptimeCell {
    /// Its first second, since 1970.
    pub from: i64,
    /// The second after its last.
    pub to: i64,
    /// The share of checks that found it up, 0 to 1; none where there was no check.
    pub up: Option<f64>,
    /// Whether it was slower than usual.
    pub degraded: bool,
}

impl UptimeCell {
    /// The state that the cell is drawn in.
    #[must_use]
    pub fn state(&self) -> State {
        match self.known() {
            None => State::Unknown,
            Some(up) if up >= 1.0 && !self.degraded => State::Online,
            Some(up) if up >= 0.5 => State::Degraded,
            Some(_) => State::Offline,
        }
    }

    fn known(&self) -> Option<f64> {
        self.up
            .filter(|up| up.is_finite())
            .map(|up| up.clamp(0.0, 1.0))
    }
}

/// The cells of a period.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Uptime<'a> {
    /// Of what, and over which period.
    pub label: &'a str,
    /// The cells, ascending; the last 400 are drawn.
    pub cells: &'a [UptimeCell],
}

impl Uptime<'_> {
    /// The share of the time that was checked; none where nothing was.
    #[must_use]
    pub fn share(&self) -> Option<f64> {
        let known = || {
            self.cells
                .iter()
                .filter_map(|cell| Some((cell, cell.known()?)))
        };
        let length = |cell: &UptimeCell| cell.to.saturating_sub(cell.from).max(0) as f64;
        let all: f64 = known().map(|(cell, _)| length(cell)).sum();
        let up: f64 = known().map(|(cell, up)| length(cell) * up).sum();
        (all > 0.0).then(|| up / all)
    }

    /// The bar, with its share in words.
    #[must_use]
    pub fn render(&self) -> Markup {
        let skipped = self.cells.len().saturating_sub(MAX_CELLS);
        let cells = self.cells.get(skipped..).unwrap_or_default();
        let said = self
            .share()
            .map_or_else(|| "not checked".to_owned(), percent);
        let down = cells
            .iter()
            .filter(|cell| cell.state() == State::Offline)
            .count();
        let from = cells.first().map_or(0, |cell| cell.from);
        let length = cells.last().map_or(0, |cell| cell.to.saturating_sub(from));
        html! {
            figure class="uptime" {
                figcaption { (self.label) " " strong { (said) } }
                svg width="100%" height=(HEIGHT) role="img"
                    aria-label={ (self.label) ": " (said) "; offline in " (down) " of " (cells.len()) " intervals" } data-scrub {
                    @for cell in cells {
                        (cell_drawn(cell, from, length))
                    }
                }
                p class="readout" data-readout aria-hidden="true" {}
            }
        }
    }
}

fn cell_drawn(cell: &UptimeCell, from: i64, length: i64) -> Markup {
    let height = match (cell.state(), cell.known()) {
        (State::Online, _) => HEIGHT,
        // One that was slow but up is lower than one that was well, so that colour is not needed.
        (_, Some(up)) => LEAST + (HEIGHT - LEAST) * 0.75 * up,
        (_, None) => 1.5,
    };
    let width = cell.to.saturating_sub(cell.from) as f64 / length.max(1) as f64;
    let said = match cell.known() {
        Some(up) if cell.degraded => format!("{} up, slower than usual", percent(up)),
        Some(up) => format!("{} up", percent(up)),
        None => "not checked".to_owned(),
    };
    let x = percent_of(cell.from.saturating_sub(from), length);
    html! {
        rect class={ "cell " (cell.state().class()) } x=(x) width=(share(width * 0.86)) y=(HEIGHT - height) height=(height) {}
        rect class="hit" x=(x) width=(share(width)) y="0" height=(HEIGHT) {
            title { (utc(cell.from)) " – " (utc(cell.to)) ": " (said) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn cell(from: i64, to: i64, up: Option<f64>) -> UptimeCell {
        UptimeCell {
            from,
            to,
            up,
            degraded: false,
        }
    }

    #[test]
    fn o2_4_untested_time_counts_neither_way() {
        let cells = [
            cell(0, 10, Some(1.0)),
            cell(10, 20, None),
            cell(20, 50, Some(0.0)),
            cell(50, 60, Some(f64::NAN)),
        ];
        let uptime = Uptime {
            label: "24 h",
            cells: &cells,
        };
        assert_eq!(uptime.share(), Some(0.25));
        assert_eq!(
            Uptime {
                label: "24 h",
                cells: &cells[1..2]
            }
            .share(),
            None
        );
        let states: Vec<State> = cells.iter().map(UptimeCell::state).collect();
        assert_eq!(
            states,
            [
                State::Online,
                State::Unknown,
                State::Offline,
                State::Unknown
            ]
        );
        let html = uptime.render().into_string();
        assert!(html.contains("offline in 1 of 4 intervals") && html.contains(": not checked"));
    }
}
