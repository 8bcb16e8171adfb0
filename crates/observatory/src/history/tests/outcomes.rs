//! What came of checks, by the hour (O4.1).

use super::super::outcomes;
use super::*;

both_engines!(
    o4_1_outcomes_are_those_of_the_checks,
    o4_1_outcomes_of_an_hour_stay_until_its_last_check_goes,
);

fn untold() -> Findings {
    let mut untold = offline();
    untold.verdict = Verdict::Untold(Untold::OwnNetwork);
    untold
}

async fn told(records: &Database, from_ms: u64) -> Vec<(String, u64)> {
    let found = outcomes(records, from_ms).await.unwrap();
    let brief = found.into_iter().map(|one| (one.outcome, one.checks));
    brief.collect()
}

fn counts(expected: &[(&str, u64)]) -> Vec<(String, u64)> {
    let owned = expected
        .iter()
        .map(|(outcome, checks)| ((*outcome).to_owned(), *checks));
    owned.collect()
}

async fn o4_1_outcomes_are_those_of_the_checks(house: House) {
    let records = records(&house).await;
    let batch = || {
        vec![
            at(START + 1, online(5)),
            at(START + 2, offline()),
            at(START + HOUR - 1, online(5)),
            at(START + HOUR, online(5)),
            at(START + HOUR + 1, untold()),
            at(START + 2 * HOUR, offline()),
        ]
    };
    // What is written again after a kill counts once, as does what is of a relay that is gone not at all.
    keep(&records, batch()).await;
    keep(&records, batch()).await;
    keep(&records, vec![Entry::new(RelayId(9), START, 1, online(5))]).await;
    keep(&records, vec![at(START + 2 * HOUR + 1, offline())]).await;
    let all = counts(&[("http_503", 3), ("online", 3), ("own_network", 1)]);
    assert_eq!(told(&records, 0).await, all);
    // From the hour on that the time is in.
    assert_eq!(told(&records, START + HOUR - 1).await, all);
    let last = counts(&[("http_503", 2), ("online", 1), ("own_network", 1)]);
    assert_eq!(told(&records, START + HOUR).await, last);
    assert_eq!(told(&records, START + 3 * HOUR).await, []);
    // The checks themselves are not gone through.
    let gone = records.write(|tx| tx.execute("DELETE FROM observatory_checks", ()));
    assert_eq!(gone.await.unwrap(), 7);
    assert_eq!(told(&records, 0).await, all);
}

async fn o4_1_outcomes_of_an_hour_stay_until_its_last_check_goes(house: House) {
    let records = records(&house).await;
    let entries = vec![at(START, online(5)), at(START + HOUR - 1, online(5))];
    keep(&records, entries).await;
    // The first of two checks.
    assert_eq!(prune(&records, START + DAY_MS + 1, 1).await.unwrap(), 1);
    assert_eq!(told(&records, 0).await, counts(&[("online", 2)]));
    assert_eq!(prune(&records, START + DAY_MS + HOUR, 1).await.unwrap(), 2);
    assert_eq!(told(&records, 0).await, []);
}
