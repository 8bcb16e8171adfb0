//! How a mirror is doing.

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use super::metrics;
use crate::config::Mirror;
use crate::state::now;
use crate::sync::{Direction, Summary, Tally};

/// What a mirror does just now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MirrorState {
    /// It is switched off.
    Disabled,
    /// It connects, or waits to do so again.
    Connecting,
    /// It follows, and makes up for what was missed.
    CatchingUp,
    /// It follows.
    Live,
    /// It has ended: its URL may not be dialed.
    Failed,
}

impl MirrorState {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Disabled => "disabled",
            Self::Connecting => "connecting",
            Self::CatchingUp => "catching up",
            Self::Live => "live",
            Self::Failed => "failed",
        }
    }
}

/// How a mirror is doing.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct MirrorStatus {
    /// Its name.
    pub name: String,
    /// The other relay.
    pub url: String,
    /// Which way events go.
    pub direction: Direction,
    /// What it does just now.
    pub state: MirrorState,
    /// Since when, in Unix seconds.
    pub since: u64,
    /// Entries of the change feed that it has not read yet; none when it does not send.
    pub lag: Option<u64>,
    /// Connections after the first.
    pub reconnects: u64,
    /// What went wrong last, and when.
    pub last_error: Option<String>,
    /// The time of that, in Unix seconds.
    pub last_error_at: Option<u64>,
    /// What it has done since the node started, or the entry changed.
    pub events: Summary,
}

/// The status of one mirror as it changes.
#[derive(Debug)]
pub(super) struct Status {
    name: String,
    now: Mutex<MirrorStatus>,
    /// What it has done.
    pub tally: Tally,
}

impl Status {
    pub fn new(config: &Mirror) -> Self {
        let state = if config.enabled {
            MirrorState::Connecting
        } else {
            MirrorState::Disabled
        };
        Self {
            name: config.name.clone(),
            now: Mutex::new(MirrorStatus {
                name: config.name.clone(),
                url: config.url.clone(),
                direction: config.direction,
                state,
                since: now().0,
                lag: None,
                reconnects: 0,
                last_error: None,
                last_error_at: None,
                events: Summary::default(),
            }),
            tally: Tally::of_mirror(&config.name),
        }
    }

    /// How it is doing.
    pub fn read(&self) -> MirrorStatus {
        MirrorStatus {
            events: self.tally.summary(),
            ..self.now.lock().clone()
        }
    }

    /// It does something else.
    pub fn set(&self, state: MirrorState) {
        let mut status = self.now.lock();
        if status.state != state {
            status.state = state;
            status.since = now().0;
        }
        drop(status);
        let connected = matches!(state, MirrorState::CatchingUp | MirrorState::Live);
        metrics::connected(&self.name, connected);
    }

    /// It has connected once more.
    pub fn reconnected(&self) {
        self.now.lock().reconnects += 1;
        metrics::reconnected(&self.name);
    }

    /// Something went wrong.
    pub fn trouble(&self, error: &dyn std::fmt::Display) {
        let mut status = self.now.lock();
        status.last_error = Some(error.to_string());
        status.last_error_at = Some(now().0);
        drop(status);
        tracing::info!(mirror = self.name, %error, "mirror");
    }

    /// How many entries of the change feed it has not read.
    pub fn lag(&self, entries: u64) {
        self.now.lock().lag = Some(entries);
        metrics::lag(&self.name, entries);
    }
}
