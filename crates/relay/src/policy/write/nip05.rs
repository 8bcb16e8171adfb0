//! Rule `nip05`: authors with a verified address at certain domains (R4.2).

use std::sync::Arc;
use std::time::Duration;

use stentor_event::Kind;
use stentor_store::BoxFuture;

use super::super::{Rejection, Verdict};
use super::{Asked, WriteRule, Writing};
use crate::config;
use crate::metrics::EventOutcome;
use crate::nip05::{Addresses, Answer, Finding, Lifetimes};
use crate::state::Surroundings;

/// Taken from anyone: the address is in the first, and the second tells where to find the author.
const OPEN: [Kind; 2] = [Kind(0), Kind(10_002)];
/// Domains up to which a refusal names them.
const NAMED: usize = 5;

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
        let author = event.pubkey();
        let mut domains = self.domains.iter();
        if domains.any(|domain| self.addresses.vouched(&author, domain, self.lifetimes)) {
            return Verdict::Pass;
        }
        // What the profile names by now is in the store.
        Verdict::Ask
    }

    fn ask(&self, asked: &Asked) -> BoxFuture<'static, Verdict> {
        let (addresses, domains) = (Arc::clone(&self.addresses), Arc::clone(&self.domains));
        let (author, lifetimes) = (asked.event.pubkey(), self.lifetimes);
        Box::pin(async move {
            let wanted = |domain: &str| domains.iter().any(|own| own == domain);
            match addresses.find_out(author, lifetimes, wanted).await {
                Ok(finding) => verdict(&finding, &domains),
                Err(_) => later("the author's profile cannot be read now, try again"),
            }
        })
    }
}

/// What follows from what was found out.
fn verdict(finding: &Finding, domains: &[String]) -> Verdict {
    match finding {
        Finding::NoAddress => Verdict::refuse(format!(
            "restricted: writing here needs a profile (kind 0) with an address (NIP-05) at {}",
            among(domains)
        )),
        Finding::Domain(_, Answer::Yes) => Verdict::Pass,
        Finding::Domain(domain, Answer::No) => Verdict::refuse(format!(
            "restricted: {domain} does not say that the address (NIP-05) in the profile is this key's"
        )),
        Finding::Domain(domain, Answer::Unknown) => {
            later(&format!("{domain} cannot be asked now, try again"))
        }
    }
}

/// The domains in words.
fn among(domains: &[String]) -> String {
    match domains {
        [only] => only.clone(),
        _ if domains.len() <= NAMED => format!("one of {}", domains.join(", ")),
        _ => format!("one of {} certain domains", domains.len()),
    }
}

/// Not taken now.
fn later(reason: &str) -> Verdict {
    let reason = format!("error: {reason}");
    Verdict::Refuse(Rejection::new(EventOutcome::Failed, reason))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r4_2_a_refusal_names_what_is_needed() {
        let said = |finding: &Finding, domains: &[&str]| {
            let domains: Vec<String> = domains.iter().map(|it| (*it).to_owned()).collect();
            match verdict(finding, &domains) {
                Verdict::Refuse(rejection) => rejection.reason.into_owned(),
                other => format!("{other:?}"),
            }
        };
        let nothing = Finding::NoAddress;
        assert!(said(&nothing, &["a.example"]).ends_with("at a.example"));
        let two = said(&nothing, &["a.example", "b.example"]);
        assert!(two.starts_with("restricted: ") && two.ends_with("one of a.example, b.example"));
        assert!(said(&nothing, &["a.example"; 6]).ends_with("one of 6 certain domains"));
        let asked = |answer| said(&Finding::Domain("a.example".into(), answer), &["a.example"]);
        assert_eq!(asked(Answer::Yes), "Pass");
        assert!(asked(Answer::No).starts_with("restricted: a.example does not say"));
        assert_eq!(
            asked(Answer::Unknown),
            "error: a.example cannot be asked now, try again"
        );
    }
}
