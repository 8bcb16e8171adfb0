//! How far the archive has got, over records filled by hand.

use stentor_sql::both_engines;
use stentor_sql::testing::House;

use super::*;
use crate::config::{Archive, Config};

both_engines!(
    o5_3_what_is_wanted_is_what_turns_ask_for,
    o5_3_the_eta_goes_by_what_came_to_be_had,
);

const DAY: i64 = 86_400;

#[test]
fn o5_3_what_is_left_takes_as_long_as_the_last_hour_says() {
    assert_eq!(eta(7_200, Some((3_600, 3_600))), Some(7_200));
    assert_eq!(eta(7_200, Some((3_600, 60))), Some(120));
    assert_eq!(eta(0, Some((0, 60))), Some(0), "nothing is left");
    assert_eq!(eta(1, Some((0, 60))), None, "nothing was done");
    assert_eq!(eta(1, None), None, "nothing was measured");
}

async fn ground(house: &House, archive: Archive) -> Arc<Ground> {
    let config = Config {
        archive,
        ..Config::default()
    };
    crate::testing::ground(house, config).await
}

/// Intervals: relay, filter, since, until, state, when it was asked.
type Interval = (i64, i64, i64, i64, &'static str, i64);

async fn put(ground: &Ground, filters: &[&'static str], intervals: Vec<Interval>) {
    let filters = filters.to_vec();
    let written = ground.records.write(move |tx| {
        for (id, filter) in (1_i64..).zip(&filters) {
            let sql = "INSERT INTO observatory_filters (id, filter) VALUES (?, ?) ON CONFLICT (id) DO NOTHING";
            tx.execute(sql, (id, *filter))?;
        }
        for (relay, filter, since, until, state, at_ms) in &intervals {
            tx.execute(
                "INSERT INTO observatory_coverage (relay, filter, since, until, state, events, at_ms) VALUES (?, ?, ?, ?, ?, 0, ?)
                 ON CONFLICT (relay, filter, since) DO UPDATE SET until = excluded.until, state = excluded.state, at_ms = excluded.at_ms",
                (*relay, *filter, *since, *until, *state, *at_ms),
            )?;
        }
        Ok::<_, stentor_sql::Error>(())
    });
    written.await.unwrap();
}

async fn o5_3_what_is_wanted_is_what_turns_ask_for(house: House) {
    let (text, old) = (r#"{"kinds":[1]}"#, r#"{"kinds":[9]}"#);
    let short = r#"{"kinds":[3],"since":1600000000,"until":1600000099}"#;
    let archive = Archive {
        filters: vec![text.to_owned(), short.to_owned()],
        ..Archive::default()
    };
    let ground = ground(&house, archive.clone()).await;
    let since = i64::try_from(archive.since).unwrap();
    let now = i64::try_from(ground.clock.now().0).unwrap();
    let intervals = vec![
        // All that turns ask for, and more on both sides.
        (1, 1, 0, now + 1_000, "complete", 7),
        (1, 2, 1_600_000_000, 1_600_000_099, "capped", 7),
        // A part, of which a part was wanted once.
        (2, 2, 1_599_999_000, 1_600_000_009, "refused", 7),
        (2, 2, 1_600_000_010, 1_600_000_019, "failed", 7),
        // What nobody asks for any more.
        (2, 3, since, now, "complete", 7),
    ];
    put(&ground, &[text, short, old], intervals).await;
    let told = progress(&ground).await.unwrap();
    let whole = u64::try_from(now - since).unwrap() - super::super::plan::RECENT + 1;
    // The clock goes on while this is read.
    assert!((whole..whole + 100).contains(&told.complete_seconds));
    assert_eq!((told.capped_seconds, told.refused_seconds), (100, 10));
    assert_eq!((told.failed_seconds, told.left_seconds), (10, 90));
    let share = told.share.unwrap();
    assert!((0.99..1.0).contains(&share), "{share}");
}

/// Covers the days before now that have these numbers as one interval.
fn days(now: i64, from: i64, to: i64, state: &'static str, at_ms: i64) -> Interval {
    (1, 1, now - from * DAY, now - to * DAY - 1, state, at_ms)
}

async fn o5_3_the_eta_goes_by_what_came_to_be_had(house: House) {
    let archive = Archive {
        keep_days: 30,
        ..Archive::default()
    };
    let ground = ground(&house, archive).await;
    let now = i64::try_from(ground.clock.now().0).unwrap();
    // Refused, over and over, and from before what is kept now.
    let begun = vec![
        days(now, 5, 0, "complete", 7),
        days(now, 30, 28, "refused", 7),
        days(now, 50, 30, "capped", 7),
    ];
    put(&ground, &["{}"], begun).await;
    let first = progress(&ground).await.unwrap();
    assert_eq!((first.eta_seconds, first.pace.is_none()), (None, true));
    let share = first.share.unwrap();
    assert!((0.23..0.24).contains(&share), "7 days of 30: {share}");
    let hour_ago = ground.clock.now_ms() - 3_600_000;
    ground.activity.sampled(first.sample(hour_ago));
    let now_ms = i64::try_from(ground.clock.now_ms()).unwrap();
    let refused = vec![days(now, 30, 28, "refused", now_ms)];
    put(&ground, &["{}"], refused).await;
    let still = progress(&ground).await.unwrap();
    assert_eq!(
        still.eta_seconds, None,
        "what is refused again is no progress"
    );
    // What was joined has the time of the earliest.
    let sql = "DELETE FROM observatory_coverage WHERE state = 'complete'";
    let deleted = ground.records.write(move |tx| tx.execute(sql, ()));
    deleted.await.unwrap();
    put(&ground, &["{}"], vec![days(now, 10, 0, "complete", 7)]).await;
    let later = progress(&ground).await.unwrap();
    // Five days in an hour, and 18 to go.
    let eta = later.eta_seconds.unwrap();
    assert!((12_900..13_000).contains(&eta), "{eta}");
    assert!(later.share.unwrap() <= 1.0);
}
