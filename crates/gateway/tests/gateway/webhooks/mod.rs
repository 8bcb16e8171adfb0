//! G4: webhooks, against receivers of every kind.

mod failing;
mod going_on;
mod harness;
mod hostile;
mod managing;
mod privacy;
mod receiver;
mod sending;
