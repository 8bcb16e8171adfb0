//! The address of a page: its path and parameters, which filters, sorting, paging and tabs each change a part of.

use url::form_urlencoded;

/// The parameter that says where a page of a list begins. It belongs to one filter and one order, so that a change of
/// either drops it.
pub const CURSOR: &str = "after";
/// The parameter of the order: a column's key, with `-` before it for descending.
pub const SORT: &str = "sort";

/// How many parameters are read; what comes after them is dropped.
const MAX_PAIRS: usize = 64;
/// How many bytes of a query are read; a longer one counts as none.
const MAX_BYTES: usize = 8_192;

/// A path and its parameters in order. A name may come more than once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    path: String,
    pairs: Vec<(String, String)>,
}

impl Query {
    /// Reads the path and the raw query of a request. Parameters without a value are dropped: an empty field of a form
    /// asks for nothing. Not more than 64 parameters and 8 KiB are read.
    #[must_use]
    pub fn new(path: &str, raw: Option<&str>) -> Self {
        let raw = raw.filter(|raw| raw.len() <= MAX_BYTES).unwrap_or_default();
        let pairs = form_urlencoded::parse(raw.as_bytes())
            .filter(|(_, value)| !value.is_empty())
            .take(MAX_PAIRS)
            .map(|(name, value)| (name.into_owned(), value.into_owned()))
            .collect();
        Self {
            // A path that two slashes begin would lead to another host, in a link and in a form.
            path: format!("/{}", path.trim_start_matches(['/', '\\'])),
            pairs,
        }
    }

    /// The path, without parameters. It begins with exactly one slash.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The first value of a parameter.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.pairs
            .iter()
            .find(|(other, _)| other == name)
            .map(|(_, value)| value.as_str())
    }

    /// All values of a parameter.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.pairs
            .iter()
            .filter(move |(other, _)| other == name)
            .map(|(_, value)| value.as_str())
    }

    /// All parameters in order.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.pairs
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The same with one value for a parameter, in the place of those that it had.
    #[must_use]
    pub fn with(&self, name: &str, value: &str) -> Self {
        let mut changed = self.without(name);
        changed.pairs.push((name.to_owned(), value.to_owned()));
        changed
    }

    /// The same without a parameter.
    #[must_use]
    pub fn without(&self, name: &str) -> Self {
        let mut changed = self.clone();
        changed.pairs.retain(|(other, _)| other != name);
        changed
    }

    /// The address to link to.
    #[must_use]
    pub fn href(&self) -> String {
        if self.pairs.is_empty() {
            return self.path.clone();
        }
        let query = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(self.pairs())
            .finish();
        format!("{}?{query}", self.path)
    }

    /// The order that the address asks for.
    #[must_use]
    pub fn sort(&self) -> Option<Sort> {
        let text = self.get(SORT)?;
        let (key, descending) = match text.strip_prefix('-') {
            Some(key) => (key, true),
            None => (text, false),
        };
        Some(Sort {
            key: key.to_owned(),
            descending,
        })
    }

    /// The address that orders by `key`: the other way round where it is the order already. Keeps every parameter but the
    /// cursor.
    #[must_use]
    pub fn sorted_by(&self, key: &str, now: Option<&Sort>, first_descending: bool) -> Self {
        let descending = match now {
            Some(sort) if sort.key == key => !sort.descending,
            _ => first_descending,
        };
        let sign = if descending { "-" } else { "" };
        self.without(CURSOR).with(SORT, &format!("{sign}{key}"))
    }
}

/// An order of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sort {
    /// The key of the column. It comes from the address: whoever orders by it checks that there is such a column.
    pub key: String,
    /// Largest first.
    pub descending: bool,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn o4_4_a_link_that_sorts_keeps_the_filters_and_drops_the_cursor() {
        let query = Query::new(
            "/relays",
            Some("state=online&state=degraded&after=x%3D&name=a+b%26c&empty="),
        );
        let sorted = query.sorted_by("rtt", query.sort().as_ref(), false);
        assert_eq!(
            sorted.href(),
            "/relays?state=online&state=degraded&name=a+b%26c&sort=rtt"
        );
        let again = sorted.sorted_by("rtt", sorted.sort().as_ref(), false);
        assert_eq!(again.get(SORT), Some("-rtt"));
        let other = again.sorted_by("events", again.sort().as_ref(), true);
        assert_eq!(other.get(SORT), Some("-events"));
        assert_eq!(
            other.all("state").collect::<Vec<_>>(),
            ["online", "degraded"]
        );
    }

    #[test]
    fn o4_4_an_address_is_read_within_bounds() {
        let many = "a=1&".repeat(1_000);
        assert_eq!(Query::new("/", Some(&many)).pairs().count(), MAX_PAIRS);
        let long = format!("a={}", "x".repeat(MAX_BYTES));
        assert_eq!(Query::new("/", Some(&long)).pairs().count(), 0);
        assert_eq!(Query::new("//host/x", None).href(), "/host/x");
    }

    proptest! {
        #[test]
        fn o4_4_an_address_survives_its_round_trip(pairs in prop::collection::vec((".{1,8}", ".{1,8}"), 0..6)) {
            let mut query = Query::new("/p", None);
            query.pairs = pairs;
            let href = query.href();
            let raw = href.split_once('?').map(|(_, raw)| raw);
            prop_assert_eq!(Query::new("/p", raw), query);
        }
    }
}
