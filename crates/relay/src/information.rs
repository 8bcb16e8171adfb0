//! The relay information document (NIP-11), computed from what is on (R1.14).

use stentor_event::SubscriptionId;
use stentor_event::nip11::{Limitation, RelayInformation};

use crate::access::Lists;
use crate::config::{Entrance, Limits, Who, WriteRule};
use crate::state::{Settings, State};

/// Where the project lives.
const SOFTWARE: &str = env!("CARGO_PKG_REPOSITORY");

/// The NIPs that a relay can support, and what they are about.
pub(crate) const NIPS: [(u16, &str); 14] = [
    (1, "Events, filters, subscriptions"),
    (9, "Deletion requests"),
    (11, "Information about the relay"),
    (13, "Proof of work"),
    (40, "Expiring events"),
    (42, "Authentication of clients"),
    (43, "Membership"),
    (45, "Counts"),
    (50, "Search"),
    (62, "Requests to vanish"),
    (67, "Completeness of answers"),
    (70, "Protected events"),
    (77, "Reconciliation"),
    (86, "Management"),
];

/// What can be read about the relay through the listener of this name.
pub(crate) fn information(state: &State, settings: &Settings, listener: &str) -> RelayInformation {
    let (info, lists) = (&settings.config.info, state.lists());
    let entrance = settings.config.access.entrance(listener);
    RelayInformation {
        name: lists.name.clone().or_else(|| Some(info.name.clone())),
        description: Some(
            lists
                .description
                .as_ref()
                .unwrap_or(&info.description)
                .clone(),
        ),
        banner: info.banner.clone(),
        icon: lists.icon.clone().or_else(|| info.icon.clone()),
        pubkey: info.pubkey.clone(),
        self_key: Some(state.own_key.public_key().to_string()),
        contact: info.contact.clone(),
        supported_nips: supported(settings, state.search(settings).is_some()),
        supported_extensions: extensions(settings),
        software: Some(SOFTWARE.to_owned()).filter(|url| !url.is_empty()),
        version: Some(env!("CARGO_PKG_VERSION").to_owned()),
        terms_of_service: info.terms_of_service.clone(),
        limitation: Some(limitation(settings, &lists, entrance)),
        ..RelayInformation::default()
    }
}

/// The NIPs that are switched on, in order.
fn supported(settings: &Settings, search: bool) -> Vec<u16> {
    let config = &settings.config;
    let is_on = |nip: u16| match nip {
        13 => settings.policy.write.has(WriteRule::Work),
        43 => config.membership.enabled,
        50 => search,
        77 => config.negentropy.enabled,
        86 => !config.access.admins.is_empty(),
        // Deletion, expiration, authentication, counts, requests to vanish, completeness hints and protected events have
        // no switch.
        _ => true,
    };
    NIPS.iter()
        .map(|(nip, _)| *nip)
        .filter(|nip| is_on(*nip))
        .collect()
}

/// What is on that is no NIP.
fn extensions(settings: &Settings) -> Vec<String> {
    let marmot = settings.policy.write.has(WriteRule::Marmot);
    marmot.then(|| "marmot".to_owned()).into_iter().collect()
}

/// Every limit that the NIP has a name for, as it is enforced; those that are off are left out.
fn limitation(settings: &Settings, lists: &Lists, entrance: Entrance) -> Limitation {
    let Limits {
        subscriptions,
        limit,
        tags,
        message_bytes,
        ..
    } = settings.config.limits;
    let (policy, rules) = (&settings.config.policy, &settings.policy.write);
    let of_rule = |rule, limit: u64| on(limit).filter(|_| rules.has(rule));
    let (read, write) = settings.policy.auth.requires(entrance);
    Limitation {
        max_message_length: on(message_bytes as u64),
        max_subscriptions: on(subscriptions as u64),
        max_limit: on(limit as u64),
        default_limit: on(limit as u64),
        max_subid_length: Some(SubscriptionId::MAX_CHARS as u64),
        max_event_tags: on(tags as u64),
        max_content_length: of_rule(WriteRule::Sizes, policy.sizes.content_chars as u64),
        min_pow_difficulty: of_rule(WriteRule::Work, u64::from(policy.work.bits)),
        auth_required: Some(read && write),
        payment_required: Some(false),
        restricted_writes: Some(restricts_writes(settings, lists, entrance)),
        created_at_lower_limit: of_rule(WriteRule::Time, policy.time.behind_seconds),
        created_at_upper_limit: of_rule(WriteRule::Time, policy.time.ahead_seconds),
    }
}

/// Whether who wants to write must know what this relay wants.
fn restricts_writes(settings: &Settings, lists: &Lists, entrance: Entrance) -> bool {
    let (policy, rules) = (&settings.config.policy, &settings.policy.write);
    let members =
        entrance.write == Who::Members || !policy.keys.allow.is_empty() || lists.has_allow_list();
    let kinds = !policy.kinds.allow.is_empty() || lists.has_allowed_kinds();
    let newcomers = policy.newcomers.per_hour == 0;
    (members && rules.has(WriteRule::Keys))
        || (kinds && rules.has(WriteRule::Kinds))
        || (newcomers && rules.has(WriteRule::Newcomers))
        || [WriteRule::Work, WriteRule::Trust, WriteRule::Nip05]
            .iter()
            .any(|rule| rules.has(*rule))
}

/// A limit that is on.
fn on(limit: u64) -> Option<u64> {
    Some(limit).filter(|limit| *limit != 0)
}
