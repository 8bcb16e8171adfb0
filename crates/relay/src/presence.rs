//! Who is connected, so that what is decided later concerns them too: an address that is blocked, a key that is banned, a
//! member who is one no more, access that becomes narrower with a reload.

use std::net::IpAddr;
use std::sync::Arc;

use hashbrown::HashMap;
use parking_lot::Mutex;
use stentor_auth::Keys;
use stentor_serve::{CloseCode, CloseFrame, ConnectionInfo};

use crate::access::Lists;
use crate::fanout::Client;
use crate::state::Settings;

/// What somebody with a banned key is told at the end.
const BANNED: &str = "a key that you have proven is banned here";

/// The open connections.
#[derive(Default)]
pub(crate) struct Presence {
    connections: Mutex<HashMap<u64, Present>>,
}

struct Present {
    client: Arc<Client>,
    address: IpAddr,
    listener: Arc<str>,
}

impl Presence {
    /// A connection has been opened.
    pub(crate) fn enter(&self, info: &ConnectionInfo, client: &Arc<Client>) {
        let present = Present {
            client: Arc::clone(client),
            address: info.client,
            listener: Arc::clone(&info.listener),
        };
        self.connections.lock().insert(info.id, present);
    }

    /// A connection has ended.
    pub(crate) fn leave(&self, id: u64) {
        let mut connections = self.connections.lock();
        connections.remove(&id);
        if connections.capacity() > 64 && connections.len() < connections.capacity() / 4 {
            connections.shrink_to_fit();
        }
    }

    /// Closes connections that would not be let in now. Of those that have proven no key it is asked only if
    /// `anonymous`: they may be about to, and read nothing before.
    pub(crate) fn review(&self, settings: &Settings, lists: &Lists, anonymous: bool) -> usize {
        let connections = self.connections.lock();
        let unwelcome = connections.values().filter_map(|present| {
            let reason = present.unwelcome(settings, lists, anonymous)?;
            Some((present, reason))
        });
        let mut closed = 0;
        for (present, reason) in unwelcome {
            present.close(reason);
            closed += 1;
        }
        closed
    }

    /// Closes this connection if a key that it has proven is banned. To be called when it has proven another one: a ban between
    /// the look at the lists and the noting of the key has not been seen by [`review`](Self::review).
    pub(crate) fn review_keys(&self, id: u64, settings: &Settings, lists: &Lists) {
        let connections = self.connections.lock();
        if let Some(present) = connections.get(&id)
            && !may_use(&present.keys(settings), settings, lists)
        {
            present.close(BANNED);
        }
    }
}

impl Present {
    fn close(&self, reason: &'static str) {
        let frame = CloseFrame::new(CloseCode::POLICY, reason);
        self.client.outbox().close(frame);
    }

    /// The keys that it has proven.
    fn keys(&self, settings: &Settings) -> Keys {
        Keys::from(self.client.viewer(&settings.rules).keys.as_slice())
    }

    /// Why the connection would not be let in.
    fn unwelcome(
        &self,
        settings: &Settings,
        lists: &Lists,
        anonymous: bool,
    ) -> Option<&'static str> {
        let policy = &settings.policy;
        if !policy.connection.may_stay(self.address, lists) {
            return Some("your address may not connect to this relay");
        }
        let keys = self.keys(settings);
        if keys.is_empty() && !anonymous {
            return None;
        }
        if !may_use(&keys, settings, lists) {
            return Some(BANNED);
        }
        let standing = settings.standing(lists);
        let entrance = settings.config.access.entrance(&self.listener);
        let read = policy.auth.may_read(&keys, entrance, standing);
        read.is_err().then_some("you may not read here any more")
    }
}

/// Whether each of the keys could be proven now.
fn may_use(keys: &Keys, settings: &Settings, lists: &Lists) -> bool {
    let standing = settings.standing(lists);
    let admitted = |key| settings.policy.auth.admit(key, standing).is_ok();
    keys.as_slice().iter().all(admitted)
}
