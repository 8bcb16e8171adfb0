//! The guards at the doors: rate limits and client addresses
