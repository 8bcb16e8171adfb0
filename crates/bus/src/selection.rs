//! Who reads, what is wanted, and the one place where it is decided who is shown what (G2.3).

use stentor_event::{Filter, Timestamp, Viewer, visible};
use stentor_store::{EventStore, Former, PartyTag};

use crate::entry::Entry;
use crate::envelope::Data;
use crate::{EventType, Family};

/// How far a right to a family of types reaches. Families that belong to nobody have no such difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Breadth {
    /// To what is one's own.
    Own,
    /// To all of the tenant's.
    All,
}

/// Who reads.
#[derive(Debug, Clone)]
pub struct Audience {
    /// The families that may be seen, and how much of them.
    pub rights: Vec<(Family, Breadth)>,
    /// The tenant of the reader.
    pub tenant: String,
    /// Who the reader is within the tenant.
    pub owner: String,
    /// Who the reader is to the relay's rule of visibility.
    pub viewer: Viewer,
    /// Whether the reader is shown details.
    pub verbose: bool,
}

impl Audience {
    fn breadth(&self, family: Family) -> Option<Breadth> {
        let rights = self.rights.iter();
        let reaching = rights.filter(|(of, _)| *of == family);
        reaching.map(|(_, breadth)| *breadth).max()
    }

    /// Whether something of this type, that belongs to this tenant and owner, is within the reader's rights. For events of Nostr, whether
    /// one may be seen is to be asked of the event ([`crate::Bus::again`]).
    pub fn reaches(
        &self,
        event_type: EventType,
        tenant: Option<&str>,
        owner: Option<&str>,
    ) -> bool {
        let family = event_type.family();
        let Some(breadth) = self.breadth(family) else {
            return false;
        };
        let own = owner == Some(&*self.owner);
        !family.is_owned() || tenant == Some(&*self.tenant) && (breadth == Breadth::All || own)
    }
}

/// What is wanted.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Interest {
    /// Beginnings of types' names; empty: all types.
    pub types: Vec<String>,
    /// Subjects; empty: any.
    pub subjects: Vec<String>,
    /// Which events of Nostr: holds for `nostr.*` alone. An event that is gone is told of when its id, kind and author match, as
    /// nothing else is remembered of it.
    pub filter: Option<Filter>,
    /// Of several that wait for this reader with one type and subject, only the last, for types that are made for it.
    pub coalesce: bool,
}

impl Interest {
    /// Whether a type is wanted.
    pub fn names(&self, event_type: EventType) -> bool {
        let mut types = self.types.iter();
        self.types.is_empty() || types.any(|beginning| event_type.begins_with(beginning))
    }

    /// Whether a subject is wanted.
    pub fn wants(&self, subject: Option<&str>) -> bool {
        let mut subjects = self.subjects.iter();
        self.subjects.is_empty() || subjects.any(|wanted| Some(wanted.as_str()) == subject)
    }
}

/// Who reads what: decides about each entry.
#[derive(Debug)]
pub(crate) struct Selection {
    audience: Audience,
    pub(crate) interest: Interest,
    /// The types that are wanted and may be seen.
    types: Vec<EventType>,
    /// The filter that events are seen through.
    through: Filter,
    /// What stands for the filter's authors, and for the reader's keys, in what is remembered of events that are gone.
    authors: Option<Vec<PartyTag>>,
    keys: Vec<(stentor_event::PublicKey, PartyTag)>,
}

impl Selection {
    pub fn new(audience: Audience, interest: Interest, store: &dyn EventStore) -> Self {
        let wanted = EventType::ALL.iter().filter(|one| interest.names(**one));
        let types = wanted
            .filter(|one| audience.breadth(one.family()).is_some())
            .copied()
            .collect();
        let through = interest.filter.clone().unwrap_or_default();
        let authors = through.authors.as_ref().map(|authors| {
            let mut tags: Vec<PartyTag> = authors.iter().map(|key| store.party_tag(key)).collect();
            tags.sort_unstable();
            tags
        });
        let keys = audience.viewer.keys.iter();
        let keys = keys.map(|key| (*key, store.party_tag(key))).collect();
        Self {
            audience,
            interest,
            types,
            through,
            authors,
            keys,
        }
    }

    /// Whether the reader is shown details.
    pub const fn is_verbose(&self) -> bool {
        self.audience.verbose
    }

    /// Whether the entry is wanted by this reader, and may be shown to it now.
    pub fn takes(&self, entry: &Entry, now: Timestamp) -> bool {
        let envelope = &entry.envelope;
        self.types.contains(&envelope.event_type)
            && self.interest.wants(envelope.subject.as_deref())
            && self.is_within(entry)
            && self.is_shown(entry)
            && entry.lasts(now)
    }

    /// Whether it belongs to the reader, to the reader's tenant where the right reaches so far, or to nobody.
    fn is_within(&self, entry: &Entry) -> bool {
        let envelope = &entry.envelope;
        let (tenant, owner) = (envelope.tenant.as_deref(), envelope.owner.as_deref());
        self.audience.reaches(envelope.event_type, tenant, owner)
    }

    /// For events of Nostr: whether they match, and may be seen.
    fn is_shown(&self, entry: &Entry) -> bool {
        match (&entry.envelope.data, &entry.former) {
            (Data::Event(event), _) => {
                let view = event.view();
                let viewer = &self.audience.viewer;
                self.through.matches(&view) && visible(&view, viewer, &self.through)
            }
            (Data::Json(_), Some(former)) => self.is_told_of(former),
            // What left before anything was remembered but its id.
            (Data::Json(_), None) if entry.envelope.event_type.family() == Family::Nostr => {
                self.audience.viewer.is_operator()
            }
            (Data::Json(_), None) => true,
        }
    }

    fn is_told_of(&self, former: &Former) -> bool {
        let filter = &self.through;
        let ids = filter.ids.as_ref();
        let kinds = filter.kinds.as_ref();
        let authors = self.authors.as_ref();
        ids.is_none_or(|ids| ids.binary_search(&former.id).is_ok())
            && kinds.is_none_or(|kinds| kinds.binary_search(&former.kind).is_ok())
            && authors.is_none_or(|authors| authors.binary_search(&former.author).is_ok())
            && former.visible(&self.audience.viewer, |key| self.tag(key))
    }

    fn tag(&self, key: &stentor_event::PublicKey) -> PartyTag {
        let mut known = self.keys.iter().filter(|(one, _)| one == key);
        known.next().map_or(PartyTag(0), |(_, tag)| *tag)
    }
}
