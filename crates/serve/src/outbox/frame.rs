//! What waits in an outbox.

use std::sync::Arc;

use bytes::Bytes;

/// One message to a client. Cloning it shares the payload.
#[derive(Debug, Clone)]
pub enum OutFrame {
    /// A complete text message.
    Text(Bytes),
    /// `prefix` + `body` + `]`: an event for one subscription. The JSON of the event is shared by all its subscribers.
    Event {
        /// `["EVENT","<subscription id>",`, made once for each subscription.
        prefix: Arc<[u8]>,
        /// The canonical JSON of the event.
        body: Bytes,
    },
}

impl OutFrame {
    /// Bytes of the message, without the frame header.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Event { prefix, body } => prefix.len() + body.len() + 1,
        }
    }

    /// Whether the message is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The pieces of the message, in order; unused ones are empty.
    #[must_use]
    pub fn parts(&self) -> [&[u8]; 3] {
        match self {
            Self::Text(text) => [text, &[], &[]],
            Self::Event { prefix, body } => [prefix, body, b"]"],
        }
    }
}
