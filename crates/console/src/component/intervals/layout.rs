//! From intervals to pieces that lie side by side: cut to the strip, joined where they are the same, with the gaps named.

/// How many pieces are drawn.
const MAX_PIECES: i64 = 500;

/// What is known of an interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Coverage {
    /// All that there is was seen.
    Complete,
    /// There is more than the other side would give.
    Capped,
    /// The other side would not say.
    Refused,
    /// It was tried, and failed.
    Failed,
    /// Nobody has asked yet.
    NeverAsked,
}

impl Coverage {
    /// All, in the order of the legend.
    pub const ALL: [Self; 5] = [
        Self::Complete,
        Self::Capped,
        Self::Refused,
        Self::Failed,
        Self::NeverAsked,
    ];

    /// The word.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Capped => "capped",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::NeverAsked => "never asked",
        }
    }

    /// The class of its colours.
    pub(super) const fn class(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Capped => "capped",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::NeverAsked => "never",
        }
    }

    /// The lines of its pattern, in a square of 8: none, rising, dots, crossed, a line below.
    pub(super) const fn pattern(self) -> &'static str {
        match self {
            Self::Complete => "",
            Self::Capped => "M-2 2l4-4M0 8l8-8M6 10l4-4",
            Self::Refused => "M2 2h1M6 6h1",
            Self::Failed => "M0 0l8 8M0 8l8-8",
            Self::NeverAsked => "M0 4h4",
        }
    }
}

/// A stretch of time with what is known of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interval<'a> {
    /// Its first second, since 1970.
    pub from: i64,
    /// The second after its last.
    pub to: i64,
    /// What is known.
    pub coverage: Coverage,
    /// Why; may be empty.
    pub reason: &'a str,
}

/// An interval of the strip.
pub(super) type Piece<'a> = Interval<'a>;

/// The pieces, in order, without gap or overlap from `from` to `to`.
pub(super) fn lay_out<'a>(from: i64, to: i64, intervals: &[Interval<'a>]) -> Vec<Piece<'a>> {
    let mut sorted = intervals.to_vec();
    sorted.sort_by_key(|interval| (interval.from, interval.to));
    let mut pieces: Vec<Piece<'a>> = Vec::with_capacity(sorted.len() + 1);
    let mut at = from;
    for interval in sorted {
        let (start, end) = (interval.from.max(at), interval.to.min(to));
        if start >= end {
            continue;
        }
        if start > at {
            add(&mut pieces, unasked(at, start));
        }
        add(
            &mut pieces,
            Piece {
                from: start,
                to: end,
                ..interval
            },
        );
        at = end;
    }
    if at < to {
        add(&mut pieces, unasked(at, to));
    }
    pieces
}

const fn unasked(from: i64, to: i64) -> Piece<'static> {
    Piece {
        from,
        to,
        coverage: Coverage::NeverAsked,
        reason: "",
    }
}

fn add<'a>(pieces: &mut Vec<Piece<'a>>, piece: Piece<'a>) {
    match pieces.last_mut() {
        Some(last) if (last.coverage, last.reason) == (piece.coverage, piece.reason) => {
            last.to = piece.to
        }
        _ => pieces.push(piece),
    }
}

/// The share of each kind.
pub(super) fn shares(pieces: &[Piece<'_>], from: i64, to: i64) -> Vec<(Coverage, f64)> {
    let all = to.saturating_sub(from).max(1) as f64;
    let share = |coverage| {
        let seconds = pieces
            .iter()
            .filter(|piece| piece.coverage == coverage)
            .map(|piece| piece.to.saturating_sub(piece.from) as f64)
            .sum::<f64>();
        (coverage, seconds / all)
    };
    Coverage::ALL.map(share).to_vec()
}

/// What is drawn: the pieces, or, when there are too many, so many cells of equal length, each as the worst within it, as a fault that is too
/// short to be seen must not vanish.
pub(super) fn drawn<'a>(pieces: &[Piece<'a>], from: i64, to: i64) -> Vec<Piece<'a>> {
    if pieces.len() as i64 <= MAX_PIECES {
        return pieces.to_vec();
    }
    let length = to.saturating_sub(from).max(1);
    let edge =
        |cell: i64| from + (i128::from(length) * i128::from(cell) / i128::from(MAX_PIECES)) as i64;
    let mut cells = Vec::new();
    let mut rest = pieces;
    for cell in 0..MAX_PIECES {
        let (start, end) = (edge(cell), edge(cell + 1));
        // Each piece is looked at in the cells that it lies in only.
        while let [first, others @ ..] = rest
            && first.to <= start
        {
            rest = others;
        }
        let worst = rest
            .iter()
            .take_while(|piece| piece.from < end)
            .max_by_key(|piece| piece.coverage);
        if let Some(worst) = worst {
            add(
                &mut cells,
                Piece {
                    from: start,
                    to: end,
                    ..*worst
                },
            );
        }
    }
    cells
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const fn interval(from: i64, to: i64, coverage: Coverage) -> Interval<'static> {
        Interval {
            from,
            to,
            coverage,
            reason: "",
        }
    }

    #[test]
    fn o3_2_what_no_interval_covers_was_never_asked() {
        let given = [
            interval(40, 200, Coverage::Capped),
            interval(10, 20, Coverage::Complete),
            interval(20, 30, Coverage::Complete),
        ];
        let pieces = lay_out(0, 100, &given);
        let expected = [
            interval(0, 10, Coverage::NeverAsked),
            interval(10, 30, Coverage::Complete),
            interval(30, 40, Coverage::NeverAsked),
            interval(40, 100, Coverage::Capped),
        ];
        assert_eq!(pieces, expected);
        let shares = shares(&pieces, 0, 100);
        assert_eq!(shares[0], (Coverage::Complete, 0.2));
        assert_eq!(shares[1], (Coverage::Capped, 0.6));
    }

    #[test]
    fn o3_2_a_fault_too_short_to_be_seen_does_not_vanish() {
        let mut given: Vec<_> = (0..5_000)
            .map(|n| interval(n * 10, n * 10 + 9, Coverage::Complete))
            .collect();
        given.push(interval(33_339, 33_340, Coverage::Failed));
        let pieces = lay_out(0, 50_000, &given);
        assert!(pieces.len() > 5_000);
        let cells = drawn(&pieces, 0, 50_000);
        assert!(cells.len() as i64 <= MAX_PIECES);
        assert!(
            cells
                .iter()
                .any(|cell| cell.coverage == Coverage::NeverAsked)
        );
    }

    proptest! {
        #[test]
        fn o3_2_pieces_fill_the_strip(
            given in prop::collection::vec((-50i64..150, -50i64..150, 0usize..5), 0..1_200),
        ) {
            let given: Vec<_> = given.iter().map(|&(from, to, kind)| interval(from, to, Coverage::ALL[kind])).collect();
            let pieces = lay_out(0, 100, &given);
            for list in [drawn(&pieces, 0, 100), pieces] {
                prop_assert_eq!(list.first().map(|piece| piece.from), Some(0));
                prop_assert_eq!(list.last().map(|piece| piece.to), Some(100));
                prop_assert!(list.windows(2).all(|two| two[0].to == two[1].from));
            }
        }
    }
}
