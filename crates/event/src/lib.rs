//! Nostr events, filters, wire messages, ids, signatures and visibility: pure, no I/O, no clock
