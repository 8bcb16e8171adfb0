//! Pages for people (O4.4), rendered on the server over the readers of [`crate::answer`] and the components of `stentor_console`.
//!
//! Data flow: `routes` leads a request to its page; [`visit::Visit`] lets it in, takes its place and reads its address; the page asks the
//! readers, bounded, never the records; what it makes is put into the frame that all pages have (`shell`). What goes wrong is a page
//! too. Filters, order and ranges are in addresses, so that what is seen can be passed on; with the script of the console parts of a page
//! follow `live`, without it all of it works as well.
//!
//! Who may see: everybody where `observatory.public`; else whoever has `observatory:read`, by the `Authorization` header or by a cookie
//! that `sign_in` sets, which is judged at each request as the header would be. Pages only show; nothing here changes anything.
//!
//! Limits: as many at once as the programs' answers ([`Api::place`]), 20 seconds each, lists in pages of at most 500 rows, and
//! [`live::MOST`] streams.

mod failure;
mod live;
mod relay;
mod relays;
mod routes;
mod shell;
mod sign_in;
#[cfg(test)]
mod tests;
mod visit;
mod words;

use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::api::Api;
use crate::ground::Ground;

/// What the pages share.
#[derive(Clone)]
pub(crate) struct Pages {
    api: Api,
    /// Places of streams.
    streams: Arc<Semaphore>,
}

impl Pages {
    /// What the readers read.
    fn ground(&self) -> &Ground {
        &self.api.observatory.ground
    }

    /// Whether everybody may see.
    fn is_public(&self) -> bool {
        self.ground().config.public
    }
}
