//! Sets of kinds as an operator writes them.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use stentor_event::Kind;

/// A set of kinds: numbers, and ranges such as `"30000-39999"` with both ends in it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct KindSet(Vec<KindRange>);

/// One kind or a range of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "Written", into = "Written")]
#[schemars(with = "Written")]
pub struct KindRange {
    first: u16,
    last: u16,
}

/// How a range is written.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(
    untagged,
    expecting = "no kind, and no range of kinds such as \"30000-39999\""
)]
enum Written {
    One(u16),
    Range(String),
}

impl KindSet {
    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the kind is in it.
    pub fn contains(&self, kind: Kind) -> bool {
        self.0.iter().any(|range| range.contains(kind))
    }
}

impl<const N: usize> From<[u16; N]> for KindSet {
    fn from(kinds: [u16; N]) -> Self {
        let one = |kind| KindRange {
            first: kind,
            last: kind,
        };
        Self(kinds.map(one).to_vec())
    }
}

impl KindRange {
    /// Whether the kind is in it.
    pub const fn contains(self, kind: Kind) -> bool {
        self.first <= kind.0 && kind.0 <= self.last
    }
}

impl TryFrom<Written> for KindRange {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        let text = match written {
            Written::One(kind) => {
                return Ok(Self {
                    first: kind,
                    last: kind,
                });
            }
            Written::Range(text) => text,
        };
        let (first, last) = text.split_once('-').unwrap_or((&text, &text));
        match (first.trim().parse(), last.trim().parse()) {
            (Ok(first), Ok(last)) if first <= last => Ok(Self { first, last }),
            _ => Err(format!(
                "{text:?} is no kind and no range of kinds such as \"30000-39999\""
            )),
        }
    }
}

impl From<KindRange> for Written {
    fn from(range: KindRange) -> Self {
        if range.first == range.last {
            Self::One(range.first)
        } else {
            Self::Range(range.to_string())
        }
    }
}

impl fmt::Display for KindRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.first == self.last {
            self.first.fmt(f)
        } else {
            write!(f, "{}-{}", self.first, self.last)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_and_ranges_are_read_and_written() {
        let set: KindSet = serde_json::from_str(r#"[1, "30000-39999", "7"]"#).unwrap();
        for (kind, inside) in [
            (1, true),
            (2, false),
            (7, true),
            (29_999, false),
            (30_000, true),
            (39_999, true),
            (40_000, false),
        ] {
            assert_eq!(set.contains(Kind(kind)), inside, "{kind}");
        }
        assert_eq!(
            serde_json::to_string(&set).unwrap(),
            r#"[1,"30000-39999",7]"#
        );
    }

    #[test]
    fn what_is_no_range_is_refused() {
        for text in [
            r#"["9-3"]"#,
            r#"["1-70000"]"#,
            r#"["x"]"#,
            "[-1]",
            "[1.5]",
            r#"[""]"#,
        ] {
            assert!(serde_json::from_str::<KindSet>(text).is_err(), "{text}");
        }
    }
}
