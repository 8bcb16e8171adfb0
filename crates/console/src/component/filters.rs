//! A form whose fields are in the address, so that what was chosen can be kept and passed on as a link.

use maud::{Markup, html};

use crate::query::{CURSOR, Query};

/// A field. Its name is that of the parameter, from which its value is taken.
#[derive(Debug, Clone, PartialEq)]
pub enum Field<'a> {
    /// A word or words to look for.
    Text {
        /// The parameter.
        name: &'a str,
        /// What it is called.
        label: &'a str,
        /// An example.
        placeholder: &'a str,
    },
    /// A whole number.
    Number {
        /// The parameter.
        name: &'a str,
        /// What it is called, with its unit.
        label: &'a str,
        /// The smallest.
        min: i64,
        /// The largest.
        max: i64,
    },
    /// One of several.
    Select {
        /// The parameter.
        name: &'a str,
        /// What it is called.
        label: &'a str,
        /// Values and their labels; an empty value is none.
        options: &'a [(&'a str, &'a str)],
    },
    /// Any of several: the parameter comes once for each.
    Checkboxes {
        /// The parameter.
        name: &'a str,
        /// What they are together.
        label: &'a str,
        /// Values and their labels.
        options: &'a [(&'a str, &'a str)],
    },
}

impl Field<'_> {
    const fn name(&self) -> &str {
        match self {
            Self::Text { name, .. }
            | Self::Number { name, .. }
            | Self::Select { name, .. }
            | Self::Checkboxes { name, .. } => name,
        }
    }
}

/// A form of filters. With the script it answers while it is filled in: the part of the page named `target` is fetched by the new
/// address, which takes the place of the old one.
#[derive(Debug, Clone, PartialEq)]
pub struct Filters<'a> {
    /// The address of the page.
    pub query: &'a Query,
    /// The fields.
    pub fields: &'a [Field<'a>],
    /// More fields, folded away while none of them asks for anything.
    pub folded: &'a [Field<'a>],
    /// The name of the [fragment](crate::live::fragment) with what is filtered.
    pub target: &'a str,
}

impl Filters<'_> {
    /// The form.
    #[must_use]
    pub fn render(&self) -> Markup {
        let all = || self.fields.iter().chain(self.folded);
        let mine = |name: &str| all().any(|field| field.name() == name);
        // Sorting and the like go on; a cursor of another list would be wrong.
        let kept = || {
            self.query
                .pairs()
                .filter(|(name, _)| *name != CURSOR && !mine(name))
        };
        let cleared = all().fold(self.query.without(CURSOR), |query, field| {
            query.without(field.name())
        });
        let asked = self
            .folded
            .iter()
            .filter(|field| self.query.get(field.name()).is_some());
        let asked = asked.count();
        html! {
            form class="filters" method="get" action=(self.query.path()) role="search" data-filter=(self.target) {
                @for (name, value) in kept() { input type="hidden" name=(name) value=(value); }
                @for field in self.fields { (self.field(field)) }
                @if !self.folded.is_empty() {
                    details class="more-filters" open[asked > 0] {
                        summary { "More filters" }
                        div class="fields" { @for field in self.folded { (self.field(field)) } }
                    }
                }
                div class="filter-ends" {
                    button type="submit" { "Apply" }
                    a href=(cleared.href()) { "Clear" }
                }
                // What the server has against what is being filled in.
                p class="filter-problem" role="status" data-filter-problem hidden {}
            }
        }
    }

    fn field(&self, field: &Field<'_>) -> Markup {
        let value = self.query.get(field.name()).unwrap_or_default();
        html! {
            @match field {
                Field::Text { name, label, placeholder } => {
                    label class="field" {
                        span { (label) }
                        input type="search" name=(name) value=(value) placeholder=(placeholder) maxlength="200" autocomplete="off"
                            autocapitalize="none" spellcheck="false";
                    }
                }
                Field::Number { name, label, min, max } => {
                    label class="field field-short" {
                        span { (label) }
                        input type="number" name=(name) value=(value) min=(min) max=(max) inputmode="numeric";
                    }
                }
                Field::Select { name, label, options } => {
                    label class="field" {
                        span { (label) }
                        select name=(name) {
                            @for (option, text) in *options {
                                option value=(option) selected[*option == value] { (text) }
                            }
                        }
                    }
                }
                Field::Checkboxes { name, label, options } => {
                    fieldset class="field" {
                        legend { (label) }
                        div class="choices" {
                            @for (option, text) in *options {
                                label {
                                    input type="checkbox" name=(name) value=(option)
                                        checked[self.query.all(name).any(|chosen| chosen == *option)];
                                    span { (text) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn o4_4_fields_have_what_the_address_says_and_keep_the_order() {
        let query = Query::new(
            "/r",
            Some("q=a%22b&state=online&state=offline&net=tor&rtt=50&sort=-rtt&after=x"),
        );
        let html = Filters {
            query: &query,
            fields: &[
                Field::Text {
                    name: "q",
                    label: "Name",
                    placeholder: "",
                },
                Field::Number {
                    name: "rtt",
                    label: "Slower than, ms",
                    min: 0,
                    max: 9,
                },
                Field::Select {
                    name: "net",
                    label: "Network",
                    options: &[("", "any"), ("tor", "Tor")],
                },
                Field::Checkboxes {
                    name: "state",
                    label: "State",
                    options: &[("online", "x"), ("unknown", "y"), ("offline", "z")],
                },
            ],
            folded: &[],
            target: "relays",
        }
        .render()
        .into_string();
        assert!(html.contains("value=\"a&quot;b\"") && html.contains("value=\"50\""));
        assert!(html.contains("<option value=\"tor\" selected>"));
        assert_eq!(html.matches(" checked").count(), 2);
        assert!(html.contains("<input type=\"hidden\" name=\"sort\" value=\"-rtt\">"));
        assert_eq!(html.matches("type=\"hidden\"").count(), 1);
        assert!(html.contains("<a href=\"/r?sort=-rtt\">Clear</a>"));
    }

    #[test]
    fn o4_4_folded_fields_are_open_where_they_ask_for_something() {
        let form = |raw| {
            Filters {
                query: &Query::new("/r", Some(raw)),
                fields: &[],
                folded: &[Field::Text {
                    name: "q",
                    label: "Name",
                    placeholder: "",
                }],
                target: "relays",
            }
            .render()
            .into_string()
        };
        assert!(form("q=a&x=1").contains("<details class=\"more-filters\" open>"));
        assert!(form("q=a&x=1").contains("<a href=\"/r?x=1\">Clear</a>"));
        assert!(form("x=1").contains("<details class=\"more-filters\">"));
    }
}
