//! Whatever strangers write, it is text: every component, with hostile words in each of its places.

use maud::{Markup, html};
use proptest::prelude::*;
use url::form_urlencoded;

use crate::chart::{Bar, Histogram, LineChart, Series, Uptime, UptimeCell, bars, sparkline};
use crate::component::{
    Column, Coverage, Field, Filters, Interval, Intervals, Level, Pager, Row, Stat, State, Tab,
    Table, badge_with, breadcrumb, definitions, empty, meter, notice, period_tabs, stats, tabs,
    timestamp,
};
use crate::link::link;
use crate::live::fragment;
use crate::map::{Place, WorldMap};
use crate::{NavEntry, Page, Query};

/// Every component with `text` wherever text goes, and as every address.
fn everything(text: &str) -> Markup {
    let path = format!("/{text}");
    let coded: String = form_urlencoded::byte_serialize(text.as_bytes()).collect();
    let raw = format!("sort={coded}&after={coded}&q={coded}&{coded}={coded}");
    let query = Query::new(&path, Some(&raw));
    html! {
        (badge_with(State::Online, text))
        (breadcrumb(&[(text, text), (&path, text)], text))
        (definitions(&[(text, html! { (text) })]))
        (empty(text, text))
        (link(text, text))
        (meter(0.5, text))
        (notice(Level::Error, text))
        (stats(&[Stat::new(text, text).note(text).href(text), Stat::new(text, text).href(&path)]))
        (tabs(text, &[Tab { href: text.to_owned(), label: text.to_owned(), current: true }]))
        (period_tabs(&query, text, text).0)
        (timestamp(0, 1))
        (fragment(text, text))
        (Pager { query: &query, next: Some(text), shown: 1, total: None }.render())
        (lists(text, &query))
        (drawings(text))
    }
}

fn lists(text: &str, query: &Query) -> Markup {
    let options = [(text, text)];
    let fields = [
        Field::Text {
            name: "q",
            label: text,
            placeholder: text,
        },
        Field::Number {
            name: text,
            label: text,
            min: 0,
            max: 1,
        },
        Field::Select {
            name: text,
            label: text,
            options: &options,
        },
        Field::Checkboxes {
            name: text,
            label: text,
            options: &options,
        },
    ];
    let sort = query.sort();
    let row = || Row::new(vec![html! { (text) }, html! { (text) }]);
    html! {
        (Filters { query, fields: &fields, folded: &fields, target: text }.render())
        (Table {
            caption: text,
            columns: &[Column::text(text).sortable(text), Column::number(text)],
            rows: &[row().href(text), row()],
            query,
            sort: sort.as_ref(),
            empty: text,
        }.render())
        (Table { caption: text, columns: &[], rows: &[], query, sort: None, empty: text }.render())
    }
}

fn drawings(text: &str) -> Markup {
    let place = |lon, href| Place {
        lat: 0.0,
        lon,
        count: 1,
        label: text,
        state: State::Online,
        href,
    };
    let buckets = [(text.to_owned(), 1)];
    let interval = Interval {
        from: 0,
        to: 5,
        coverage: Coverage::Failed,
        reason: text,
    };
    let cell = UptimeCell {
        from: 0,
        to: 1,
        up: Some(0.5),
        degraded: true,
    };
    html! {
        (Intervals { id: "i", label: text, from: 0, to: 10, intervals: &[interval] }.render())
        (LineChart {
            title: text,
            from: 0,
            to: 10,
            times: &[1, 2],
            series: &[Series { name: text, values: &[Some(1.0), None] }],
            format: |value| value.to_string(),
        }.render())
        (Histogram { title: text, unit: text, buckets: &buckets }.render())
        (bars(text, text, &[Bar { label: text, count: 1, href: text }]))
        (sparkline(text, &[1.0], |value| value.to_string()))
        (Uptime { label: text, cells: &[cell] }.render())
        (WorldMap { id: "m", title: text, places: &[place(0.0, Some(text)), place(50.0, None), place(51.0, Some(text))], cell: 5.0 }.render())
    }
}

/// The names of the elements and attributes, in order: what the text is must not change them.
fn skeleton(html: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = html;
    while let Some((_, tag)) = rest.split_once('<') {
        let mut end = 0;
        let mut quoted = false;
        for (at, character) in tag.char_indices() {
            match character {
                '"' => quoted = !quoted,
                '>' if !quoted => {
                    end = at;
                    break;
                }
                _ => {}
            }
        }
        // Every second piece between quotes is a value.
        let names: Vec<&str> = tag[..end].split('"').step_by(2).collect();
        found.push(names.concat());
        rest = &tag[end..];
    }
    found
}

fn page(text: &str, body: Markup) -> Markup {
    let nav = [NavEntry {
        href: text,
        label: text,
        current: true,
    }];
    Page {
        title: text,
        site: text,
        home: text,
        nav: &nav,
        tools: None,
        body,
        live: Some(text),
        refresh: None,
    }
    .render()
}

#[test]
fn o4_4_a_strangers_words_add_no_element_and_no_attribute() {
    let harmless = skeleton(&page("/x", everything("zzz")).into_string());
    for words in [
        "<script>alert(1)</script>",
        "\"><img src=x onerror=alert(1)>",
        "' onclick='x",
        "<!--",
        "</title></svg><b>",
    ] {
        let found = page(words, everything(words)).into_string();
        assert!(
            !found.contains("<img") && !found.contains("<b>") && !found.contains("<!--"),
            "{words}"
        );
        // The live address of the page is left out when it is none.
        let found = skeleton(&found);
        let added: Vec<_> = found.iter().filter(|tag| !harmless.contains(tag)).collect();
        assert!(
            added.iter().all(|tag| tag.starts_with("main ")),
            "{words}: {added:?}"
        );
    }
}

#[test]
fn o4_4_no_address_runs_a_script() {
    for address in [
        "javascript:alert(1)",
        " javascript:alert(1)",
        "data:text/html,x",
        "//elsewhere/x",
    ] {
        let html = page(address, everything(address)).into_string();
        for attribute in ["href=\"", "action=\"", "src=\"", "data-live=\""] {
            assert!(
                !html.contains(&format!("{attribute}{address}")),
                "{attribute}{address}"
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn o4_4_no_words_become_a_script(before in ".{0,12}", after in ".{0,12}") {
        let words = format!("{before}<script>{after}");
        let html = page(&words, everything(&words)).into_string();
        // The page's own two.
        prop_assert_eq!(html.matches("<script").count(), 2);
    }
}
