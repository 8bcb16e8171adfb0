//! EVENT and AUTH.

use std::io;

use stentor_event::{Event, Kind, normalize_relay_url, pow, relay_message};
use tokio::io::{AsyncRead, AsyncWrite};

use super::Asked;
use super::connection::Connection;
use super::holdings::Kept;
use crate::manners::{Auth, Reads, Writes};

/// Whether an event was accepted, and what is said to that.
type Verdict = (bool, String);

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Connection<S> {
    pub(super) async fn event(&mut self, event: Event) -> io::Result<()> {
        self.shared.log.ask(self.number, Asked::Event(event.id()));
        if self.shared.manners().reads == Reads::HangUp {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        let verdict = self.judge(&event);
        if verdict.0 {
            self.shared.log.publish(event.clone());
        }
        self.ok(&event, verdict).await
    }

    fn judge(&self, event: &Event) -> Verdict {
        let no = |reason: String| (false, reason);
        if let Err(error) = event.check_id().and_then(|()| event.verify_signature()) {
            return no(format!("invalid: {error}"));
        }
        if self.shared.manners().auth != Auth::NotWanted && !self.authenticated {
            return no("auth-required: who are you?".to_owned());
        }
        match self.shared.manners().writes {
            Writes::Blocked => return no("blocked: this relay takes no events".to_owned()),
            Writes::EphemeralOnly if !event.kind().is_ephemeral() => {
                return no("blocked: ephemeral events only".to_owned());
            }
            Writes::Work(bits) if !pow::is_sufficient(&event.view(), bits) => {
                return no(format!("pow: {bits} bits are needed"));
            }
            Writes::Lost => return (true, String::new()),
            Writes::Taken | Writes::EphemeralOnly | Writes::Work(_) => {}
        }
        match self.shared.take(event) {
            Kept::New => (true, String::new()),
            Kept::Known => (true, "duplicate: have it".to_owned()),
            Kept::Full => no("error: there is no room".to_owned()),
        }
    }

    pub(super) async fn auth(&mut self, event: Event) -> io::Result<()> {
        self.shared
            .log
            .ask(self.number, Asked::Auth(event.pubkey()));
        let verdict = match self.shared.manners().auth {
            Auth::Refused => (false, "restricted: not a member".to_owned()),
            Auth::Wanted | Auth::NotWanted if self.proves(&event) => (true, String::new()),
            Auth::Wanted | Auth::NotWanted => (false, "invalid: that proves nothing".to_owned()),
        };
        self.authenticated |= verdict.0;
        self.ok(&event, verdict).await
    }

    /// Whether an event answers the challenge of this connection (NIP-42).
    fn proves(&self, event: &Event) -> bool {
        let value = |name: &str| {
            let view = event.view();
            let tag = view.tags().find(|tag| tag.name().is(name.as_bytes()))?;
            let value = tag.get(1)?.unescape().into_owned();
            String::from_utf8(value).ok()
        };
        let here = normalize_relay_url(&self.shared.url);
        event.kind() == Kind::AUTH
            && event.check_id().is_ok()
            && event.verify_signature().is_ok()
            && value("challenge").as_deref() == Some(&self.challenge)
            && value("relay").and_then(|url| normalize_relay_url(&url)) == here
    }

    async fn ok(&mut self, event: &Event, (accepted, reason): Verdict) -> io::Result<()> {
        let mut message = Vec::new();
        relay_message::ok(&mut message, &event.id(), accepted, &reason);
        self.say(message).await
    }
}
