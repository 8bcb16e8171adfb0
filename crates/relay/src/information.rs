//! The relay information document (NIP-11), computed from what is on (R1.14).

use stentor_event::SubscriptionId;
use stentor_event::nip11::{Limitation, RelayInformation};

use crate::config::Limits;
use crate::state::{Settings, State};

/// Where the project lives.
const SOFTWARE: &str = env!("CARGO_PKG_REPOSITORY");

/// The NIPs that every configuration supports. Deletion, expiration, authentication, counts, requests to vanish, completeness
/// hints and protected events have no switch.
const NIPS: [u16; 9] = [1, 9, 11, 40, 42, 45, 62, 67, 70];

/// The document.
pub(crate) fn information(state: &State, settings: &Settings) -> RelayInformation {
    let info = &settings.config.info;
    RelayInformation {
        name: Some(info.name.clone()),
        description: Some(info.description.clone()),
        banner: info.banner.clone(),
        icon: info.icon.clone(),
        pubkey: info.pubkey.clone(),
        self_key: state.own_key.map(|key| key.to_string()),
        contact: info.contact.clone(),
        supported_nips: nips(state.search(settings).is_some()),
        software: Some(SOFTWARE.to_owned()).filter(|url| !url.is_empty()),
        version: Some(env!("CARGO_PKG_VERSION").to_owned()),
        terms_of_service: info.terms_of_service.clone(),
        limitation: Some(limitation(settings)),
        ..RelayInformation::default()
    }
}

/// The NIPs that are supported, ascending; 50 where there is search.
fn nips(search: bool) -> Vec<u16> {
    let mut nips = NIPS.to_vec();
    nips.extend(search.then_some(50));
    nips.sort_unstable();
    nips
}

/// Every limit that the NIP has a name for, as it is enforced; those that are off are left out.
fn limitation(settings: &Settings) -> Limitation {
    let Limits {
        subscriptions,
        limit,
        tags,
        message_bytes,
        ..
    } = settings.config.limits;
    let policy = &settings.config.policy;
    Limitation {
        max_message_length: on(message_bytes as u64),
        max_subscriptions: on(subscriptions as u64),
        max_limit: on(limit as u64),
        default_limit: on(limit as u64),
        max_subid_length: Some(SubscriptionId::MAX_CHARS as u64),
        max_event_tags: on(tags as u64),
        auth_required: Some(false),
        payment_required: Some(false),
        restricted_writes: Some(false),
        created_at_lower_limit: on(policy.created_at_behind),
        created_at_upper_limit: on(policy.created_at_ahead),
        ..Limitation::default()
    }
}

/// A limit that is on.
fn on(limit: u64) -> Option<u64> {
    Some(limit).filter(|limit| *limit != 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn r1_14_limits_that_are_off_are_not_advertised() {
        let mut config = Config::default();
        let limits = limitation(&Settings::new(config.clone(), None).unwrap());
        assert_eq!(
            (
                limits.max_limit,
                limits.max_event_tags,
                limits.created_at_upper_limit
            ),
            (Some(500), Some(4_000), Some(900))
        );
        assert_eq!(limits.created_at_lower_limit, None);
        config.limits.tags = 0;
        config.policy.created_at_behind = 7;
        let limits = limitation(&Settings::new(config, None).unwrap());
        assert_eq!(
            (limits.max_event_tags, limits.created_at_lower_limit),
            (None, Some(7))
        );
    }
}
