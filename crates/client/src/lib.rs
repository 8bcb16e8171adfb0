//! Follows what happens in a Stentor node, for as long as it is wanted: through restarts, each envelope once and in order.
//!
//! [`Follow`] decides, and does neither I/O nor look at a clock: bytes of a stream go in, what they tell comes out, and when a
//! connection has ended it says how long to wait. [`Feed`] is that with a connection, over Server-Sent Events:
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use stentor_client::{Dialer, Feed, Options, Told};
//!
//! let dialer = Dialer::new(&Default::default())?;
//! let mut feed = Feed::new(dialer, Options::new("https://relay.example.com").with_token("stk_…"))?;
//! loop {
//!     match feed.next().await? {
//!         Told::Event(event) => println!("{} {}", event.envelope.kind, event.envelope.data),
//!         Told::Gap(gap) => eprintln!("{gap:?}"),
//!         Told::End(reason) => eprintln!("{reason}"),
//!     }
//! }
//! # }
//! ```

mod decode;
mod envelope;
mod feed;
mod follow;
mod options;

pub use decode::{Decoded, Decoder, TooLarge};
pub use envelope::Envelope;
pub use feed::{Feed, FeedError};
pub use follow::{Event, Fault, Follow, Gap, SILENCE, Told};
pub use options::{Options, Since};
pub use stentor_net::dial::{Config as DialerConfig, Dialer};
