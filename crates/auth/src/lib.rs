//! Who is asking, and what they may do: every surface gets one [`Principal`] for it, whatever was shown.
//!
//! [`Authenticator`] puts all together: it tells who makes a request, and later whether that is still good.
//!
//! * API keys, tenants and revocations are in the records and in the memory of each node ([`Registry`]).
//! * Signed tokens (JWT) are our own or of issuers elsewhere; about others their issuer can be asked.
//! * Stream tickets are for browsers, which cannot send headers with a stream ([`Redeemed`]).
//! * NIP-42 authenticates a connection of the relay ([`check`]), NIP-98 an HTTP request ([`nip98`]).
//! * The [`Audit`] says who came and who was not let in.
//!
//! All times are arguments. What talks HTTP makes its answers of [`AuthFailure`] and [`EndReason`]; nothing here does.

mod audit;
mod authenticator;
mod background;
mod challenge;
pub mod config;
mod error;
mod failure;
mod introspection;
mod jwt;
mod keys;
mod manage_error;
mod metrics;
mod nip42;
pub mod nip98;
mod nostr;
mod open_error;
mod place;
mod principal;
mod random;
mod registry;
mod request;
mod schema;
mod scope;
pub mod secret_file;
mod tenant;
mod ticket;
mod used_tokens;

pub use audit::{Audit, AuditKind, AuditLine};
pub use authenticator::{Authenticator, Parts};
pub use challenge::Challenge;
pub use error::AuthError;
pub use failure::{AuthFailure, Category};
pub use jwt::Issued;
pub use keys::{Added, Keys};
pub use manage_error::ManageError;
pub use nip42::{MAX_SKEW_SECONDS, check};
pub use open_error::OpenError;
pub use place::{Place, local_urls};
pub use principal::{Credential, EndReason, Principal};
pub use registry::{ApiKey, KeyText, KeyTextError, Minted, NewKey, Registry, TenantRecord};
pub use request::RequestHead;
pub use scope::{Scope, ScopeError, Scopes};
pub use secret_file::SecretError;
pub use tenant::{Tenant, TenantError};
pub use ticket::{Lease, MintedTicket, Redeemed, Seal, Surface, TicketText, TicketTextError};
pub use used_tokens::UsedTokens;
