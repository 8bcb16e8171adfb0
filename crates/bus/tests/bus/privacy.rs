//! G2.3, G2.4: tenants, owners, and the relay's rule of visibility, for what is live and what is past.

use std::sync::Arc;

use stentor_bus::{Audience, Breadth, From, Interest};
use stentor_event::{Filter, Viewer};
use stentor_sql::both_engines;
use stentor_sql::testing::House;

use crate::harness::{Subject, audience, event, gone, key, live, next, note, past};

both_engines!(
    g2_3_nobody_sees_another_tenants_or_owners_jobs,
    g2_4_private_events_are_seen_by_their_parties_only,
    g3_1_filters_hold_for_nostr_alone,
    g2_3_without_a_right_nothing_is_seen,
);

fn somebody(keys: &[u8]) -> Viewer {
    let keys = keys.iter().map(|number| key(*number).public_key());
    Viewer::with_keys(Arc::default(), keys.collect())
}

/// What these see, live and later; it must be the same.
async fn seen(
    subject: &Subject,
    audiences: &[(Audience, Interest, &[&str])],
    happen: impl AsyncFn(),
) {
    let mut readers = Vec::new();
    for (number, (audience, interest, _)) in audiences.iter().enumerate() {
        let mut reader = subject
            .bus
            .read(From::Now, audience.clone(), interest.clone());
        live(subject, &mut reader, number + 1).await;
        readers.push(reader);
    }
    let begin = subject.bus.head().await.unwrap();
    happen().await;
    for (mut reader, (audience, interest, names)) in readers.into_iter().zip(audiences) {
        assert_eq!(next(&mut reader, names.len()).await, *names, "{audience:?}");
        let past_reader = subject
            .bus
            .read(From::Cursor(begin), audience.clone(), interest.clone());
        assert_eq!(past(past_reader).await.0, *names, "{audience:?}");
        // Whatever comes next is the last that this reader has got: nothing else was given to it.
        assert_eq!(reader.waiting(), 0, "{audience:?}");
    }
}

async fn g2_3_nobody_sees_another_tenants_or_owners_jobs(house: House) {
    let subject = Subject::new(&house).await;
    let who = |tenant: &str, owner: &str, breadth| audience(tenant, owner, breadth, somebody(&[]));
    let all = Interest::default();
    let last = ["a:9", "b:9", "c:9"];
    seen(
        &subject,
        &[
            (who("a", "x", Breadth::Own), all.clone(), &["x:1", last[0]]),
            (
                who("a", "y", Breadth::All),
                all.clone(),
                &["x:1", "y:2", last[0]],
            ),
            (who("b", "x", Breadth::All), all.clone(), &["z:3", last[1]]),
            (who("c", "x", Breadth::All), all, &[last[2]]),
        ],
        async || {
            subject.progress("a", "x", "x", 1).await;
            subject.progress("a", "y", "y", 2).await;
            subject.progress("b", "x", "z", 3).await;
            subject.progress("a", "x", "a", 9).await;
            subject.progress("b", "x", "b", 9).await;
            subject.progress("c", "x", "c", 9).await;
        },
    )
    .await;
}

async fn g2_4_private_events_are_seen_by_their_parties_only(house: House) {
    let subject = Subject::new(&house).await;
    let to = key(2).public_key().to_string();
    let wrap = event(1, 1059, "wrap", &[["p", &to]]);
    let message = event(1, 4, "message", &[["p", &to]]);
    let group = event(1, 445, "group", &[["h", "g"]]);
    let last = note(3, "last");
    let (no_wrap, no_message, no_group) = (gone(&wrap), gone(&message), gone(&group));
    let who = |viewer| audience("a", "x", Breadth::Own, viewer);
    let by_group = Interest {
        filter: Some(Filter::parse(br##"{"#h":["g"]}"##).unwrap()),
        ..Interest::default()
    };
    let all = Interest::default();
    let operators: &[&str] = &["wrap", "message", "group", "last"];
    let cases: Vec<(Audience, Interest, &[&str])> = vec![
        (who(somebody(&[])), all.clone(), &["last"]),
        (who(somebody(&[3])), all.clone(), &["last"]),
        (
            who(somebody(&[2])),
            all.clone(),
            &["wrap", "message", "last"],
        ),
        (
            who(somebody(&[3, 1])),
            all.clone(),
            &["wrap", "message", "last"],
        ),
        (who(somebody(&[])), by_group, &["group"]),
        (who(Viewer::operator()), all.clone(), operators),
    ];
    seen(&subject, &cases, async || {
        subject.store(&[&wrap, &message, &group, &last]).await;
    })
    .await;
    // Those who could see them are told that they are gone.
    let later = note(3, "later");
    let (stranger, party, operator): (Vec<&str>, Vec<&str>, Vec<&str>) = (
        vec!["later"],
        vec![&no_wrap, &no_message, "later"],
        vec![&no_wrap, &no_message, &no_group, "later"],
    );
    let cases: Vec<(Audience, Interest, &[&str])> = vec![
        (who(somebody(&[3])), all.clone(), &stranger),
        (who(somebody(&[2])), all.clone(), &party),
        (who(Viewer::operator()), all, &operator),
    ];
    seen(&subject, &cases, async || {
        let ids = [wrap.id(), message.id(), group.id()];
        subject.store.remove(&ids).await.unwrap();
        subject.store(&[&later]).await;
    })
    .await;
}

async fn g3_1_filters_hold_for_nostr_alone(house: House) {
    let subject = Subject::new(&house).await;
    let (mine, other) = (note(1, "mine"), note(2, "other"));
    let (no_mine, last) = (gone(&mine), note(1, "last"));
    let author = key(1).public_key();
    let by_author = Interest {
        filter: Some(Filter::parse(format!(r#"{{"authors":["{author}"]}}"#).as_bytes()).unwrap()),
        ..Interest::default()
    };
    let typed = Interest {
        types: vec!["nostr.event.deleted".into(), "job".into()],
        ..Interest::default()
    };
    let named = Interest {
        subjects: vec!["j".into()],
        ..Interest::default()
    };
    let who = || audience("a", "x", Breadth::Own, somebody(&[]));
    let no_other = gone(&other);
    let typed_names: Vec<&str> = vec![&no_mine, &no_other, "j:1"];
    let by_author_names: Vec<&str> = vec!["mine", &no_mine, "last", "j:1"];
    subject.store(&[&note(9, "before")]).await;
    let begin = subject.bus.head().await.unwrap();
    subject.store(&[&mine, &other]).await;
    let both = [mine.id(), other.id()];
    // What is past shows nothing of what is gone; so this is looked at live.
    let mut readers = Vec::new();
    for (number, interest) in [&by_author, &typed, &named].into_iter().enumerate() {
        let mut reader = subject.bus.read(From::Now, who(), interest.clone());
        live(&subject, &mut reader, number + 1).await;
        readers.push(reader);
    }
    subject.store.remove(&both).await.unwrap();
    subject.store(&[&last]).await;
    assert_eq!(next(&mut readers[0], 2).await, [no_mine.as_str(), "last"]);
    assert_eq!(
        next(&mut readers[1], 2).await,
        [no_mine.as_str(), &no_other]
    );
    subject.progress("a", "x", "j", 1).await;
    for reader in &mut readers {
        assert_eq!(next(reader, 1).await, ["j:1"]);
    }
    let past_of = |interest| past(subject.bus.read(From::Cursor(begin), who(), interest));
    assert_eq!(past_of(by_author).await.0, by_author_names[1..]);
    assert_eq!(past_of(typed).await.0, typed_names);
    assert_eq!(past_of(named).await.0, ["j:1"]);
}

async fn g2_3_without_a_right_nothing_is_seen(house: House) {
    let subject = Subject::new(&house).await;
    subject.store(&[&note(1, "one")]).await;
    subject.progress("a", "x", "j", 1).await;
    let mut nobody = audience("a", "x", Breadth::All, Viewer::operator());
    nobody.rights.clear();
    let reader = subject.bus.read(From::Oldest, nobody, Interest::default());
    assert_eq!(past(reader).await.0, Vec::<String>::new());
}
