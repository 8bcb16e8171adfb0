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
