//! Whether it is our own network that is down, rather than the relays (O2.3). Pure.
//!
//! That nobody can be reached (no look-up, no connection) says little about a relay while nobody else is reached either. So such a
//! finding stands only if a connection to somebody was made since the last attempt began. Else, where the operator has named control hosts, they
//! are asked at once. Where there are none, the finding is held back until somebody is reached, and then stands. When ten relays that
//! had been online are held back, all in a row, and none of them takes a connection when they are tried once more together, our own
//! network is down. With fewer relays that cannot be told, and what is held back stands after half a minute.
//!
//! A relay that was offline already is not worth that: its finding stands unless nobody at all was reached for half a minute.
//!
//! While our own network is down, a check that reaches nobody says nothing. The first connection that is made then ends it: a check that
//! ends then may have connected before.

use std::time::Duration;

use tokio::time::Instant;

/// Relays in a row that must be away before our own network is doubted without control hosts.
pub(super) const ENOUGH: usize = 10;
/// For how long a finding is held back.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// What is known of our own network. There is one of each network that relays are in.
#[derive(Debug, Default)]
pub(super) struct OwnNetwork {
    /// Since when it is down.
    down: Option<Instant>,
    /// When the last connection was made.
    reached: Option<Instant>,
}

/// What becomes of a finding that nobody could be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Judgement {
    /// The relay is away.
    Stands,
    /// The control hosts have to be asked.
    Ask,
    /// It cannot be told yet.
    Hold,
    /// It is us.
    OwnNetwork,
}

/// A finding that nobody could be reached.
#[derive(Debug, Clone, Copy)]
pub(super) struct Unreached {
    /// When the last attempt began.
    pub began: Instant,
    /// Whether the relay was offline before.
    pub was_offline: bool,
}

impl OwnNetwork {
    /// Whether it is down.
    pub const fn is_down(&self) -> bool {
        self.down.is_some()
    }

    /// A connection to somebody was made at this time; whether that is news.
    pub fn reached(&mut self, at: Instant) -> bool {
        self.reached = self.reached.max(Some(at));
        self.down.take_if(|since| at > *since).is_some()
    }

    /// Nobody at all can be reached; whether that is news.
    pub const fn lost(&mut self, now: Instant) -> bool {
        let news = self.down.is_none();
        if news {
            self.down = Some(now);
        }
        news
    }

    /// Judges a finding. `control`: whether there are hosts to ask.
    pub fn judge(&self, finding: Unreached, now: Instant, control: bool) -> Judgement {
        if self.is_down() {
            return Judgement::OwnNetwork;
        }
        let since = match finding.was_offline {
            false => Some(finding.began),
            true => now.checked_sub(PATIENCE),
        };
        if self.reached >= since && self.reached.is_some() {
            return Judgement::Stands;
        }
        match (control, finding.was_offline) {
            (true, _) => Judgement::Ask,
            (false, false) => Judgement::Hold,
            (false, true) => Judgement::Stands,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(began: Instant, was_offline: bool) -> Unreached {
        Unreached { began, was_offline }
    }

    #[tokio::test(start_paused = true)]
    async fn o2_3_a_relay_is_away_if_others_were_reached_meanwhile() {
        let mut own = OwnNetwork::default();
        let began = Instant::now();
        let later = began + Duration::from_secs(5);
        assert_eq!(
            own.judge(finding(began, false), later, true),
            Judgement::Ask
        );
        assert_eq!(
            own.judge(finding(began, false), later, false),
            Judgement::Hold
        );
        assert!(!own.reached(began + Duration::from_secs(1)));
        for control in [true, false] {
            let judged = own.judge(finding(began, false), later, control);
            assert_eq!(judged, Judgement::Stands);
        }
        // What was reached before the attempt says nothing of it.
        let next = finding(later, false);
        assert_eq!(own.judge(next, later, true), Judgement::Ask);
    }

    #[tokio::test(start_paused = true)]
    async fn o2_3_who_was_away_already_is_doubted_less() {
        let mut own = OwnNetwork::default();
        let began = Instant::now();
        own.reached(began);
        let soon = began + Duration::from_secs(20);
        let late = began + Duration::from_secs(40);
        assert_eq!(
            own.judge(finding(soon, true), soon, true),
            Judgement::Stands
        );
        assert_eq!(own.judge(finding(soon, true), late, true), Judgement::Ask);
        assert_eq!(
            own.judge(finding(soon, true), late, false),
            Judgement::Stands
        );
    }

    #[tokio::test(start_paused = true)]
    async fn o2_3_while_we_are_down_nothing_is_said_of_relays() {
        let mut own = OwnNetwork::default();
        let now = Instant::now();
        own.reached(now);
        let later = now + Duration::from_secs(1);
        assert!(own.lost(now) && !own.lost(later) && own.is_down());
        for was_offline in [true, false] {
            let judged = own.judge(finding(now, was_offline), now, false);
            assert_eq!(judged, Judgement::OwnNetwork);
        }
        // The check of a relay that was connected to before ends now.
        assert!(!own.reached(now) && own.is_down());
        assert!(own.reached(later) && !own.is_down());
        assert!(!own.reached(now));
        let next = finding(later, false);
        assert_eq!(
            own.judge(next, later, false),
            Judgement::Stands,
            "what was reached earlier takes nothing back"
        );
    }
}
