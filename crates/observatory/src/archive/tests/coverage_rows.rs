//! Coverage in the records, when two have written it (O3.2, O3.5).

use stentor_sql::both_engines;
use stentor_sql::testing::House;

use super::super::coverage::{Coverage, Interval, Intervals};
use super::super::coverage_table::{FilterId, filter_id, intervals, write};
use super::*;

both_engines!(o3_5_what_is_written_late_overlaps_nothing);

const RELAY: RelayId = RelayId(1);

fn interval(since: u64, until: u64, state: Coverage) -> Interval {
    Interval {
        window: Window { since, until },
        state,
        reason: None,
        method: None,
        events: 0,
        at_ms: 1,
    }
}

/// Writes what somebody says who has read these intervals.
async fn say(ground: &Ground, filter: FilterId, mut read: Intervals, said: &[Interval]) {
    for one in said {
        read.set(one.clone());
    }
    let change = read.change();
    let written = ground
        .records
        .write(move |tx| write(tx, RELAY, filter, &change));
    written.await.unwrap();
}

async fn o3_5_what_is_written_late_overlaps_nothing(house: House) {
    let ground = ground(&house, config()).await;
    let filter = filter_id(&ground.records, "{}".to_owned()).await.unwrap();
    let read = Intervals::default;
    // Two have begun with nothing, as a service does whose transaction is on its way while it is begun anew.
    let complete = [interval(100, 399, Coverage::Complete)];
    say(&ground, filter, read(), &complete).await;
    say(
        &ground,
        filter,
        read(),
        &[interval(300, 499, Coverage::Failed)],
    )
    .await;
    say(
        &ground,
        filter,
        read(),
        &[interval(0, 149, Coverage::Capped)],
    )
    .await;
    let known = intervals(&ground.records, RELAY, filter).await.unwrap();
    // A whole row gives way to one that lies over it, and one that reaches into it is cut: what is lost is asked for again.
    let expected = [
        interval(0, 149, Coverage::Capped),
        interval(300, 499, Coverage::Failed),
    ];
    assert!(known.iter().eq(&expected), "{known:?}");
    say(
        &ground,
        filter,
        known,
        &[interval(500, 599, Coverage::Complete)],
    )
    .await;
    let known = intervals(&ground.records, RELAY, filter).await.unwrap();
    assert_eq!(known.iter().count(), 3, "{known:?}");
}
