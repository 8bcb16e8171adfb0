//! Names of files in an export: made and read in one place, so that a manifest cannot name a file elsewhere.

use std::fmt;

use serde::{Deserialize, Serialize};
use time::{Date, Month, OffsetDateTime};

/// Seconds of a day.
pub(super) const DAY: u64 = 86_400;
/// The last day that has a name: 9999-12-31. No event of the archive is so late.
pub(super) const LAST_DAY: u32 = 2_932_896;

/// What the paths of all files begin with.
pub(super) const BEGINNINGS: [&str; 4] = ["coverage.", "events/", "provenance/", "relays."];

/// The form of all tables of an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, Default)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// One JSON object a line, compressed with Zstandard.
    Jsonl,
    /// Apache Parquet, its pages compressed with Zstandard.
    #[default]
    Parquet,
}

impl Format {
    /// How names of files end.
    pub(super) const fn extension(self) -> &'static str {
        match self {
            Self::Jsonl => "jsonl.zst",
            Self::Parquet => "parquet",
        }
    }
}

/// A file of an export. The order is that of the manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Name {
    /// What relays were asked about.
    Coverage,
    /// Events of a day and kind.
    Events {
        /// The day, counted from 1970.
        day: u32,
        /// The kind.
        kind: u16,
        /// Which part of them.
        part: u32,
    },
    /// Who holds events of which the archive's numbers are in a chunk of 65,536.
    Provenance {
        /// The chunk.
        chunk: u32,
        /// Which part of it.
        part: u32,
    },
    /// The relays.
    Relays,
}

impl Name {
    /// The path below the place of the export, with `/` between its parts.
    pub fn path(self, format: Format) -> String {
        let end = format.extension();
        match self {
            Self::Coverage => format!("coverage.{end}"),
            Self::Relays => format!("relays.{end}"),
            Self::Events { day, kind, part } => {
                let day = Day(day);
                format!("events/day={day}/kind={kind}/part-{part:05}.{end}")
            }
            Self::Provenance { chunk, part } => {
                format!("provenance/chunk={chunk:05}/part-{part:05}.{end}")
            }
        }
    }

    /// The file of this path; `None` for any path that an export would not have written.
    pub fn parse(path: &str, format: Format) -> Option<Self> {
        let stem = path.strip_suffix(format.extension())?.strip_suffix('.')?;
        let number = |text: &str, before: &str| text.strip_prefix(before)?.parse::<u32>().ok();
        let mut parts = stem.split('/');
        let name = match parts.next()? {
            "coverage" => Self::Coverage,
            "relays" => Self::Relays,
            "events" => Self::Events {
                day: Day::parse(parts.next()?.strip_prefix("day=")?)?.0,
                kind: u16::try_from(number(parts.next()?, "kind=")?).ok()?,
                part: number(parts.next()?, "part-")?,
            },
            "provenance" => Self::Provenance {
                chunk: number(parts.next()?, "chunk=")?,
                part: number(parts.next()?, "part-")?,
            },
            _ => return None,
        };
        // One spelling only: no sign, no other number of zeros, nothing behind.
        (name.path(format) == path).then_some(name)
    }

    /// The file of this path in any form, and which form it has.
    pub fn find(path: &str) -> Option<(Self, Format)> {
        let forms = [Format::Jsonl, Format::Parquet].into_iter();
        let mut found = forms.filter_map(|form| Some((Self::parse(path, form)?, form)));
        found.next()
    }

    /// The first part of what this is a part of. Its content is that of all parts together.
    pub const fn first(self) -> Self {
        match self {
            Self::Events { day, kind, .. } => Self::Events { day, kind, part: 0 },
            Self::Provenance { chunk, .. } => Self::Provenance { chunk, part: 0 },
            Self::Coverage | Self::Relays => self,
        }
    }

    /// The table that the file is a part of.
    pub const fn table(self) -> &'static str {
        match self {
            Self::Coverage => "coverage",
            Self::Events { .. } => "events",
            Self::Provenance { .. } => "provenance",
            Self::Relays => "relays",
        }
    }
}

/// A day since 1970, in UTC. Written as in ISO 8601.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Day(pub u32);

impl Day {
    /// The day that is written like this.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.splitn(3, '-');
        let year: u16 = parts.next()?.parse().ok()?;
        let month: u8 = parts.next()?.parse().ok()?;
        let day: u8 = parts.next()?.parse().ok()?;
        let month = Month::try_from(month).ok()?;
        let date = Date::from_calendar_date(i32::from(year), month, day).ok()?;
        let seconds = date.midnight().assume_utc().unix_timestamp();
        let days = u64::try_from(seconds).ok()? / DAY;
        u32::try_from(days).ok().map(Self)
    }

    /// Its first second.
    pub const fn start(self) -> u64 {
        self.0 as u64 * DAY
    }

    /// Its last second.
    pub const fn end(self) -> u64 {
        self.start() + (DAY - 1)
    }

    /// The day of a second; `None` after the last that has a name.
    pub fn of(second: u64) -> Option<Self> {
        let day = u32::try_from(second / DAY).ok()?;
        (day <= LAST_DAY).then_some(Self(day))
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = i64::try_from(self.start()).unwrap_or(i64::MAX);
        let time = OffsetDateTime::from_unix_timestamp(seconds).map_err(|_| fmt::Error)?;
        let (year, month, day) = (time.year(), u8::from(time.month()), time.day());
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn o4_3_files_are_named_by_day_and_kind() {
        let name = Name::Events {
            day: 19_844,
            kind: 1,
            part: 0,
        };
        let path = "events/day=2024-05-01/kind=1/part-00000.parquet";
        assert_eq!(name.path(Format::Parquet), path);
        assert_eq!(Name::parse(path, Format::Parquet), Some(name));
        assert_eq!(Day(LAST_DAY).to_string(), "9999-12-31");
        assert_eq!(Day::of(Day(LAST_DAY).end() + 1), None);
    }

    #[test]
    fn o4_3_no_other_path_is_taken() {
        for path in [
            "",
            "events",
            "../relays.jsonl.zst",
            "/relays.jsonl.zst",
            "relays.parquet",
            "relays/.jsonl.zst",
            "events/day=2024-02-30/kind=1/part-00000.jsonl.zst",
            "events/day=2024-5-1/kind=1/part-00000.jsonl.zst",
            "events/day=1969-12-31/kind=1/part-00000.jsonl.zst",
            "events/day=2024-05-01/kind=+1/part-00000.jsonl.zst",
            "events/day=2024-05-01/kind=65536/part-00000.jsonl.zst",
            "events/day=2024-05-01/kind=1/part-00000/../x.jsonl.zst",
            "provenance/chunk=0/part-00000.jsonl.zst",
        ] {
            assert_eq!(Name::parse(path, Format::Jsonl), None, "{path}");
        }
    }

    proptest! {
        #[test]
        fn o4_3_names_come_back(day in 0..=LAST_DAY, kind: u16, chunk: u32, part: u32) {
            let names = [Name::Events { day, kind, part }, Name::Provenance { chunk, part }, Name::Relays, Name::Coverage];
            for format in [Format::Jsonl, Format::Parquet] {
                for name in names {
                    let path = name.path(format);
                    prop_assert_eq!(Name::parse(&path, format), Some(name));
                    prop_assert_eq!(Name::find(&path), Some((name, format)));
                    prop_assert!(BEGINNINGS.iter().any(|beginning| path.starts_with(beginning)));
                }
            }
        }

        #[test]
        fn o4_3_whatever_is_read_as_a_name_has_one_spelling(path in "(events|provenance)?/?(day=|chunk=)?[0-9.+-]{0,12}/?(kind=)?[0-9.]{0,6}/part-[0-9]{0,7}.jsonl.zst") {
            if let Some(name) = Name::parse(&path, Format::Jsonl) {
                prop_assert_eq!(name.path(Format::Jsonl), path);
            }
        }
    }
}
