//! What a request asks for, from its query.

use serde::Deserialize;
use stentor_bus::{Cursor, EventType, From, Interest};
use stentor_event::Filter;
use utoipa::IntoParams;

use crate::config::Streams;

/// Types and subjects in one request.
const MOST: usize = 50;
/// Bytes of one of them.
const LONGEST: usize = 256;

/// The query of a stream or of the history.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Query {
    /// Beginnings of types' names, in whole parts, with commas between them: `nostr.event,job`. Without it: all types.
    #[serde(default)]
    #[param(example = "nostr.event,job")]
    pub types: String,
    /// Subjects, with commas between them: ids of events or of jobs. Without it: any.
    #[serde(default)]
    pub subject: String,
    /// Which events of Nostr: a filter of NIP-01 as JSON, without `limit` and `search`.
    #[param(example = r#"{"kinds":[1]}"#)]
    pub filter: Option<String>,
    /// Where to begin: a cursor, `now` or `oldest`.
    pub since: Option<String>,
    /// Whether only the last of several waiting envelopes about the progress of one thing counts.
    #[serde(default)]
    pub coalesce: bool,
    /// Envelopes in the page, at most; for the history alone.
    #[param(minimum = 1)]
    pub limit: Option<usize>,
    /// A stream ticket, for browsers; for streams alone.
    pub ticket: Option<String>,
    /// What a browser's EventSource sends as the header `Last-Event-ID`, for clients that cannot; for streams alone.
    pub last_event_id: Option<String>,
}

/// What is wrong with a query.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// No type begins so.
    #[error("no type of event begins with {0:?}")]
    Type(String),
    /// More than there may be.
    #[error("at most {MOST} types and {MOST} subjects, of at most {LONGEST} bytes each")]
    TooMany,
    /// The filter cannot be read.
    #[error("filter: {0}")]
    Filter(String),
    /// The filter has a part that means nothing here.
    #[error("filter: limit and search have no meaning for a stream")]
    FilterPart,
    /// Not a cursor.
    #[error("since: {0}")]
    Since(#[from] stentor_bus::NoCursor),
}

impl Query {
    /// What is wanted.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn interest(&self, limits: &Streams) -> Result<Interest, QueryError> {
        let types = list(&self.types)?;
        for beginning in &types {
            if !EventType::ALL.iter().any(|one| one.begins_with(beginning)) {
                return Err(QueryError::Type(beginning.clone()));
            }
        }
        Ok(Interest {
            types,
            subjects: list(&self.subject)?,
            filter: self.filter(limits)?,
            coalesce: self.coalesce,
        })
    }

    fn filter(&self, limits: &Streams) -> Result<Option<Filter>, QueryError> {
        let Some(text) = self.filter.as_deref().filter(|text| !text.is_empty()) else {
            return Ok(None);
        };
        if limits.filter_bytes != 0 && text.len() > limits.filter_bytes {
            let problem = format!("longer than {} bytes", limits.filter_bytes);
            return Err(QueryError::Filter(problem));
        }
        let filter = Filter::parse(text.as_bytes());
        let filter = filter.map_err(|error| QueryError::Filter(error.to_string()))?;
        if filter.limit.is_some() || filter.search.is_some() {
            return Err(QueryError::FilterPart);
        }
        Ok(Some(filter))
    }

    /// What is wanted, for the audit.
    pub fn what(&self) -> String {
        let filter = self.filter.as_deref().unwrap_or_default();
        format!(
            "types={} subject={} filter={filter}",
            self.types, self.subject
        )
    }

    /// Where to begin: behind `last`, which the client has got to, before `since`; else at `otherwise`.
    ///
    /// # Errors
    /// [`QueryError::Since`].
    pub fn from(&self, last: Option<&str>, otherwise: From) -> Result<From, QueryError> {
        let given = last.or(self.since.as_deref());
        match given.filter(|text| !text.is_empty()) {
            None => Ok(otherwise),
            Some("now") => Ok(From::Now),
            Some("oldest") => Ok(From::Oldest),
            Some(text) => Ok(From::Cursor(text.parse::<Cursor>()?)),
        }
    }
}

/// The parts between commas.
fn list(text: &str) -> Result<Vec<String>, QueryError> {
    let parts = text
        .split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty());
    let parts: Vec<String> = parts.take(MOST + 1).map(str::to_owned).collect();
    if parts.len() > MOST || parts.iter().any(|part| part.len() > LONGEST) {
        return Err(QueryError::TooMany);
    }
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query() -> Query {
        Query {
            types: "nostr.event, job".into(),
            subject: "a,,b".into(),
            filter: Some(r#"{"kinds":[1]}"#.into()),
            ..Query::default()
        }
    }

    #[test]
    fn g3_1_a_query_says_what_is_wanted() {
        let interest = query().interest(&Streams::default()).unwrap();
        assert_eq!(interest.types, ["nostr.event", "job"]);
        assert_eq!(interest.subjects, ["a", "b"]);
        assert!(interest.filter.is_some() && !interest.coalesce);
        let nothing = Query::default().interest(&Streams::default());
        assert_eq!(nothing, Ok(Interest::default()));
    }

    #[test]
    fn g3_1_what_is_wrong_with_a_query_is_said() {
        let error = |change: fn(&mut Query)| {
            let mut query = query();
            change(&mut query);
            query.interest(&Streams::default()).unwrap_err()
        };
        let no_type = QueryError::Type("nostr.ev".into());
        assert_eq!(error(|query| query.types = "nostr.ev".into()), no_type);
        let filter = |error| matches!(error, QueryError::Filter(_));
        assert!(filter(error(|query| query.filter = Some("{".into()))));
        assert!(filter(error(
            |query| query.filter = Some(" ".repeat(70_000))
        )));
        let part = error(|query| query.filter = Some(r#"{"limit":1}"#.into()));
        assert_eq!(part, QueryError::FilterPart);
        assert_eq!(
            error(|query| query.subject = "a,".repeat(51)),
            QueryError::TooMany
        );
        assert_eq!(
            error(|query| query.subject = "a".repeat(257)),
            QueryError::TooMany
        );
    }

    #[test]
    fn g3_1_the_last_event_id_comes_before_since() {
        let mut query = query();
        assert_eq!(query.from(None, From::Now), Ok(From::Now));
        query.since = Some("oldest".into());
        assert_eq!(query.from(None, From::Now), Ok(From::Oldest));
        assert_eq!(query.from(Some("now"), From::Oldest), Ok(From::Now));
        assert!(query.from(Some("nonsense"), From::Now).is_err());
    }
}
