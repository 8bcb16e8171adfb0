//! AUTH: the client proves a key (NIP-42, R1.11).

use std::sync::atomic::Ordering;

use stentor_auth::{Added, AuthError, check};
use stentor_event::Event;
use stentor_serve::SessionIo;

use crate::answer::{ok, too_fast};
use crate::connection::{Connection, Received};
use crate::metrics::Message;
use crate::policy::rate::Thing;
use crate::refusal;
use crate::state::{Settings, now};

impl Connection {
    /// Checks the proof and answers with OK. The key counts for everything that is read or written from now on, the
    /// subscriptions that are open included.
    pub(crate) fn on_auth(
        &mut self,
        event: &Event,
        received: &Received<'_>,
        io: &mut SessionIo<'_>,
    ) {
        let mut trace = received.trace("AUTH");
        self.state.metrics.message(Message::Auth);
        let taken = self.take(received, Thing::Auth);
        let proven = match taken {
            Ok(()) => self.prove(event, received.settings),
            Err(limited) => Err(too_fast(&limited, "authentications")),
        };
        match proven {
            Ok(added) => {
                self.authenticated(added);
                trace.outcome("proven");
                ok(io, &event.id(), true, "");
            }
            Err(reason) => {
                refusal::note("AUTH", &reason, &mut trace);
                ok(io, &event.id(), false, &reason);
            }
        }
    }

    /// Checks the proof and notes the key, unless a rule is against it; the reason has its NIP-01 prefix.
    fn prove(&mut self, event: &Event, settings: &Settings) -> Result<Added, String> {
        let challenge = self.challenge.as_ref().ok_or(AuthError::Challenge);
        let key =
            challenge.and_then(|challenge| check(event, challenge, &self.place(settings), now()));
        let key = key.map_err(|error| format!("invalid: {error}"))?;
        let lists = self.state.lists();
        let standing = settings.standing(&lists);
        settings.policy.auth.admit(&key, standing)?;
        let added = self.keys.add(key, settings.config.limits.keys);
        added.map_err(|error| format!("restricted: {error}"))
    }

    /// What follows from a proven key.
    fn authenticated(&self, added: Added) {
        if added == Added::First {
            self.state.unauthenticated.fetch_sub(1, Ordering::Relaxed);
        }
        if added != Added::Known {
            self.client.set_keys(&self.keys);
            let (settings, lists) = (self.state.settings(), self.state.lists());
            let presence = &self.state.presence;
            presence.review_keys(self.info.id, &settings, &lists);
        }
    }
}
