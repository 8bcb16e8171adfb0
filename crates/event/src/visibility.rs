//! Who may see which event (R2.1): one rule for every way of reading.

use std::sync::Arc;

use crate::filter::Filter;
use crate::keys::PublicKey;
use crate::kind::Kind;
use crate::view::EventView;

/// Which kinds are not for everybody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VisibilityRules {
    private_kinds: Vec<Kind>,
    group_kinds: Vec<Kind>,
}

impl VisibilityRules {
    /// `private_kinds` are visible to the author and the keys in `p` tags only; `group_kinds` only through a filter with `#h`.
    pub fn new(
        private_kinds: impl IntoIterator<Item = Kind>,
        group_kinds: impl IntoIterator<Item = Kind>,
    ) -> Self {
        let sorted = |kinds: &mut Vec<Kind>| {
            kinds.sort_unstable();
            kinds.dedup();
        };
        let mut rules = Self {
            private_kinds: private_kinds.into_iter().collect(),
            group_kinds: group_kinds.into_iter().collect(),
        };
        sorted(&mut rules.private_kinds);
        sorted(&mut rules.group_kinds);
        rules
    }

    /// Kinds visible to the parties only, ascending.
    pub fn private_kinds(&self) -> &[Kind] {
        &self.private_kinds
    }

    /// Kinds visible only through a filter with `#h`, ascending.
    pub fn group_kinds(&self) -> &[Kind] {
        &self.group_kinds
    }

    /// Whether events of the kind are for their parties only.
    #[inline]
    pub fn is_private(&self, kind: Kind) -> bool {
        self.private_kinds.binary_search(&kind).is_ok()
    }

    /// Whether events of the kind need a filter with `#h`.
    #[inline]
    pub fn is_group(&self, kind: Kind) -> bool {
        self.group_kinds.binary_search(&kind).is_ok()
    }

    /// Whether events of the kind are visible to everybody through any filter.
    #[inline]
    pub fn is_open(&self, kind: Kind) -> bool {
        !self.is_private(kind) && !self.is_group(kind)
    }
}

impl Default for VisibilityRules {
    fn default() -> Self {
        Self::new(
            [
                Kind::DIRECT_MESSAGE,
                Kind::GIFT_WRAP,
                Kind::EPHEMERAL_GIFT_WRAP,
            ],
            [Kind::GROUP_MESSAGE],
        )
    }
}

/// Who reads.
#[derive(Clone, Debug)]
pub struct Viewer {
    /// The keys that have authenticated.
    pub keys: Vec<PublicKey>,
    /// What is not for everybody.
    pub rules: Arc<VisibilityRules>,
    operator: bool,
}

impl Viewer {
    /// The operator of the node, who sees everything: export, backup, maintenance.
    pub fn operator() -> Self {
        Self {
            keys: Vec::new(),
            rules: Arc::default(),
            operator: true,
        }
    }

    /// Somebody who has not authenticated.
    pub const fn anonymous(rules: Arc<VisibilityRules>) -> Self {
        Self {
            keys: Vec::new(),
            rules,
            operator: false,
        }
    }

    /// Somebody who has authenticated with these keys.
    pub const fn with_keys(rules: Arc<VisibilityRules>, keys: Vec<PublicKey>) -> Self {
        Self {
            keys,
            rules,
            operator: false,
        }
    }

    /// Whether this is the operator.
    pub const fn is_operator(&self) -> bool {
        self.operator
    }
}

/// Whether `viewer` may see `event` through the filter that it matched.
#[inline]
pub fn visible(event: &EventView<'_>, viewer: &Viewer, through: &Filter) -> bool {
    let kind = event.kind();
    if viewer.operator || viewer.rules.is_open(kind) {
        return true;
    }
    let asked = !viewer.rules.is_group(kind) || through.tags.iter().any(|tag| tag.letter == b'h');
    asked && (!viewer.rules.is_private(kind) || is_party(event, &viewer.keys))
}

fn is_party(event: &EventView<'_>, keys: &[PublicKey]) -> bool {
    !keys.is_empty()
        && (keys.contains(&event.pubkey())
            || event.tagged_keys().any(|tagged| keys.contains(&tagged)))
}

/// Whether a request may be answered at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It may; events that the viewer may not see are left out in silence.
    Open,
    /// It names only private kinds, and nobody has authenticated: `auth-required:`.
    AuthRequired,
    /// It names only private kinds, and no key that has authenticated can be a party: `restricted:`.
    Restricted,
}

/// Judges the filters of a request before anything is read.
pub fn admission(filters: &[Filter], viewer: &Viewer) -> Admission {
    let names_only_private = |filter: &Filter| {
        filter.kinds.as_ref().is_some_and(|kinds| {
            !kinds.is_empty() && kinds.iter().all(|kind| viewer.rules.is_private(*kind))
        })
    };
    if viewer.operator || filters.is_empty() || !filters.iter().all(names_only_private) {
        Admission::Open
    } else if viewer.keys.is_empty() {
        Admission::AuthRequired
    } else if viewer
        .keys
        .iter()
        .any(|key| filters.iter().any(|filter| can_be_party(filter, key)))
    {
        Admission::Open
    } else {
        Admission::Restricted
    }
}

/// Whether an event that the filter asks for can have `key` as a party: as one of the authors, or in a `p` tag. Gift wraps are made with
/// keys used once, so only `p` tells whom they are for. A filter that names its parties is taken at its word.
fn can_be_party(filter: &Filter, key: &PublicKey) -> bool {
    let named = filter.tags.iter().find(|tag| tag.letter == b'p');
    let wraps = filter
        .kinds
        .as_ref()
        .is_some_and(|kinds| kinds.iter().all(|kind| kind.is_gift_wrap()));
    let as_author = match &filter.authors {
        Some(authors) => authors.binary_search(key).is_ok(),
        None => !wraps,
    };
    let as_recipient = named.is_none_or(|tag| tag.contains(crate::hex::encode(&key.0).as_bytes()));
    as_author || as_recipient
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Event, EventBuilder, SecretKey, Timestamp};

    fn key(number: u8) -> SecretKey {
        SecretKey::from_bytes([number; 32]).unwrap()
    }

    fn event(kind: u16, author: u8, recipients: &[u8]) -> Event {
        let builder = EventBuilder::new(Kind(kind), Timestamp(1));
        recipients
            .iter()
            .fold(builder, |builder, number| {
                builder.tag(["p".to_owned(), key(*number).public_key().to_string()])
            })
            .sign(&key(author))
    }

    fn viewer(numbers: &[u8]) -> Viewer {
        let keys = numbers
            .iter()
            .map(|number| key(*number).public_key())
            .collect();
        Viewer::with_keys(Arc::default(), keys)
    }

    fn sees(viewer: &Viewer, event: &Event) -> bool {
        visible(&event.view(), viewer, &Filter::default())
    }

    #[test]
    fn r2_1_private_kinds_are_visible_to_their_parties() {
        for kind in [4, 1059, 21059] {
            let event = event(kind, 1, &[2, 3]);
            for party in [1, 2, 3] {
                assert!(sees(&viewer(&[party]), &event));
                assert!(sees(&viewer(&[9, party]), &event), "any of several keys");
            }
            assert!(!sees(&viewer(&[9]), &event));
            assert!(!sees(&Viewer::anonymous(Arc::default()), &event));
            assert!(sees(&Viewer::operator(), &event));
        }
    }

    #[test]
    fn r2_1_other_kinds_are_visible_to_everybody() {
        assert!(sees(&Viewer::anonymous(Arc::default()), &event(1, 1, &[2])));
    }

    #[test]
    fn r2_1_the_event_decides_not_the_filter() {
        let filter = |json: String| Filter::parse(json.as_bytes()).unwrap();
        let (me, other) = (key(2).public_key(), key(3).public_key());
        let both = filter(format!(
            "{{\"kinds\":[1059],\"#p\":[\"{me}\",\"{other}\"]}}"
        ));
        assert!(visible(&event(1059, 1, &[2]).view(), &viewer(&[2]), &both));
        assert!(!visible(&event(1059, 1, &[3]).view(), &viewer(&[2]), &both));
    }

    #[test]
    fn r2_1_group_messages_need_a_filter_with_h() {
        let message = EventBuilder::new(Kind(445), Timestamp(1))
            .tag(["h", "g"])
            .sign(&key(1));
        let through = |json: &str, viewer: &Viewer| {
            visible(
                &message.view(),
                viewer,
                &Filter::parse(json.as_bytes()).unwrap(),
            )
        };
        let anyone = Viewer::anonymous(Arc::default());
        assert!(through("{\"#h\":[\"g\"]}", &anyone));
        assert!(!through("{\"kinds\":[445]}", &anyone) && !through("{\"#H\":[\"g\"]}", &anyone));
        assert!(!through("{}", &viewer(&[1])), "not even to the author");
        assert!(through("{}", &Viewer::operator()));
    }

    #[test]
    fn r2_1_kinds_are_configurable() {
        let rules = Arc::new(VisibilityRules::new([Kind(9), Kind(4), Kind(9)], []));
        assert_eq!(
            (rules.private_kinds(), rules.group_kinds()),
            (&[Kind(4), Kind(9)][..], &[][..])
        );
        let anyone = Viewer::anonymous(rules);
        assert!(!sees(&anyone, &event(9, 1, &[])) && sees(&anyone, &event(1059, 1, &[])));
    }

    #[test]
    fn r2_1_requests_for_private_kinds_alone_need_a_party() {
        let (me, other) = (key(2).public_key(), key(3).public_key());
        let judge = |filters: &[String], viewer: &Viewer| {
            let filters: Vec<Filter> = filters
                .iter()
                .map(|json| Filter::parse(json.as_bytes()).unwrap())
                .collect();
            admission(&filters, viewer)
        };
        let (anyone, known) = (Viewer::anonymous(Arc::default()), viewer(&[2]));
        let mine = format!("{{\"kinds\":[1059],\"#p\":[\"{me}\"]}}");
        let theirs = format!("{{\"kinds\":[1059],\"#p\":[\"{other}\"]}}");
        let sent = format!("{{\"kinds\":[4],\"authors\":[\"{me}\"],\"#p\":[\"{other}\"]}}");
        let strange = format!("{{\"kinds\":[4],\"authors\":[\"{other}\"],\"#p\":[\"{other}\"]}}");
        let from_other = format!("{{\"kinds\":[4],\"authors\":[\"{other}\"]}}");
        let all: String = "{\"kinds\":[4,1059,21059]}".into();
        let notes: String = "{\"kinds\":[1,4]}".into();
        for filter in [&mine, &theirs, &sent, &strange, &from_other, &all] {
            assert_eq!(
                judge(std::slice::from_ref(filter), &anyone),
                Admission::AuthRequired,
                "{filter}"
            );
            assert_eq!(
                judge(std::slice::from_ref(filter), &Viewer::operator()),
                Admission::Open
            );
        }
        for filter in [&mine, &sent, &from_other, &all] {
            assert_eq!(
                judge(std::slice::from_ref(filter), &known),
                Admission::Open,
                "{filter}"
            );
        }
        for filter in [&theirs, &strange] {
            assert_eq!(
                judge(std::slice::from_ref(filter), &known),
                Admission::Restricted,
                "{filter}"
            );
        }
        assert_eq!(
            judge(&[theirs.clone(), mine], &known),
            Admission::Open,
            "one of them may be answered"
        );
        assert_eq!(
            judge(&[theirs, notes.clone()], &anyone),
            Admission::Open,
            "not private alone"
        );
        for open in [
            notes,
            "{}".into(),
            "{\"kinds\":[]}".into(),
            "{\"kinds\":[445]}".into(),
        ] {
            assert_eq!(judge(&[open], &anyone), Admission::Open);
        }
        assert_eq!(judge(&[], &anyone), Admission::Open);
    }
}
