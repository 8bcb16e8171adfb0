//! Whether there is a place for a candidate among the relays (O1.3).
//!
//! A relay stays one for ever, is checked again and again and archived. So there are so many of a host, and so many in all; what has no
//! place stays a candidate, and is not even dialled. What the operator has named has a place in any case, and so has a host itself,
//! without port and path, among its own URLs.

use super::candidates;
use super::hosts::Hosts;
use super::intake::Intake;
use super::named;
use super::places::size;
use super::probe::{Evidence, Failure};
use crate::config::Discover;
use crate::error::Error;
use crate::relay_url::RelayUrl;
use crate::table::Relay;

impl Intake {
    /// Whether this candidate may become a relay; why not.
    ///
    /// # Errors
    /// Those of the records.
    pub async fn place(&self, candidate: &Relay) -> Result<Result<(), Failure>, Error> {
        let lacks = lack(
            &self.ground.config.discover,
            &self.hosts.lock(),
            &candidate.url,
        );
        let Err(full) = lacks else {
            return Ok(Ok(()));
        };
        let named = self.named.contains(&candidate.url)
            || named::in_records(&self.ground.records, candidate.id).await?;
        Ok(if named { Ok(()) } else { Err(full) })
    }

    /// Makes a candidate that spoke Nostr a relay; says whether it was a candidate still, or why it may not.
    ///
    /// # Errors
    /// Those of the records.
    pub async fn promote(
        &self,
        candidate: &Relay,
        evidence: Evidence,
    ) -> Result<Result<bool, Failure>, Error> {
        // Others of its host may have become relays while it was asked.
        if let Err(full) = self.place(candidate).await? {
            return Ok(Err(full));
        }
        // Its place is taken before it is written down, so that no other takes it, too.
        self.hosts.lock().promoted(&candidate.url);
        let now_ms = self.ground.clock.now_ms();
        let promoting = candidates::promote(&self.ground.records, candidate.id, evidence, now_ms);
        let promoted = promoting.await;
        if !promoted.as_ref().is_ok_and(|promoted| *promoted) {
            self.hosts.lock().not_promoted(&candidate.url);
        }
        Ok(Ok(promoted?))
    }
}

/// Why there is no place for one more that nobody of ours has named.
fn lack(config: &Discover, hosts: &Hosts, url: &RelayUrl) -> Result<(), Failure> {
    if hosts.total().relays >= size(config.relays) {
        let detail = format!("there are {} relays already", config.relays);
        return Err(Failure::new("full", &detail));
    }
    if !url.is_bare() && hosts.of(url.host()).relays >= size(config.relays_per_host) {
        let detail = format!("its host has {} relays already", config.relays_per_host);
        return Err(Failure::new("full", &detail));
    }
    Ok(())
}
