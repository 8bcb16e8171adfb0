//! Who is asking: NIP-42 authentication of a connection, NIP-98 authentication of an HTTP request.
//!
//! Pure but for the drawing of random challenges: the time, the connection's own address and the public URLs of the relay are
//! arguments. What remembers which tokens have been used is the caller's ([`nip98::ReplayGuard`]).

mod challenge;
mod error;
mod keys;
mod nip42;
pub mod nip98;
mod place;

pub use challenge::Challenge;
pub use error::AuthError;
pub use keys::{Added, Keys};
pub use nip42::{MAX_SKEW_SECONDS, check};
pub use place::{Place, local_urls};
