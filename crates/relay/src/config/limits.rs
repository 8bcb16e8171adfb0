//! Sizes and numbers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use stentor_event::{FilterLimits, ParseLimits, SubscriptionId};

use stentor_serve::{OutboxLimits, Overflow};

use super::{ConfigError, in_range};

/// Most of each thing at once. 0 switches a limit off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Connections of the node.
    pub connections: usize,
    /// Connections of one client address (IPv6: of one /64).
    pub connections_per_ip: usize,
    /// Connections that have not authenticated (NIP-42).
    pub connections_unauthenticated: usize,
    /// Subscriptions of one connection.
    pub subscriptions: usize,
    /// Subscriptions of the node.
    pub subscriptions_node: usize,
    /// Ids, authors, kinds and tag values in all filters of the subscriptions of one connection: what these cost in memory. A
    /// tag value counts once for each 32 bytes that it has or has begun, and `search` likewise. The same again holds for its
    /// COUNTs that are being worked on.
    pub values: usize,
    /// The same for the node.
    pub values_node: usize,
    /// Filters of one REQ or COUNT, up to 1,000.
    #[schemars(range(max = 1000))]
    pub filters: usize,
    /// Stored events sent for one filter; a larger `limit` is lowered to this.
    pub limit: usize,
    /// Ids of one filter.
    pub ids: usize,
    /// Authors of one filter.
    pub authors: usize,
    /// Kinds of one filter.
    pub kinds: usize,
    /// Values of one tag of one filter.
    pub tag_values: usize,
    /// Bytes of one such value.
    pub value_bytes: usize,
    /// Bytes of the `search` of one filter.
    pub search_bytes: usize,
    /// Tags of an event.
    pub tags: usize,
    /// Bytes of an event in its shortest JSON form.
    pub event_bytes: usize,
    /// Bytes of one message from a client, 1 KiB to 64 MiB; there is always a limit.
    #[schemars(range(min = 1024, max = 67_108_864))]
    pub message_bytes: usize,
    /// Messages waiting for one slow client, at least 16; there is always a limit.
    #[schemars(range(min = 16, max = 1_048_576))]
    pub queue_frames: usize,
    /// Bytes waiting for one slow client, at least 64 KiB; there is always a limit.
    #[schemars(range(min = 65536, max = 1_073_741_824))]
    pub queue_bytes: usize,
    /// What becomes of a client for which more would be waiting.
    pub queue_overflow: QueueOverflow,
    /// New events held back for one subscription while its stored events are still being sent; above it, the
    /// subscription ends with CLOSED. There is always a limit.
    #[schemars(range(min = 1, max = 1_048_576))]
    pub held_events: usize,
    /// Events of one connection that are on their way into the store; above it, the connection is not read from until
    /// some are answered. There is always a limit.
    #[schemars(range(min = 1, max = 1_048_576))]
    pub events_in_flight: usize,
    /// Bytes of events of one connection that are on their way into the store, likewise.
    #[schemars(range(min = 65536, max = 1_073_741_824))]
    pub bytes_in_flight: usize,
    /// Bytes of events of all connections that are on their way into the store; above it, events are refused.
    pub bytes_in_flight_node: usize,
    /// Keys that one connection may authenticate with.
    pub keys: usize,
}

/// What becomes of a client that reads more slowly than its subscriptions bring events (R8.1).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum QueueOverflow {
    /// The connection is closed with a reason: the client knows that it missed something.
    #[default]
    Close,
    /// Events are left out, and counted.
    Drop,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 10_000,
            connections_per_ip: 100,
            connections_unauthenticated: 5_000,
            subscriptions: 32,
            subscriptions_node: 100_000,
            values: 65_536,
            values_node: 4_194_304,
            filters: 16,
            limit: 500,
            ids: 1_000,
            authors: 1_000,
            kinds: 1_000,
            tag_values: 256,
            value_bytes: 2_048,
            search_bytes: 1_024,
            tags: 4_000,
            event_bytes: 256 * 1024,
            message_bytes: 512 * 1024,
            queue_frames: 1_024,
            queue_bytes: 4 * 1024 * 1024,
            queue_overflow: QueueOverflow::Close,
            held_events: 1_024,
            events_in_flight: 2_048,
            bytes_in_flight: 4 << 20,
            bytes_in_flight_node: 256 << 20,
            keys: 16,
        }
    }
}

impl Limits {
    /// Checks the ranges.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let ranges: [(&str, usize, std::ops::RangeInclusive<u64>, bool); 7] = [
            (
                "limits.bytes_in_flight",
                self.bytes_in_flight,
                64 << 10..=1 << 30,
                false,
            ),
            ("limits.filters", self.filters, 1..=1_000, true),
            (
                "limits.message_bytes",
                self.message_bytes,
                1_024..=64 << 20,
                false,
            ),
            (
                "limits.queue_frames",
                self.queue_frames,
                16..=1 << 20,
                false,
            ),
            (
                "limits.queue_bytes",
                self.queue_bytes,
                64 << 10..=1 << 30,
                false,
            ),
            ("limits.held_events", self.held_events, 1..=1 << 20, false),
            (
                "limits.events_in_flight",
                self.events_in_flight,
                1..=1 << 20,
                false,
            ),
        ];
        for (key, value, range, zero_is_off) in ranges {
            in_range(key, value as u64, range, zero_is_off)?;
        }
        if self.event_bytes > self.message_bytes {
            return Err(ConfigError::new(
                "limits.event_bytes",
                "larger than limits.message_bytes, in which events arrive",
            ));
        }
        Ok(())
    }

    /// The limits that hold while a message is parsed.
    pub(crate) fn parse(&self) -> ParseLimits {
        ParseLimits {
            max_event_bytes: self.event_bytes,
            max_event_tags: self.tags,
            max_subscription_chars: SubscriptionId::MAX_CHARS,
            max_filters: self.filters,
            filter: FilterLimits {
                max_ids: self.ids,
                max_authors: self.authors,
                max_kinds: self.kinds,
                max_tag_values: self.tag_values,
                max_value_bytes: self.value_bytes,
                max_search_bytes: self.search_bytes,
            },
        }
    }

    /// The bounds of a connection's outbound queue.
    pub const fn outbox(&self) -> OutboxLimits {
        let overflow = match self.queue_overflow {
            QueueOverflow::Close => Overflow::Close,
            QueueOverflow::Drop => Overflow::Drop,
        };
        OutboxLimits {
            frames: self.queue_frames,
            bytes: self.queue_bytes,
            overflow,
        }
    }
}
