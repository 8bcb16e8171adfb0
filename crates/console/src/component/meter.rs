//! A share as a bar.

use maud::{Markup, html};

use crate::format::percent;

/// A bar filled to `share` (0 to 1) with the percentage beside it; `label` says of what, for readers who do not see it. What is no
/// number is drawn as nothing and written `–`.
#[must_use]
pub fn meter(share: f64, label: &str) -> Markup {
    let known = share.is_finite();
    let filled = if known { share.clamp(0.0, 1.0) } else { 0.0 };
    html! {
        span class="meter" {
            svg viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true" {
                rect class="meter-all" width="100" height="6" {}
                rect class="meter-part" width=(format!("{:.2}", filled * 100.0)) height="6" {}
            }
            span class="meter-text" {
                span class="unseen" { (label) ": " }
                (percent(share))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn o4_4_a_meter_stays_in_its_bounds() {
        for share in [-1.0, 0.0, 0.5, 7.0, f64::NAN, f64::INFINITY] {
            let html = meter(share, "x").into_string();
            let width: f64 = html
                .rsplit_once("width=\"")
                .unwrap()
                .1
                .split('"')
                .next()
                .unwrap()
                .parse()
                .unwrap();
            assert!((0.0..=100.0).contains(&width), "{share}: {width}");
        }
    }
}
