//! What is known of a stretch of time: a strip of intervals, its legend, and the same as a table.

mod layout;

use maud::{Markup, html};

use crate::chart::{TimeTicks, percent_of};
use crate::format::{axis_label, percent, utc};

pub use layout::{Coverage, Interval};
use layout::{Piece, lay_out, shares};

/// How many rows the table has; the strip has all.
const MAX_ROWS: usize = 200;
/// The height of the strip, in pixels.
const HEIGHT: u32 = 28;

/// A strip of intervals.
#[derive(Debug, Clone, PartialEq)]
pub struct Intervals<'a> {
    /// Unique on the page, of letters, digits and `-`.
    pub id: &'a str,
    /// Of what it is.
    pub label: &'a str,
    /// Where the strip begins, in seconds since 1970.
    pub from: i64,
    /// Where it ends; what lies outside of it is cut off.
    pub to: i64,
    /// The intervals, in any order. What none of them covers was never asked for; where two overlap, the one that begins first
    /// counts.
    pub intervals: &'a [Interval<'a>],
}

impl Intervals<'_> {
    /// The strip, the legend and the table. More than 500 pieces are drawn as 500 of equal length, each as the worst within it; the
    /// table has the first 200.
    #[must_use]
    pub fn render(&self) -> Markup {
        let pieces = lay_out(self.from, self.to, self.intervals);
        let shares = shares(&pieces, self.from, self.to);
        html! {
            figure class="intervals" {
                figcaption { (self.label) }
                (self.strip(&layout::drawn(&pieces, self.from, self.to)))
                (self.axis())
                p class="readout" data-readout aria-hidden="true" {}
                (self.legend(&shares))
                (table(&pieces))
            }
        }
    }

    fn pattern(&self, coverage: Coverage) -> String {
        format!("{}-{}", self.id, coverage.class())
    }

    fn strip(&self, pieces: &[Piece<'_>]) -> Markup {
        let x = |at: i64| {
            percent_of(
                at.saturating_sub(self.from),
                self.to.saturating_sub(self.from),
            )
        };
        html! {
            svg class="strip" width="100%" height=(HEIGHT) role="img" aria-label={ (self.label) ", as a strip; the table below says the same" }
                data-scrub {
                (self.patterns())
                @for piece in pieces {
                    rect class={ "hit span-" (piece.coverage.class()) } x=(x(piece.from)) y="0" height=(HEIGHT)
                        width=(percent_of(piece.to.saturating_sub(piece.from), self.to.saturating_sub(self.from)))
                        fill={ "url(#" (self.pattern(piece.coverage)) ")" } {
                        title { (said(piece)) }
                    }
                }
            }
        }
    }

    /// A pattern for each kind, so that colour is not needed to tell them apart.
    fn patterns(&self) -> Markup {
        html! {
            defs {
                @for coverage in Coverage::ALL {
                    pattern id=(self.pattern(coverage)) class={ "fill-" (coverage.class()) } width="8" height="8" patternUnits="userSpaceOnUse" {
                        rect class="under" width="8" height="8" {}
                        path class="over" d=(coverage.pattern()) {}
                    }
                }
            }
        }
    }

    fn axis(&self) -> Markup {
        let ticks = TimeTicks::between(self.from, self.to, 6);
        html! {
            svg class="strip-axis" width="100%" height="18" aria-hidden="true" {
                @for (number, at) in ticks.values.iter().enumerate() {
                    text class=[(number % 2 == 1).then_some("spare")] y="13"
                        x=(percent_of(at.saturating_sub(self.from), self.to.saturating_sub(self.from)))
                        text-anchor=(ticks.anchor(*at)) { (axis_label(*at, ticks.step)) }
                }
            }
        }
    }

    fn legend(&self, shares: &[(Coverage, f64)]) -> Markup {
        html! {
            ul class="legend" {
                @for (coverage, share) in shares {
                    li {
                        svg width="16" height="12" aria-hidden="true" {
                            rect class={ "span-" (coverage.class()) } width="16" height="12" fill={ "url(#" (self.pattern(*coverage)) ")" } {}
                        }
                        (coverage.label()) " " span class="legend-value" { (percent(*share)) }
                    }
                }
            }
        }
    }
}

fn said(piece: &Piece<'_>) -> String {
    let mut text = format!(
        "{}: {} – {}",
        piece.coverage.label(),
        utc(piece.from),
        utc(piece.to)
    );
    if !piece.reason.is_empty() {
        text.push_str(" – ");
        text.push_str(piece.reason);
    }
    text
}

fn table(pieces: &[Piece<'_>]) -> Markup {
    html! {
        details class="as-table" {
            summary { "As a table" }
            div class="scroll" role="region" tabindex="0" aria-label="Intervals" {
                table {
                    thead { tr { th scope="col" { "From" } th scope="col" { "To" } th scope="col" { "Is" } th scope="col" { "Reason" } } }
                    tbody {
                        @for piece in pieces.iter().take(MAX_ROWS) {
                            tr { td { (utc(piece.from)) } td { (utc(piece.to)) } td { (piece.coverage.label()) } td { (piece.reason) } }
                        }
                    }
                }
            }
            @if pieces.len() > MAX_ROWS { p { "And " (pieces.len() - MAX_ROWS) " more." } }
        }
    }
}
