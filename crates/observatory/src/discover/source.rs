//! Where a relay's URL was found.

/// Where a relay's URL was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Source {
    /// In the list that is built in.
    BuiltIn,
    /// In `observatory.discover.seeds`.
    Seeds,
    /// In `observatory.discover.seed_file`.
    SeedFile,
    /// In a list on a web server.
    HttpList,
    /// In a relay's NIP-11 document.
    Document,
    /// In the content of a contact list, where old clients keep their relays (NIP-02).
    Contacts,
    /// In a relay list (NIP-65).
    RelayList,
    /// Among the relays for private messages (NIP-17).
    MessageRelays,
    /// Among the relays for key packages (Marmot).
    KeyPackageRelays,
    /// Among blocked relays (NIP-51).
    BlockedRelays,
    /// Among relays to search on (NIP-51).
    SearchRelays,
    /// Among favourite relays (NIP-51).
    FavouriteRelays,
    /// In a set of relays (NIP-51).
    RelaySet,
    /// In what another monitor publishes (NIP-66).
    Monitor,
    /// In an `r` or `relay` tag of any other event.
    Tag,
    /// As a hint where to find what a tag names.
    Hint,
    /// In an export of another archive.
    Export,
}

impl Source {
    /// Whether the operator has named it, so that there is room kept for what it names.
    #[must_use]
    pub const fn is_operators(self) -> bool {
        self.names_one_by_one() || matches!(self, Self::HttpList)
    }

    /// Whether the operator has named each of its relays, and not only where to find some.
    #[must_use]
    pub const fn names_one_by_one(self) -> bool {
        matches!(self, Self::BuiltIn | Self::Seeds | Self::SeedFile)
    }

    /// Its word in tables and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BuiltIn => "built_in",
            Self::Seeds => "seeds",
            Self::SeedFile => "seed_file",
            Self::HttpList => "http_list",
            Self::Document => "nip11",
            Self::Contacts => "kind_3",
            Self::RelayList => "kind_10002",
            Self::MessageRelays => "kind_10050",
            Self::KeyPackageRelays => "kind_10051",
            Self::BlockedRelays => "kind_10006",
            Self::SearchRelays => "kind_10007",
            Self::FavouriteRelays => "kind_10012",
            Self::RelaySet => "kind_30002",
            Self::Monitor => "kind_30166",
            Self::Tag => "tag",
            Self::Hint => "hint",
            Self::Export => "export",
        }
    }
}
