//! Where programs have the same from.

use stentor_console::{Markup, html};

/// What stands before every question over HTTP.
const BEGINNING: &str = "/api/v1/observatory/";

/// The address of a question, as JSON.
pub(super) fn address(question: &str) -> String {
    format!("{BEGINNING}{question}")
}

/// Links to the same as JSON and, where it is a list, as CSV; `of` says of what or of when it is.
pub(super) fn source(of: &str, question: &str, is_list: bool) -> Markup {
    let json = address(question);
    let sign = if question.contains('?') { '&' } else { '?' };
    html! {
        p class="source" {
            (of) " · " a href=(json) { "JSON" span class="unseen" { " of this" } }
            @if is_list { " · " a href={ (json) (sign) "format=csv" } { "CSV" span class="unseen" { " of this" } } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn o4_4_a_list_is_there_as_csv_too() {
        let html = source("now", "relays?sort=-events&text=%3C", true).into_string();
        assert!(html.contains("href=\"/api/v1/observatory/relays?sort=-events&amp;text=%3C&amp;format=csv\""));
        let html = source("now", "network", false).into_string();
        assert!(html.contains("href=\"/api/v1/observatory/network\"") && !html.contains("CSV"));
    }
}
