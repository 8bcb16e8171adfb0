//! Requests of people: to join, to leave, to invite.

use std::net::IpAddr;

use stentor_event::{Event, PublicKey, Timestamp};

use super::{JOIN, LEAVE, events};
use crate::access::audit::Class;
use crate::access::{Access, AccessError, Actor, Change, Joined, NewInvite};
use crate::config::{Config, Membership};
use crate::policy::Standing;
use crate::state::{Settings, State};

/// How far the `created_at` of a request may be from now, in seconds.
const SKEW: u64 = 600;

/// What is said to who leaves and is on the allow list.
const ALLOWED: &str =
    "your key is on the list of those that may write here, which only an admin changes";

/// What a request asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Request {
    /// To join, with this claim.
    Join(String),
    /// To leave.
    Leave,
}

impl Request {
    /// Reads a request to this relay; `authed` tells whether the connection has proven the author's key.
    ///
    /// # Errors
    /// What is wrong with it, with its NIP-01 prefix.
    pub(crate) fn read(
        event: &Event,
        config: &Membership,
        authed: bool,
        now: Timestamp,
    ) -> Result<Self, &'static str> {
        if !config.enabled {
            return Err("restricted: this relay does not take join and leave requests");
        }
        if !event.is_protected() {
            return Err("invalid: a join or leave request has a - tag");
        }
        if !authed {
            return Err("auth-required: prove the key that asks to join or leave");
        }
        if event.created_at().0.abs_diff(now.0) > SKEW {
            return Err("invalid: created_at is more than ten minutes from the relay's clock");
        }
        if event.kind() == LEAVE {
            return Ok(Self::Leave);
        }
        let claim = event.view().tag_value(b"claim");
        let claim = claim.map(|claim| claim.to_text().into_owned());
        claim
            .filter(|claim| !claim.is_empty())
            .map(Self::Join)
            .ok_or("invalid: a join request has a claim tag")
    }

    /// Whether events of this kind are requests.
    pub(crate) fn is(event: &Event) -> bool {
        matches!(event.kind(), JOIN | LEAVE)
    }
}

/// Does what a request asks for; whether it is granted, and what is said.
pub(crate) async fn answer(
    access: &Access,
    request: Request,
    key: PublicKey,
    client: IpAddr,
    now: Timestamp,
) -> (bool, String) {
    let done = match request {
        Request::Join(claim) => join(access, key, &claim, client, now).await,
        Request::Leave => leave(access, key, client, now).await,
    };
    done.unwrap_or_else(|error| {
        tracing::error!(%error, "a join or leave request");
        (false, "error: the relay cannot do that now".into())
    })
}

async fn join(
    access: &Access,
    key: PublicKey,
    claim: &str,
    client: IpAddr,
    now: Timestamp,
) -> Result<(bool, String), AccessError> {
    if access.lists().bans(&key) {
        return Ok((false, "restricted: this key is banned here".into()));
    }
    let actor = Actor::key(&key, client, Class::Member);
    let (granted, text) = match access.join(key, claim, &actor, now.0).await? {
        Joined::Welcome => (true, "info: welcome, you are a member now"),
        Joined::Already => (true, "duplicate: you are a member already"),
        Joined::Unknown => (false, "restricted: that is no invite of this relay"),
        Joined::Expired => (false, "restricted: that invite has expired"),
        Joined::UsedUp => (false, "restricted: that invite is used up"),
    };
    Ok((granted, text.into()))
}

async fn leave(
    access: &Access,
    key: PublicKey,
    client: IpAddr,
    now: Timestamp,
) -> Result<(bool, String), AccessError> {
    let (member, listed) = {
        let lists = access.lists();
        let listed = lists.allowed_keys.contains_key(&key);
        (lists.members.contains_key(&key), listed)
    };
    if member {
        let actor = Actor::key(&key, client, Class::Member);
        let change = Change::RemoveMember(key);
        access.apply(change, &actor, now.0).await?;
    }
    // Who is on the allow list is treated and published as a member, and cannot change that.
    Ok(match (member, listed) {
        (true, false) => (true, "info: you are a member no more".into()),
        (true, true) => (true, format!("info: you have left, but {ALLOWED}")),
        (false, true) => (false, format!("restricted: {ALLOWED}")),
        (false, false) => (true, "duplicate: you are not a member".into()),
    })
}

/// The first of these keys that may ask for invites.
pub(crate) fn may_invite(
    keys: &[PublicKey],
    config: &Config,
    standing: Standing<'_>,
) -> Option<PublicKey> {
    let may = |key: &&PublicKey| {
        let admin = config.access.admin(key).is_some();
        let role = || {
            standing
                .lists
                .has_role(key, &config.membership.invite_roles)
        };
        (admin || role()) && !standing.bans(key)
    };
    keys.iter().find(may).copied()
}

/// Makes an invite for a key that may, and the event that carries it.
///
/// # Errors
/// Why there is none, with its NIP-01 prefix.
pub(crate) async fn invite_event(
    state: &State,
    settings: &Settings,
    creator: PublicKey,
    now: Timestamp,
) -> Result<Event, String> {
    let config = &settings.config.membership;
    let on = |limit: u64| Some(limit).filter(|limit| *limit > 0);
    let new = NewInvite {
        creator: Some(creator),
        seconds: on(config.invite_hours).map(|hours| hours * 3_600),
        most: on(config.invite_uses),
        role: None,
        open: on(config.invites_per_key),
    };
    match state.access.invite(new, now.0).await {
        Ok(claim) => Ok(events::invite(&claim, now, &state.own_key)),
        Err(error @ AccessError::TooManyInvites(_)) => Err(format!("rate-limited: {error}")),
        Err(error) => {
            tracing::error!(%error, "an invite");
            Err("error: the relay cannot make invites now".into())
        }
    }
}
