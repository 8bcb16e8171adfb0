//! Long work, as everybody can follow it (G1.6): who does what, how far it has got, and how it ended.
//!
//! A job is a row in the records; each change of it and the envelope that tells of it are one transaction, so the envelopes of a
//! job are in the order of what happened to it. Whoever works holds a [`Handle`]; when that is dropped before the end, the job
//! has failed. What an ended process has left running is failed at the next start of its node.

mod handle;
mod registry;
mod table;

pub use handle::Handle;
pub use registry::{Jobs, Query};

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::EventType;

macro_rules! words {
    ($(#[$about:meta])* $name:ident { $($(#[doc = $what:literal])+ $variant:ident = $word:literal,)+ }) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, ToSchema)]
        #[serde(rename_all = "snake_case")]
        pub enum $name {
            $($(#[doc = $what])+ $variant,)+
        }

        impl $name {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The word for it.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            /// The one of this word.
            pub fn parse(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|one| one.as_str() == word)
            }
        }
    };
}

words! {
    /// What work it is.
    JobKind {
        /// Events are taken in.
        Import = "import",
        /// Events are written out.
        Export = "export",
        /// Two relays are brought together.
        Sync = "sync",
        /// Everything is copied as of one moment.
        Backup = "backup",
        /// An index is made anew.
        Reindex = "reindex",
        /// Room of events that are gone is given back.
        Compaction = "compaction",
        /// Everything is read and checked.
        Verification = "verification",
        /// What is too old by the rules of retention is removed.
        Retention = "retention",
    }
}

words! {
    /// How it is with a job.
    Status {
        /// It waits for its turn.
        Queued = "queued",
        /// It is worked on.
        Running = "running",
        /// It was done.
        Completed = "completed",
        /// It could not be done, or not to the end.
        Failed = "failed",
    }
}

impl Status {
    /// Whether nothing will happen to it any more.
    pub const fn is_end(self) -> bool {
        matches!(self, Self::Completed | Self::Failed)
    }
}

words! {
    /// Why a job failed: a category that may be shown to its owner (G2.4). What exactly happened is in the log of the node.
    Reason {
        /// Somebody asked for its end.
        Cancelled = "cancelled",
        /// The node ended, or whoever had given the job went away.
        Interrupted = "interrupted",
        /// What it was given cannot be used.
        Input = "input",
        /// Somebody else could not be reached.
        Unreachable = "unreachable",
        /// The disk or the database did not work.
        Storage = "storage",
        /// Something else.
        Internal = "internal",
    }
}

/// A job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Job {
    /// What tells it from others (UUIDv7).
    pub id: Uuid,
    /// What work it is.
    pub kind: JobKind,
    /// The tenant that it belongs to.
    pub tenant: String,
    /// Whose it is.
    pub owner: String,
    /// How it is.
    pub status: Status,
    /// How far it has got, in percent.
    pub percent: u8,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// When it was given, in Unix milliseconds.
    pub created_ms: u64,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_ms: Option<u64>,
}

impl Job {
    /// The same, failed.
    fn failed(&self, reason: Reason, now_ms: u64) -> Self {
        Self {
            status: Status::Failed,
            reason: Some(reason),
            ended_ms: Some(now_ms),
            ..self.clone()
        }
    }

    /// The envelope that tells of it.
    fn draft(&self, event_type: EventType) -> crate::Draft {
        let mut data = serde_json::json!({
            "job": self.id.to_string(),
            "kind": self.kind.as_str(),
            "status": self.status.as_str(),
            "percent": self.percent,
        });
        if let (Some(reason), Some(data)) = (self.reason, data.as_object_mut()) {
            data.insert("reason".into(), reason.as_str().into());
        }
        crate::Draft {
            subject: Some(self.id.to_string()),
            tenant: Some(self.tenant.clone()),
            owner: Some(self.owner.clone()),
            actor: Some(self.owner.clone()),
            ..crate::Draft::new(event_type, data)
        }
    }
}
