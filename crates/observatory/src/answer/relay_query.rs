//! Which relays are asked for, and in which order. Filters live in addresses, so a query is written as it is read.

use url::form_urlencoded;

use super::parameters::{AskError, Parameters, ROWS, wrong};
use crate::relay_url::Network;
use crate::table::{State, Status};

/// NIPs in one query.
const MOST_NIPS: usize = 20;
/// Bytes of a text that is searched for.
const LONGEST_TEXT: usize = 200;

/// What relays are sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sort {
    /// The URL.
    Url,
    /// The uptime over 30 days.
    Uptime,
    /// The time to open, at the last check.
    Open,
    /// The time to read, at the last check.
    Read,
    /// How many events of the archive it holds.
    Events,
    /// How many of these no other relay holds.
    Exclusive,
    /// When it last answered.
    Seen,
    /// When it was found.
    Found,
}

impl Sort {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Url,
        Self::Uptime,
        Self::Open,
        Self::Read,
        Self::Events,
        Self::Exclusive,
        Self::Seen,
        Self::Found,
    ];

    /// Its word in queries.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Url => "url",
            Self::Uptime => "uptime",
            Self::Open => "open",
            Self::Read => "read",
            Self::Events => "events",
            Self::Exclusive => "exclusive",
            Self::Seen => "seen",
            Self::Found => "found",
        }
    }
}

/// Which relays, in which order.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RelayQuery {
    /// Relays, or candidates.
    pub state: State,
    /// How they did last.
    pub status: Option<Status>,
    /// By what network they are reached.
    pub network: Option<Network>,
    /// Their software, as they name it.
    pub software: Option<String>,
    /// NIPs that they say they know, and (`false`) that they do not name.
    pub nips: Vec<(u16, bool)>,
    /// Where they are: two capital letters (ISO 3166).
    pub country: Option<String>,
    /// Whether they want to know who asks.
    pub auth_required: Option<bool>,
    /// Whether they want to be paid.
    pub payment_required: Option<bool>,
    /// Whether they are slower than usual.
    pub degraded: Option<bool>,
    /// The least uptime over 30 days, from 0 to 1.
    pub min_uptime: Option<f64>,
    /// What their name or URL has in it.
    pub text: Option<String>,
    /// The order.
    pub sort: Sort,
    /// Whether the greatest come first.
    pub descending: bool,
    /// Rows of the page.
    pub limit: u32,
    /// Where the page begins; that of a page before.
    pub after: Option<String>,
}

impl Default for RelayQuery {
    fn default() -> Self {
        Self {
            state: State::Relay,
            status: None,
            network: None,
            software: None,
            nips: Vec::new(),
            country: None,
            auth_required: None,
            payment_required: None,
            degraded: None,
            min_uptime: None,
            text: None,
            sort: Sort::Url,
            descending: false,
            limit: ROWS,
            after: None,
        }
    }
}

impl RelayQuery {
    /// Takes what it knows from the parameters.
    pub fn read(parameters: &mut Parameters) -> Result<Self, AskError> {
        let (sort, descending) = match parameters.text("sort")? {
            None => (Sort::Url, false),
            Some(text) => order(&text)?,
        };
        Ok(Self {
            state: word(
                parameters,
                "state",
                &[State::Relay, State::Candidate],
                |one| one.as_str(),
            )?
            .unwrap_or(State::Relay),
            status: word(parameters, "status", &STATUSES, |one| one.as_str())?,
            network: word(parameters, "network", &Network::ALL, |one| one.as_str())?,
            software: text(parameters, "software")?,
            nips: nips(parameters.list("nip"))?,
            country: text(parameters, "country")?.map(|text| text.to_uppercase()),
            auth_required: parameters.truth("auth_required")?,
            payment_required: parameters.truth("payment_required")?,
            degraded: parameters.truth("degraded")?,
            min_uptime: share(parameters, "min_uptime")?,
            text: text(parameters, "text")?,
            sort,
            descending,
            limit: parameters.limit()?,
            after: parameters.text("after")?,
        })
    }

    /// The query as it is read, without what is as it is anyway.
    pub fn written(&self) -> String {
        let mut to = form_urlencoded::Serializer::new(String::new());
        let mut put = |name: &str, value: Option<String>| {
            if let Some(value) = value {
                to.append_pair(name, &value);
            }
        };
        let is_candidate = self.state == State::Candidate;
        put(
            "state",
            is_candidate.then(|| self.state.as_str().to_owned()),
        );
        put("status", self.status.map(|one| one.as_str().to_owned()));
        put("network", self.network.map(|one| one.as_str().to_owned()));
        put("software", self.software.clone());
        for (nip, has) in &self.nips {
            put("nip", Some(format!("{}{nip}", if *has { "" } else { "!" })));
        }
        put("country", self.country.clone());
        put("auth_required", self.auth_required.map(|it| it.to_string()));
        put(
            "payment_required",
            self.payment_required.map(|it| it.to_string()),
        );
        put("degraded", self.degraded.map(|it| it.to_string()));
        put("min_uptime", self.min_uptime.map(|it| it.to_string()));
        put("text", self.text.clone());
        let order = self.order();
        put("sort", (order != Sort::Url.as_str()).then_some(order));
        put(
            "limit",
            (self.limit != ROWS).then(|| self.limit.to_string()),
        );
        put("after", self.after.clone());
        to.finish()
    }

    /// The order as it is read.
    pub fn order(&self) -> String {
        let sign = if self.descending { "-" } else { "" };
        format!("{sign}{}", self.sort.as_str())
    }
}

const STATUSES: [Status; 3] = [Status::Unknown, Status::Online, Status::Offline];

/// A word of a few.
pub(crate) fn word<T: Copy>(
    parameters: &mut Parameters,
    name: &str,
    all: &[T],
    as_str: fn(T) -> &'static str,
) -> Result<Option<T>, AskError> {
    let Some(text) = parameters.text(name)? else {
        return Ok(None);
    };
    let found = all.iter().copied().find(|one| as_str(*one) == text);
    found.map(Some).ok_or_else(|| {
        let words: Vec<&str> = all.iter().map(|one| as_str(*one)).collect();
        wrong(name, format!("not one of {}", words.join(", ")))
    })
}

/// A text that is compared with texts in the records.
pub(super) fn text(parameters: &mut Parameters, name: &str) -> Result<Option<String>, AskError> {
    let text = parameters.text(name)?;
    match text {
        Some(text) if text.len() > LONGEST_TEXT => {
            Err(wrong(name, format!("longer than {LONGEST_TEXT} bytes")))
        }
        // PostgreSQL takes no NUL.
        Some(text) if text.contains('\0') => Err(wrong(name, "has a NUL in it")),
        text => Ok(text),
    }
}

fn order(text: &str) -> Result<(Sort, bool), AskError> {
    let (word, descending) = match text.strip_prefix('-') {
        Some(word) => (word, true),
        None => (text, false),
    };
    let sort = Sort::ALL.into_iter().find(|sort| sort.as_str() == word);
    let problem = || {
        let words = Sort::ALL.map(Sort::as_str).join(", ");
        wrong("sort", format!("not one of {words}, or with - before it"))
    };
    Ok((sort.ok_or_else(problem)?, descending))
}

/// NIPs that are wanted, and (with `!`) that are not.
pub(super) fn nips(texts: Vec<String>) -> Result<Vec<(u16, bool)>, AskError> {
    if texts.len() > MOST_NIPS {
        return Err(wrong("nip", format!("more than {MOST_NIPS}")));
    }
    let one = |text: String| {
        let (digits, has) = match text.strip_prefix('!') {
            Some(digits) => (digits.to_owned(), false),
            None => (text, true),
        };
        let number = digits
            .parse()
            .map_err(|_| wrong("nip", "not a number, or ! and a number"));
        number.map(|number| (number, has))
    };
    texts.into_iter().map(one).collect()
}

fn share(parameters: &mut Parameters, name: &str) -> Result<Option<f64>, AskError> {
    let share: Option<f64> = parameters.parsed(name, "a number from 0 to 1")?;
    match share {
        Some(share) if !(0.0..=1.0).contains(&share) => Err(wrong(name, "not from 0 to 1")),
        share => Ok(share),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(raw: &str) -> Result<RelayQuery, AskError> {
        let mut parameters = Parameters::read(raw)?;
        let query = RelayQuery::read(&mut parameters)?;
        parameters.end()?;
        Ok(query)
    }

    fn queries() -> impl Strategy<Value = RelayQuery> {
        let truth = || prop::option::of(any::<bool>());
        let text = || prop::option::of("[^\\x00,]{1,40}");
        let words = (
            prop::option::of(prop::sample::select(STATUSES.to_vec())),
            prop::option::of(prop::sample::select(Network::ALL.to_vec())),
            prop::sample::select(Sort::ALL.to_vec()),
            prop::sample::select(vec![State::Relay, State::Candidate]),
        );
        let nips = prop::collection::vec((any::<u16>(), any::<bool>()), 0..5);
        let truths = (truth(), truth(), truth(), any::<bool>());
        let rest = (prop::option::of(0.0..=1.0_f64), 1_u32..=500, text(), text());
        (
            words,
            nips,
            truths,
            rest,
            prop::option::of("[A-Z]{2}"),
            prop::option::of("[A-Za-z0-9_-]{1,40}"),
        )
            .prop_map(
                |(
                    (status, network, sort, state),
                    nips,
                    truths,
                    (min_uptime, limit, software, text),
                    country,
                    after,
                )| {
                    RelayQuery {
                        state,
                        status,
                        network,
                        software,
                        nips,
                        country,
                        auth_required: truths.0,
                        payment_required: truths.1,
                        degraded: truths.2,
                        min_uptime,
                        text,
                        sort,
                        descending: truths.3,
                        limit,
                        after,
                    }
                },
            )
    }

    proptest! {
        #[test]
        fn o4_2_a_query_survives_its_address(query in queries()) {
            prop_assert_eq!(read(&query.written()).unwrap(), query);
        }

        #[test]
        fn o4_2_any_address_is_read_or_refused(raw in "[ -~]{0,200}") {
            let _ = read(&raw);
        }
    }

    #[test]
    fn o4_2_what_is_wrong_is_named() {
        let problem = |raw: &str| read(raw).unwrap_err().to_string();
        assert_eq!(
            problem("status=up"),
            "status: not one of unknown, online, offline"
        );
        assert_eq!(problem("limit=501"), "limit: not between 1 and 500");
        assert_eq!(problem("limit=0"), "limit: not between 1 and 500");
        assert_eq!(problem("nip=x"), "nip: not a number, or ! and a number");
        assert_eq!(problem("min_uptime=2"), "min_uptime: not from 0 to 1");
        assert_eq!(problem("min_uptime=NaN"), "min_uptime: not from 0 to 1");
        assert_eq!(
            problem("statsu=online"),
            "statsu: there is no such parameter here"
        );
        assert_eq!(
            problem("status=online&status=offline"),
            "status: given more than once"
        );
        assert!(problem("sort=-name").starts_with("sort: not one of url, "));
        assert_eq!(problem("text=%00"), "text: has a NUL in it");
    }

    #[test]
    fn o4_2_empty_fields_ask_for_nothing() {
        assert_eq!(read("status=&text=&sort=").unwrap(), RelayQuery::default());
    }
}
