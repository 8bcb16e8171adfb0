//! Access: who is a member, who and what is banned or allowed (R3), as admins and members have left it.
//!
//! [`Lists`] is the whole of it in memory, replaced as a whole when something changes; every event and every connection is
//! judged against the newest.

mod lists;

pub(crate) use lists::Lists;
