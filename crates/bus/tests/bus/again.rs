//! G4.3, G1.2: what is read once more, for retries and replays, is judged as when it was read first.

use std::sync::Arc;

use stentor_bus::{Breadth, From, Interest, Log, append};
use stentor_event::{Filter, Viewer};
use stentor_sql::both_engines;
use stentor_sql::testing::House;

use crate::harness::{Subject, audience, event, key, note, past, progress};

both_engines!(
    g1_2_what_is_gone_is_not_read_again,
    g2_3_what_is_read_again_is_judged_again,
    g4_3_a_moment_is_found_in_both_logs,
);

async fn g1_2_what_is_gone_is_not_read_again(house: House) {
    let subject = Subject::new(&house).await;
    let event = note(1, "one");
    subject.store(&[&event]).await;
    let seq = subject.store.last_seq().0;
    let who = || audience("a", "x", Breadth::Own, Viewer::operator());
    let again = async |seq| {
        let read = subject
            .bus
            .again(Log::Nostr, seq, who(), Interest::default());
        read.await.unwrap()
    };
    let found = again(seq).await.unwrap();
    assert_eq!(found.envelope().seq, Some(seq));
    assert!(found.envelope().json().contains("one"));
    assert!(again(seq + 1).await.is_none() && again(0).await.is_none());
    subject.store.remove(&[event.id()]).await.unwrap();
    assert!(again(seq).await.is_none(), "gone, not told once more");
    let removal = again(subject.store.last_seq().0).await.unwrap();
    assert_eq!(removal.envelope().event_type.name(), "nostr.event.deleted");
}

async fn g2_3_what_is_read_again_is_judged_again(house: House) {
    let subject = Subject::new(&house).await;
    let to = key(2).public_key();
    let wrap = event(1, 1059, "wrap", &[["p", &to.to_string()]]);
    subject.store(&[&wrap]).await;
    subject.progress("a", "x", "j", 1).await;
    let seq = subject.store.last_seq().0;
    let party = || Viewer::with_keys(Arc::default(), vec![to]);
    let nobody = || Viewer::with_keys(Arc::default(), Vec::new());
    let notes = Interest {
        filter: Some(Filter::parse(br#"{"kinds":[1]}"#).unwrap()),
        ..Interest::default()
    };
    let all = Interest::default;
    let cases = [
        (Log::Nostr, seq, ("a", "x"), party(), all(), true),
        (Log::Nostr, seq, ("a", "x"), party(), notes, false),
        (Log::Nostr, seq, ("a", "x"), nobody(), all(), false),
        (Log::Records, 1, ("a", "x"), nobody(), all(), true),
        (Log::Records, 1, ("a", "y"), nobody(), all(), false),
        (Log::Records, 1, ("b", "x"), nobody(), all(), false),
    ];
    for (log, seq, (tenant, owner), viewer, interest, expected) in cases {
        let who = audience(tenant, owner, Breadth::Own, viewer);
        let again = subject.bus.again(log, seq, who, interest).await.unwrap();
        assert_eq!(again.is_some(), expected, "{log:?} {tenant} {owner}");
    }
}

async fn g4_3_a_moment_is_found_in_both_logs(house: House) {
    let subject = Subject::new(&house).await;
    let database = house.open().await;
    let kept = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap();
    let begin = u64::try_from(kept.as_millis()).unwrap() - 60_000;
    for step in 0..5 {
        let draft = progress("a", "root", "j", step);
        let at = begin + step * 1_000;
        let written = database.write(move |tx| append(tx, std::slice::from_ref(&draft), at));
        written.await.unwrap();
    }
    for (moment, left) in [
        (0, 5),
        (begin, 5),
        (begin + 1, 4),
        (begin + 4_000, 1),
        (u64::MAX / 4, 0),
    ] {
        let cursor = subject.bus.before(moment).await.unwrap();
        let (names, _) = past(subject.read(From::Cursor(cursor))).await;
        assert_eq!(names.len(), left, "{moment}");
    }
    // Events that were stored earlier are passed over as well.
    subject.store(&[&note(1, "early")]).await;
    let cursor = subject.bus.before(u64::MAX / 4).await.unwrap();
    assert_eq!(cursor, subject.bus.head().await.unwrap());
}
