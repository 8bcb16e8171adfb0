//! Which events are asked for: what a filter of NIP-01 can say, tags with a digit as their name, what is not wanted, and a text in
//! the content.

use stentor_event::{EventId, EventView, Filter, Kind, PublicKey, TagFilter, Timestamp};

use super::parameters::{AskError, Parameters, wrong};
use super::relay_query::text;
use super::rows::digest;

/// Values of one parameter.
const MOST: usize = 100;
/// Conditions on tags.
const MOST_TAGS: usize = 10;
/// Rows of a page that tells who holds each event: each may lie among other events, whose holders are gone through.
const MOST_WITH_HOLDERS: u32 = 100;
/// Bytes of a tag's value.
const LONGEST: usize = 1_024;

/// Which events.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct EventQuery {
    /// What the store is asked for: all but its times is as it was given.
    pub filter: Filter,
    /// Tags with a digit as their name, which the store has no index of: one of the values.
    digits: Vec<(u8, Vec<String>)>,
    not_kinds: Vec<Kind>,
    not_authors: Vec<PublicKey>,
    not_tags: Vec<(u8, Vec<String>)>,
    /// In lower case.
    text: Option<String>,
    /// Whether it is told who holds each event.
    pub holders: bool,
    /// Rows of the page.
    pub limit: u32,
    /// Where the page begins; that of a page before.
    pub after: Option<String>,
}

impl EventQuery {
    /// For one event.
    pub fn of(id: EventId) -> Self {
        Self {
            filter: Filter {
                ids: Some(vec![id]),
                ..Filter::default()
            },
            limit: 1,
            ..Self::default()
        }
    }

    /// Takes what it knows from the parameters.
    pub fn read(parameters: &mut Parameters) -> Result<Self, AskError> {
        let mut filter = Filter {
            ids: some(list(parameters, "ids", id)?),
            authors: some(list(parameters, "authors", author)?),
            kinds: some(list(parameters, "kinds", kind)?),
            since: parameters.number("since")?.map(Timestamp),
            until: parameters.number("until")?.map(Timestamp),
            ..Filter::default()
        };
        let mut digits = Vec::new();
        for (name, values) in tags(parameters, "#")? {
            if name.is_ascii_digit() {
                digits.push((name, values));
            } else {
                let values = values.into_iter().map(String::into_bytes);
                filter.tags.push(TagFilter::new(name, values));
            }
        }
        let holders = parameters.truth("holders")?.unwrap_or(false);
        let limit = parameters.limit()?;
        if holders && limit > MOST_WITH_HOLDERS {
            let problem = format!("more than {MOST_WITH_HOLDERS} with holders=true");
            return Err(wrong("limit", problem));
        }
        Ok(Self {
            filter,
            digits,
            not_kinds: list(parameters, "!kinds", kind)?,
            not_authors: list(parameters, "!authors", author)?,
            not_tags: tags(parameters, "!#")?,
            text: text(parameters, "text")?.map(|text| text.to_lowercase()),
            holders,
            limit,
            after: parameters.text("after")?,
        })
    }

    /// What its pages are pages of: a cursor is good for no other filter.
    pub fn list(&self) -> String {
        let asked = Self {
            holders: false,
            limit: 0,
            after: None,
            ..self.clone()
        };
        format!("events:{}", digest(&format!("{asked:?}")))
    }

    /// Whether an event that the filter lets through is wanted.
    pub fn wants(&self, event: &EventView<'_>) -> bool {
        self.not_kinds.binary_search(&event.kind()).is_err()
            && self.not_authors.binary_search(&event.pubkey()).is_err()
            && self.digits.iter().all(|tag| has(event, tag))
            && !self.not_tags.iter().any(|tag| has(event, tag))
            && self.text.as_ref().is_none_or(|text| says(event, text))
    }
}

fn some<T>(list: Vec<T>) -> Option<Vec<T>> {
    Some(list).filter(|list| !list.is_empty())
}

fn id(text: &str) -> Option<EventId> {
    EventId::from_hex(text.as_bytes())
}

fn author(text: &str) -> Option<PublicKey> {
    PublicKey::from_hex(text.as_bytes())
}

fn kind(text: &str) -> Option<Kind> {
    text.parse().ok().map(Kind)
}

/// A list, sorted and without duplicates.
fn list<T: Ord>(
    parameters: &mut Parameters,
    name: &str,
    read: fn(&str) -> Option<T>,
) -> Result<Vec<T>, AskError> {
    let texts = parameters.list(name);
    if texts.len() > MOST {
        return Err(wrong(name, format!("more than {MOST}")));
    }
    let values: Option<Vec<T>> = texts.iter().map(|text| read(text)).collect();
    let mut values = values.ok_or_else(|| {
        wrong(
            name,
            "a kind is a number to 65535, ids and keys are 64 lower-case hex digits",
        )
    })?;
    values.sort_unstable();
    values.dedup();
    Ok(values)
}

/// Conditions on tags: `#t` or, with another beginning, `!#t`.
fn tags(parameters: &mut Parameters, beginning: &str) -> Result<Vec<(u8, Vec<String>)>, AskError> {
    let mut tags = Vec::new();
    let mut names = parameters.names(beginning);
    names.sort_unstable();
    names.dedup();
    for name in names {
        let [letter] = name.as_bytes().get(beginning.len()..).unwrap_or_default() else {
            return Err(wrong(&name, "the name of a tag is one letter or digit"));
        };
        if !letter.is_ascii_alphanumeric() {
            return Err(wrong(&name, "the name of a tag is one letter or digit"));
        }
        let mut values = parameters.all(&name);
        if values.len() > MOST || values.iter().any(|value| value.len() > LONGEST) {
            let problem = format!("more than {MOST} values, or one of more than {LONGEST} bytes");
            return Err(wrong(&name, problem));
        }
        values.sort_unstable();
        values.dedup();
        tags.push((*letter, values));
    }
    if tags.len() > MOST_TAGS {
        return Err(wrong(beginning, format!("more than {MOST_TAGS} tags")));
    }
    Ok(tags)
}

/// Whether an event has a tag of this name with one of the values.
fn has(event: &EventView<'_>, (letter, values): &(u8, Vec<String>)) -> bool {
    event.tags().any(|tag| {
        tag.name().is(&[*letter])
            && tag
                .value()
                .is_some_and(|value| values.iter().any(|wanted| value.is(wanted.as_bytes())))
    })
}

fn says(event: &EventView<'_>, text: &str) -> bool {
    let content = event.content();
    String::from_utf8_lossy(&content)
        .to_lowercase()
        .contains(text)
}

#[cfg(test)]
mod tests {
    use stentor_event::{EventBuilder, SecretKey};

    use super::*;

    fn read(raw: &str) -> Result<EventQuery, AskError> {
        let mut parameters = Parameters::read(raw)?;
        let query = EventQuery::read(&mut parameters)?;
        parameters.end()?;
        Ok(query)
    }

    #[test]
    fn o4_2_tags_with_digits_not_and_texts_are_conditions() {
        let key = SecretKey::from_bytes([1; 32]).unwrap();
        let event = EventBuilder::new(Kind(1), Timestamp(5))
            .content("Straße nach Süden")
            .tag(["1", "one"])
            .tag(["t", "weg"])
            .sign(&key);
        let author = event.pubkey();
        let wants = |raw: &str| {
            let query = read(raw).unwrap();
            query.filter.matches(&event.view()) && query.wants(&event.view())
        };
        assert!(wants(
            "kinds=1,2&%231=one&%231=two&%23t=weg&text=nach%20s%C3%BC"
        ));
        assert!(!wants("%231=two") && !wants("%23t=one"));
        assert!(!wants("!kinds=1") && wants("!kinds=2"));
        assert!(!wants("!%23t=weg") && wants("!%23t=x") && !wants("!%231=one"));
        assert!(!wants(&format!("!authors={author}")) && wants(&format!("authors={author}")));
        assert!(!wants("text=norden") && !wants("since=6") && !wants("until=4"));
    }

    #[test]
    fn o4_2_what_is_wrong_with_a_query_for_events_is_named() {
        let problem = |raw: &str| read(raw).unwrap_err().to_string();
        assert!(problem("kinds=65536").starts_with("kinds: "));
        assert!(problem("!authors=npub").starts_with("!authors: "));
        assert!(problem("%23ab=x").starts_with("#ab: the name"));
        assert!(problem("!%23%24=x").starts_with("!#$: the name"));
        assert!(problem("kind=1").starts_with("kind: there is no"));
        assert!(problem("holders=true&limit=101").starts_with("limit: more than 100"));
        assert!(read("holders=true&limit=100").is_ok() && read("limit=500").is_ok());
    }
}
