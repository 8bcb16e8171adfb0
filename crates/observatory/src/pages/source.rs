//! Of what or when something is, and where programs have the same from.

use maud::{Markup, html};

/// What stands before every question over HTTP.
const BEGINNING: &str = "/api/v1/observatory/";

/// A line with `of`, in words, and links to the answer of a question as JSON and, where it is a list, as CSV.
pub(super) fn source(of: &str, question: &str, is_list: bool) -> Markup {
    let sign = if question.contains('?') { '&' } else { '?' };
    html! {
        p class="source" {
            (of) " · " a href={ (BEGINNING) (question) } { "JSON" }
            @if is_list { " · " a href={ (BEGINNING) (question) (sign) "format=csv" } { "CSV" } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn o4_4_a_list_is_there_as_csv_too() {
        let html = source("now", "relays?sort=-events&text=%3C", true).into_string();
        let csv = "href=\"/api/v1/observatory/relays?sort=-events&amp;text=%3C&amp;format=csv\"";
        assert!(html.contains(csv), "{html}");
        let html = source("now", "network", false).into_string();
        assert!(html.contains("href=\"/api/v1/observatory/network\"") && !html.contains("CSV"));
    }
}
