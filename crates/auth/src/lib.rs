//! Who is asking: NIP-42 authentication
