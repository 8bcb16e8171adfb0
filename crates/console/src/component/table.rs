//! A table with a caption, columns that can be sorted by, and links from rows. On a narrow screen each row becomes a card.

use maud::{Markup, html};

use crate::component::empty::empty;
use crate::link::link;
use crate::query::{Query, Sort};

/// How many rows are drawn; a list longer than a page is what a [`Pager`](crate::component::Pager) is for.
pub const MAX_ROWS: usize = 1_000;

/// On which side the cells of a column are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Align {
    /// Text.
    Start,
    /// Numbers, so that their digits stand below each other.
    End,
}

/// A column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column<'a> {
    label: &'a str,
    key: Option<&'a str>,
    align: Align,
}

impl<'a> Column<'a> {
    /// A column of text.
    #[must_use]
    pub const fn text(label: &'a str) -> Self {
        Self::aligned(label, Align::Start)
    }

    /// A column of numbers.
    #[must_use]
    pub const fn number(label: &'a str) -> Self {
        Self::aligned(label, Align::End)
    }

    const fn aligned(label: &'a str, align: Align) -> Self {
        Self {
            label,
            key: None,
            align,
        }
    }

    /// One that the table can be sorted by, under this key. Text sorts from its first letter, numbers from the largest.
    #[must_use]
    pub const fn sortable(mut self, key: &'a str) -> Self {
        self.key = Some(key);
        self
    }
}

/// A row: its cells in the order of the columns, the first of which names it.
#[derive(Debug, Clone)]
pub struct Row {
    href: Option<String>,
    cells: Vec<Markup>,
}

impl Row {
    /// A row of these cells. Those beyond the columns are dropped.
    #[must_use]
    pub fn new(cells: Vec<Markup>) -> Self {
        Self { href: None, cells }
    }

    /// With a page of its own, which the first cell links to, and by which a row that changes its place is known.
    #[must_use]
    pub fn href(mut self, href: impl Into<String>) -> Self {
        self.href = Some(href.into());
        self
    }
}

/// A table.
#[derive(Debug, Clone)]
pub struct Table<'a> {
    /// What the rows are.
    pub caption: &'a str,
    /// The columns.
    pub columns: &'a [Column<'a>],
    /// The rows; the first 1,000 are drawn.
    pub rows: &'a [Row],
    /// The address of the page, which links for sorting change.
    pub query: &'a Query,
    /// The order in which the rows are; not always what the address asks for.
    pub sort: Option<&'a Sort>,
    /// What is said when there is no row.
    pub empty: &'a str,
}

impl Table<'_> {
    /// The table in a box that scrolls by itself, or words where there is no row.
    ///
    /// Roles are named, as some browsers take them away from a table whose rows are laid out as cards.
    #[must_use]
    pub fn render(&self) -> Markup {
        if self.rows.is_empty() {
            return empty(self.caption, self.empty);
        }
        html! {
            div class="scroll" role="region" tabindex="0" aria-label=(self.caption) {
                table class="cards" role="table" {
                    caption { (self.caption) }
                    thead role="rowgroup" {
                        tr role="row" { @for column in self.columns { (self.heading(column)) } }
                    }
                    tbody role="rowgroup" {
                        @for row in self.rows.iter().take(MAX_ROWS) { (self.row(row)) }
                    }
                }
            }
        }
    }

    fn heading(&self, column: &Column<'_>) -> Markup {
        let number = column.align == Align::End;
        let class = number.then_some("num");
        let Some(key) = column.key else {
            return html! { th scope="col" role="columnheader" class=[class] { (column.label) } };
        };
        let order = self.sort.filter(|sort| sort.key == key);
        let (aria, sign) = match order {
            Some(sort) if sort.descending => ("descending", "↓"),
            Some(_) => ("ascending", "↑"),
            None => ("none", "↕"),
        };
        let href = self.query.sorted_by(key, self.sort, number).href();
        html! {
            th scope="col" role="columnheader" class=[class] aria-sort=(aria) {
                a class="sort" href=(href) { (column.label) span aria-hidden="true" { (sign) } }
            }
        }
    }

    fn row(&self, row: &Row) -> Markup {
        let cells = self.columns.iter().zip(&row.cells).enumerate();
        html! {
            tr role="row" data-key=[&row.href] {
                @for (number, (column, cell)) in cells {
                    @let class = (column.align == Align::End).then_some("num");
                    @if number == 0 {
                        th scope="row" role="rowheader" class=[class] {
                            @match &row.href {
                                Some(href) => (link(href, cell)),
                                None => (cell),
                            }
                        }
                    } @else {
                        td role="cell" class=[class] data-label=(column.label) { (cell) }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(rows: &[Row], raw: &str) -> String {
        let query = Query::new("/r", Some(raw));
        let sort = query.sort();
        Table {
            caption: "Relays",
            columns: &[
                Column::text("Relay").sortable("url"),
                Column::number("Events").sortable("events"),
            ],
            rows,
            query: &query,
            sort: sort.as_ref(),
            empty: "None matches.",
        }
        .render()
        .into_string()
    }

    #[test]
    fn o4_4_headings_sort_and_keep_the_filters() {
        let row = Row::new(vec![html! { "a" }, html! { "1" }]).href("/r/a");
        let html = table(&[row], "net=tor&sort=-events");
        assert!(html.contains(
            "aria-sort=\"descending\"><a class=\"sort\" href=\"/r?net=tor&amp;sort=events\""
        ));
        assert!(
            html.contains("aria-sort=\"none\"><a class=\"sort\" href=\"/r?net=tor&amp;sort=url\"")
        );
        assert!(html.contains("<a href=\"/r/a\">a</a>"));
        assert!(html.contains("class=\"num\" data-label=\"Events\">1</td>"));
    }

    #[test]
    fn o4_4_a_table_is_bounded_and_says_when_it_is_empty() {
        assert!(table(&[], "").contains("None matches."));
        let rows = vec![Row::new(vec![html! { "a" }]); MAX_ROWS + 5];
        assert_eq!(table(&rows, "").matches("rowheader").count(), MAX_ROWS);
    }
}
