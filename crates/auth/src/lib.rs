//! Who is asking, and what they may do: every surface gets one [`Principal`] for it, whatever was shown.
//!
//! * API keys, tenants and revocations are in the records and in the memory of each node ([`Registry`]).
//! * NIP-42 authenticates a connection of the relay ([`check`]), NIP-98 an HTTP request ([`nip98`]).

mod challenge;
pub mod config;
mod error;
mod failure;
mod keys;
mod manage_error;
mod metrics;
mod nip42;
pub mod nip98;
mod place;
mod principal;
mod random;
mod registry;
mod schema;
mod scope;
mod tenant;

pub use challenge::Challenge;
pub use error::AuthError;
pub use failure::{AuthFailure, Category};
pub use keys::{Added, Keys};
pub use manage_error::ManageError;
pub use nip42::{MAX_SKEW_SECONDS, check};
pub use place::{Place, local_urls};
pub use principal::{Credential, EndReason, Principal};
pub use registry::{ApiKey, KeyText, Minted, NewKey, Registry, TenantRecord};
pub use scope::{Scope, ScopeError, Scopes};
pub use tenant::{Tenant, TenantError};
