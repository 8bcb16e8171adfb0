//! What a chart with a vertical axis stands in: title, legend, axis, grid.

use maud::{Markup, html};

use super::ticks::ValueTicks;

/// The height of what is drawn, in pixels.
pub(super) const PLOT: f64 = 180.0;
/// Room above it, for half of the topmost label.
pub(super) const ABOVE: f64 = 10.0;
/// Room below it, for the labels of the other axis.
const BELOW: f64 = 24.0;
/// The height of all.
pub(super) const HEIGHT: f64 = ABOVE + PLOT + BELOW;
/// Where the labels below stand.
pub(super) const LABELS: f64 = HEIGHT - 6.0;

/// The frame of one chart.
pub(super) struct Frame<'a> {
    pub(super) title: &'a str,
    /// What the chart says, in a sentence.
    pub(super) summary: &'a str,
    pub(super) ticks: &'a ValueTicks,
    /// A value as it is written.
    pub(super) format: fn(f64) -> String,
}

impl Frame<'_> {
    /// The chart, with what is drawn in it and its legend.
    pub(super) fn around(&self, legend: &Markup, drawn: &Markup) -> Markup {
        html! {
            figure class="chart" {
                figcaption { (self.title) }
                (legend)
                div class="plot-row" {
                    svg class="y-axis" width="64" height=(HEIGHT) aria-hidden="true" {
                        @for value in &self.ticks.values {
                            text x="56" y=(self.y(*value) + 4.0) text-anchor="end" { ((self.format)(*value)) }
                        }
                    }
                    svg class="plot" width="100%" height=(HEIGHT) role="img" aria-label={ (self.title) ": " (self.summary) } data-scrub {
                        title { (self.title) }
                        desc { (self.summary) }
                        @for value in &self.ticks.values {
                            line class="grid" x1="0" x2="100%" y1=(self.y(*value)) y2=(self.y(*value)) {}
                        }
                        (drawn)
                    }
                }
                p class="readout" data-readout aria-hidden="true" {}
            }
        }
    }

    /// Where a value is, in pixels from above.
    pub(super) fn y(&self, value: f64) -> f64 {
        let share = (value / self.ticks.top()).clamp(0.0, 1.0);
        ((ABOVE + PLOT * (1.0 - share)) * 10.0).round() / 10.0
    }
}
