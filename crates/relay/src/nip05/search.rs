//! What search asks of addresses: `domain:` (NIP-50) finds authors for whom a domain vouches.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use stentor_event::PublicKey;
use stentor_store::BoxFuture;
use stentor_store::search::{Claim, DomainVerifier};

use super::{Address, Addresses, Lifetimes, lookup};

/// How long what was found out counts for a search.
const LIFETIMES: Lifetimes = Lifetimes {
    verified: Duration::from_secs(24 * 3_600),
    failed: Duration::from_secs(3_600),
};
/// How long one search waits for servers; what is not known by then is found out for the next.
const PATIENCE: Duration = Duration::from_secs(3);

/// Verifies the claims of profiles for search.
pub(crate) struct Verifier(pub(crate) Arc<Addresses>);

impl Verifier {
    /// Whether the claim holds, by what is known or by asking.
    async fn holds(addresses: Arc<Addresses>, claim: Claim) -> bool {
        if let Some(known) = addresses.known(&claim.author, LIFETIMES) {
            return known.as_deref() == Some(claim.domain.as_str());
        }
        let Some(address) = Address::parse(&format!("{}@{}", claim.local, claim.domain)) else {
            return false;
        };
        let _turn = addresses.turns.acquire().await;
        let vouched = lookup::vouches(&addresses.dialer, &address, &claim.author).await;
        let domain = vouched.then(|| Arc::from(address.domain.as_str()));
        addresses.cache.put(claim.author, domain, Instant::now());
        vouched
    }
}

impl DomainVerifier for Verifier {
    fn is_verified(&self, author: &PublicKey, domains: &[String]) -> bool {
        let known = self.0.known(author, LIFETIMES).flatten();
        known.is_some_and(|known| domains.iter().any(|domain| **domain == *known))
    }

    fn verify<'a>(&'a self, claims: &'a [Claim]) -> BoxFuture<'a, Vec<bool>> {
        // Tasks of their own: what one search cannot wait for is there for the next one.
        let asked = claims.iter().cloned().map(|claim| {
            let task = tokio::spawn(Self::holds(Arc::clone(&self.0), claim));
            async move {
                let answer = tokio::time::timeout(PATIENCE, task).await;
                matches!(answer, Ok(Ok(true)))
            }
        });
        Box::pin(join_all(asked))
    }
}
