//! NIP-86 over HTTP.
