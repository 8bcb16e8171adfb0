//! What is followed, and as whom.

use url::Url;

use crate::feed::FeedError;

/// Where to begin.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Since {
    /// With what happens from now on.
    #[default]
    Now,
    /// With the oldest that is kept.
    Oldest,
    /// Behind this cursor, from [`Event::cursor`](crate::Event::cursor).
    Cursor(String),
}

/// What is followed, and as whom.
#[derive(Debug, Clone, Default)]
pub struct Options {
    pub(crate) url: String,
    pub(crate) token: Option<String>,
    pub(crate) types: Vec<String>,
    pub(crate) subjects: Vec<String>,
    pub(crate) filter: Option<String>,
    pub(crate) coalesce: bool,
    pub(crate) since: Since,
}

impl Options {
    /// Everything that may be seen on a node, such as `https://relay.example.com`, from now on.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            ..Self::default()
        }
    }

    /// With an API key or a token.
    #[must_use]
    pub fn with_token(mut self, token: impl Into<String>) -> Self {
        self.token = Some(token.into());
        self
    }

    /// Only types that begin so, such as `nostr` or `job.completed`.
    #[must_use]
    pub fn with_types<S: Into<String>>(mut self, types: impl IntoIterator<Item = S>) -> Self {
        self.types = types.into_iter().map(Into::into).collect();
        self
    }

    /// Only these subjects.
    #[must_use]
    pub fn with_subjects<S: Into<String>>(mut self, subjects: impl IntoIterator<Item = S>) -> Self {
        self.subjects = subjects.into_iter().map(Into::into).collect();
        self
    }

    /// Only events of Nostr that match: a filter of NIP-01 as JSON, without `limit` and `search`.
    #[must_use]
    pub fn with_filter(mut self, filter: impl Into<String>) -> Self {
        self.filter = Some(filter.into());
        self
    }

    /// Of several waiting envelopes about the progress of one thing, only the last.
    #[must_use]
    pub const fn coalesced(mut self) -> Self {
        self.coalesce = true;
        self
    }

    /// Where to begin.
    #[must_use]
    pub fn since(mut self, since: Since) -> Self {
        self.since = since;
        self
    }

    /// The address of the stream, without where it begins.
    pub(crate) fn stream_url(&self) -> Result<Url, FeedError> {
        let wrong = |error: url::ParseError| FeedError::Url(error.to_string());
        let mut url = Url::parse(&self.url)
            .and_then(|base| base.join("api/v1/events"))
            .map_err(wrong)?;
        let mut query = url.query_pairs_mut();
        for (name, list) in [("types", &self.types), ("subject", &self.subjects)] {
            if !list.is_empty() {
                query.append_pair(name, &list.join(","));
            }
        }
        if let Some(filter) = &self.filter {
            query.append_pair("filter", filter);
        }
        if self.coalesce {
            query.append_pair("coalesce", "true");
        }
        if self.since == Since::Oldest {
            query.append_pair("since", "oldest");
        }
        drop(query);
        Ok(url)
    }
}
