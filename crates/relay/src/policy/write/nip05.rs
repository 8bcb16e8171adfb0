//! Rule `nip05`: authors with a verified address at certain domains (R4.2).

use std::sync::Arc;
use std::time::Duration;

use stentor_event::Kind;
use stentor_store::BoxFuture;

use super::super::Verdict;
use super::{Asked, WriteRule, Writing};
use crate::config;
use crate::nip05::{Addresses, Lifetimes};
use crate::state::Surroundings;

/// Taken from anyone: the address is in the first, and the second tells where to find the author.
const OPEN: [Kind; 2] = [Kind(0), Kind(10_002)];

struct Nip05 {
    domains: Arc<[String]>,
    lifetimes: Lifetimes,
    addresses: Arc<Addresses>,
}

/// The rule; none when no domain is named.
pub(super) fn rule(
    config: &config::Nip05,
    surroundings: &Surroundings,
) -> Option<Arc<dyn WriteRule>> {
    if config.domains.is_empty() {
        return None;
    }
    let domains = config.domains.iter().map(|domain| domain.to_lowercase());
    Some(Arc::new(Nip05 {
        domains: domains.collect(),
        lifetimes: Lifetimes {
            verified: Duration::from_secs(config.verified_hours * 3_600),
            failed: Duration::from_secs(config.failed_minutes * 60),
        },
        addresses: Arc::clone(&surroundings.addresses),
    }))
}

impl WriteRule for Nip05 {
    fn judge(&self, writing: &Writing<'_>) -> Verdict {
        let event = writing.event;
        let exempt = OPEN.contains(&event.kind()) || event.kind().is_gift_wrap();
        if exempt || writing.standing.is_member(&event.pubkey()) {
            return Verdict::Pass;
        }
        match self.addresses.known(&event.pubkey(), self.lifetimes) {
            None => Verdict::Ask,
            Some(Some(domain)) if is_among(&self.domains, &domain) => Verdict::Pass,
            Some(_) => refusal(),
        }
    }

    fn ask(&self, asked: &Asked) -> BoxFuture<'static, Verdict> {
        let (addresses, domains) = (Arc::clone(&self.addresses), Arc::clone(&self.domains));
        let author = asked.event.pubkey();
        Box::pin(async move {
            let wanted = |domain: &str| is_among(&domains, domain);
            match addresses.find_out(author, wanted).await {
                Some(_) => Verdict::Pass,
                None => refusal(),
            }
        })
    }
}

fn is_among(domains: &[String], domain: &str) -> bool {
    domains.iter().any(|own| own == domain)
}

fn refusal() -> Verdict {
    Verdict::refuse("restricted: writing here needs a verified address (NIP-05) at certain domains")
}
