//! What search asks of addresses: `domain:` (NIP-50) finds authors for whom a domain vouches.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use stentor_event::PublicKey;
use stentor_store::BoxFuture;
use stentor_store::search::{Claim, DomainVerifier};
use tokio::time::timeout_at;

use super::desk::Flight;
use super::{Address, Addresses, Answer, Lifetimes};

/// How long what was found out counts for a search.
const LIFETIMES: Lifetimes = Lifetimes {
    verified: Duration::from_secs(24 * 3_600),
    failed: Duration::from_secs(3_600),
};
/// How long one search waits for servers; what is not known by then is found out for the next.
const PATIENCE: Duration = Duration::from_secs(3);

/// Verifies the claims of profiles for search.
pub(crate) struct Verifier(pub(crate) Arc<Addresses>);

/// How it stands with a claim.
enum Claimed {
    Known(Answer),
    Asked(Flight),
}

impl Verifier {
    /// What is known of a claim, or the look-up that tells, if one `may` be made.
    fn look_at(&self, claim: &Claim, may: bool) -> Claimed {
        let Some(address) = Address::parse(&format!("{}@{}", claim.local, claim.domain)) else {
            return Claimed::Known(Answer::No);
        };
        let (author, now) = (claim.author, Instant::now());
        if let Some(known) = self.0.cache.get(&author, &address, LIFETIMES, now) {
            return Claimed::Known(known);
        }
        let flight = may.then(|| self.0.searches.ask(author, &address, LIFETIMES));
        let flight = flight.flatten();
        flight.map_or(Claimed::Known(Answer::Unknown), Claimed::Asked)
    }
}

impl DomainVerifier for Verifier {
    fn is_verified(&self, author: &PublicKey, domains: &[String]) -> bool {
        let vouches = |domain: &String| self.0.vouched(author, domain, LIFETIMES);
        domains.iter().any(vouches)
    }

    fn verify<'a>(&'a self, claims: &'a [Claim]) -> BoxFuture<'a, Vec<bool>> {
        Box::pin(async move {
            let turn = self.0.searching.try_acquire();
            if turn.is_err() {
                self.0.searches.over("searches");
            }
            let deadline = tokio::time::Instant::now() + PATIENCE;
            let asked = claims.iter().map(|claim| {
                let claimed = self.look_at(claim, turn.is_ok());
                async move {
                    let answer = match claimed {
                        Claimed::Known(answer) => answer,
                        Claimed::Asked(flight) => {
                            let answer = timeout_at(deadline, flight).await;
                            answer.unwrap_or(Answer::Unknown)
                        }
                    };
                    answer == Answer::Yes
                }
            });
            join_all(asked).await
        })
    }
}
