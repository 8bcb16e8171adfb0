//! What is known of a relay's manners.

/// What is known of a relay's manners while one works with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Manner {
    /// Events to ask for in one page. Smaller for relays that hang up on more.
    pub limit: u64,
    /// Events to ask for where pages do not help.
    pub most: u64,
    /// The most that an answer with an end had: its cap is not below this.
    pub largest: u64,
    /// It does not send newest first.
    pub unordered: bool,
    /// It has sent newest first where another order would have shown.
    pub descends: bool,
    /// It sends what is older than asked for.
    pub ignores_since: bool,
    /// It sends what was not asked for in any case.
    pub deaf: bool,
    /// It says whether a page was all (NIP-67).
    pub hints: bool,
    /// Whether an answer had an end on this connection.
    pub ended: bool,
}

impl Manner {
    /// Nothing is known but how much to ask for.
    pub fn new(limit: u64, most: u64) -> Self {
        Self {
            limit: limit.max(1),
            most: most.max(limit).max(1),
            largest: 0,
            unordered: false,
            descends: false,
            ignores_since: false,
            deaf: false,
            hints: false,
            ended: false,
        }
    }
}
