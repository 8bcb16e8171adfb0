//! Management of the relay by its admins (NIP-86, R3.2) and from the shell.
//!
//! [`Management`] does what a method asks for, whoever calls it: admins over HTTP ([`http`]), the operator by `stentor
//! admin`. It changes the access lists, and the store where that follows: what is banned goes away.

mod call;
mod http;

mod params;

pub use call::{CallError, Management};
pub(crate) use http::rpc;

/// The methods of NIP-86, in the order of the NIP.
pub(crate) const METHODS: [&str; 25] = [
    "supportedmethods",
    "banpubkey",
    "unbanpubkey",
    "listbannedpubkeys",
    "allowpubkey",
    "unallowpubkey",
    "listallowedpubkeys",
    "createrole",
    "editrole",
    "deleterole",
    "assignrole",
    "unassignrole",
    "listeventsneedingmoderation",
    "allowevent",
    "banevent",
    "listbannedevents",
    "changerelayname",
    "changerelaydescription",
    "changerelayicon",
    "allowkind",
    "disallowkind",
    "listallowedkinds",
    "blockip",
    "unblockip",
    "listblockedips",
];

/// All methods, those for the shell included.
pub fn methods() -> Vec<&'static str> {
    METHODS.iter().chain(&SHELL_METHODS).copied().collect()
}

/// What only the shell can do.
pub(crate) const SHELL_METHODS: [&str; 10] = [
    "forgetkind",
    "listkinds",
    "addmember",
    "removemember",
    "listmembers",
    "listroles",
    "createinvite",
    "listinvites",
    "revokeinvite",
    "readaudit",
];
