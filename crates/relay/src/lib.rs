//! The Nostr relay
