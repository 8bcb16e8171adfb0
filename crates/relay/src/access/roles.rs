//! Roles of members (NIP-43).

/// A role that members can have. What it allows is said in the configuration, by its id.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Role {
    /// Its id: the `d` tag of the event that defines it.
    pub id: String,
    /// What people call it.
    pub label: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// A hue, 0 to 360.
    pub color: Option<u16>,
    /// Where it stands among the roles when they are shown.
    pub order: Option<i64>,
}
