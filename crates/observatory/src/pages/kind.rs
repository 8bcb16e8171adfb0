//! What kinds of events are called.

/// The name of a kind that is frequent; of others, only in which range they are (NIP-01).
pub(super) const fn name(kind: u16) -> &'static str {
    match kind {
        0 => "profile",
        1 => "note",
        3 => "follows",
        4 => "direct message (NIP-04)",
        5 => "deletion",
        6 => "repost",
        7 => "reaction",
        8 => "badge award",
        16 => "repost of another kind",
        20 => "picture",
        21 | 22 => "video",
        40 => "channel",
        41 => "channel's profile",
        42 => "channel message",
        62 => "request to vanish",
        443 => "key package",
        1_059 => "gift wrap",
        1_063 => "file",
        1_111 => "comment",
        1_311 => "live chat",
        1_984 => "report",
        1_985 => "label",
        9_734 => "zap request",
        9_735 => "zap",
        10_000 => "mute list",
        10_001 => "pinned notes",
        10_002 => "relay list",
        10_003 => "bookmarks",
        10_050 => "relays for messages",
        10_166 => "relay monitor",
        13_194 => "wallet",
        22_242 => "authentication",
        23_194 | 23_195 => "wallet's call",
        24_133 => "remote signing",
        27_235 => "HTTP authentication",
        30_000 => "follow set",
        30_002 => "relay set",
        30_008 | 30_009 => "badge",
        30_023 => "article",
        30_024 => "draft of an article",
        30_078 => "application's data",
        30_166 => "relay as monitored",
        30_311 => "live event",
        30_315 => "status",
        30_402 => "offer",
        31_922 | 31_923 => "calendar event",
        31_989 | 31_990 => "handler",
        34_550 => "community",
        _ => range(kind),
    }
}

/// What relays do with a kind without a name of its own (NIP-01).
const fn range(kind: u16) -> &'static str {
    match kind {
        10_000..=19_999 => "replaceable",
        20_000..=29_999 => "ephemeral",
        30_000..=39_999 => "addressable",
        _ => "",
    }
}

/// A kind with its name.
pub(super) fn named(kind: u16) -> String {
    match name(kind) {
        "" => kind.to_string(),
        name => format!("{kind} · {name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn o4_4_kinds_have_names_where_there_are_any() {
        assert_eq!(named(1), "1 · note");
        assert_eq!(named(2_999), "2999");
        assert_eq!(named(39_998), "39998 · addressable");
    }
}
