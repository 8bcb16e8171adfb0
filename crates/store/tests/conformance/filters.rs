//! What filters match (R1.6), and where a scan ends and live delivery begins (R1.7).

use stentor_event::{Event, Timestamp, Viewer};
use stentor_store::{EventNumber, Outcome, ScanEnd, Submission};

use crate::common::make::{Alice, Bob, Carol, draft, filter, note};
use crate::common::subject::{NO_LIMITS, NOW, ids_of};
use crate::common::{Factory, Subject};

/// Two events whose ids begin with the same 64 bits can be made in some hours.
pub async fn r1_6_ids_that_begin_alike_are_told_apart(factory: &dyn Factory) {
    let mut subject = Subject::new(factory);
    let one = note(Alice, 1, "one");
    let id = one.id().to_string();
    let two = note(Bob, 2, "two");
    let alike = format!("{}{}", &id[..32], &two.id().to_string()[32..]);
    let text = std::str::from_utf8(two.json()).unwrap();
    let two = text.replace(&two.id().to_string(), &alike);
    let two = Event::from_canonical(two.into_bytes().into()).unwrap();
    for event in [&one, &two] {
        let submission = Submission {
            event: event.clone(),
            verified: true,
        };
        let stored = subject
            .store()
            .submit(vec![submission], Timestamp(NOW))
            .await;
        assert!(matches!(stored.unwrap()[..], [Outcome::Stored(_)]));
        // So that they do not share a part of the index.
        subject.engine.reopen().await;
    }
    for event in [&one, &two] {
        let filter = format!(r#"{{"ids":["{}"]}}"#, event.id());
        assert_eq!(subject.ids(&filter).await, [event.id()]);
    }
    let both = format!(r#"{{"ids":["{}","{}"]}}"#, one.id(), two.id());
    assert_eq!(subject.ids(&both).await, [two.id(), one.id()]);
}

pub async fn r1_6_ids_authors_kinds_and_times(factory: &dyn Factory) {
    let subject = Subject::new(factory);
    let one = note(Alice, 10, "one");
    let two = draft(Alice, 7, 20).sign();
    let three = note(Bob, 30, "three");
    let four = draft(Carol, 1984, 40).sign();
    subject.store_each(&[&three, &one, &four, &two]).await;
    let (alice, bob) = (Alice.hex(), Bob.hex());
    for (filter, expected) in [
        ("{}".to_owned(), vec![&four, &three, &two, &one]),
        (format!(r#"{{"ids":["{}"]}}"#, two.id()), vec![&two]),
        (
            format!(r#"{{"ids":["{}","{}"]}}"#, one.id(), four.id()),
            vec![&four, &one],
        ),
        (format!(r#"{{"ids":["{}"],"kinds":[7]}}"#, one.id()), vec![]),
        (format!(r#"{{"ids":["{}"],"since":11}}"#, one.id()), vec![]),
        (format!(r#"{{"authors":["{alice}"]}}"#), vec![&two, &one]),
        (
            format!(r#"{{"authors":["{bob}","{alice}"]}}"#),
            vec![&three, &two, &one],
        ),
        (
            format!(r#"{{"authors":["{alice}"],"kinds":[7]}}"#),
            vec![&two],
        ),
        (
            format!(r#"{{"authors":["{alice}"],"kinds":[7,1]}}"#),
            vec![&two, &one],
        ),
        (
            format!(r#"{{"authors":["{}"]}}"#, crate::common::make::Dave.hex()),
            vec![],
        ),
        (r#"{"kinds":[1]}"#.to_owned(), vec![&three, &one]),
        (r#"{"kinds":[7,1984,9999]}"#.to_owned(), vec![&four, &two]),
        (r#"{"since":20}"#.to_owned(), vec![&four, &three, &two]),
        (r#"{"until":20}"#.to_owned(), vec![&two, &one]),
        (r#"{"since":20,"until":30}"#.to_owned(), vec![&three, &two]),
        (r#"{"since":20,"until":20}"#.to_owned(), vec![&two]),
        (r#"{"since":41}"#.to_owned(), vec![]),
        (r#"{"kinds":[1],"until":29}"#.to_owned(), vec![&one]),
    ] {
        assert_eq!(subject.ids(&filter).await, ids_of(&expected), "{filter}");
    }
}

pub async fn r1_6_single_letter_tags_of_both_cases(factory: &dyn Factory) {
    let subject = Subject::new(factory);
    let letters: Vec<char> = ('a'..='z').chain('A'..='Z').collect();
    let value = Alice.hex();
    let tagged = |letter: &char| draft(Bob, 1, 10).tag(&letter.to_string(), &value).sign();
    let events: Vec<Event> = letters.iter().map(tagged).collect();
    let longer = draft(Bob, 1, 10)
        .tag("ee", &value)
        .tag("-", &value)
        .tag("1", &value)
        .tag("", &value)
        .sign();
    subject
        .put_all(&events.iter().chain([&longer]).collect::<Vec<_>>())
        .await;
    for (letter, event) in letters.iter().zip(&events) {
        assert_eq!(
            subject
                .ids(&format!(r##"{{"#{letter}":["{value}"]}}"##))
                .await,
            [event.id()],
            "{letter}"
        );
    }
}

pub async fn r1_6_conditions_are_and_values_are_or(factory: &dyn Factory) {
    let subject = Subject::new(factory);
    let x = draft(Alice, 1, 10).tag("t", "x").sign();
    let xy = draft(Alice, 1, 20).tag("t", "x").tag("t", "y").sign();
    let xr = draft(Bob, 7, 30).tag("t", "x").tag("r", "y").sign();
    let y = draft(Bob, 1, 40).tag("t", "y").sign();
    subject.store_each(&[&x, &xy, &xr, &y]).await;
    let alice = Alice.hex();
    for (filter, expected) in [
        (r##"{"#t":["x"]}"##.to_owned(), vec![&xr, &xy, &x]),
        (r##"{"#t":["x","y"]}"##.to_owned(), vec![&y, &xr, &xy, &x]),
        (r##"{"#t":["x"],"#r":["y"]}"##.to_owned(), vec![&xr]),
        (r##"{"#t":["x"],"kinds":[1]}"##.to_owned(), vec![&xy, &x]),
        (
            r##"{"#t":["x","y","z"],"kinds":[1,7],"since":20,"until":30}"##.to_owned(),
            vec![&xr, &xy],
        ),
        (
            format!(r##"{{"#t":["y"],"authors":["{alice}"]}}"##),
            vec![&xy],
        ),
        (
            format!(r##"{{"#t":["y"],"authors":["{alice}"],"kinds":[7]}}"##),
            vec![],
        ),
        (
            format!(r##"{{"#t":["y"],"ids":["{}","{}"]}}"##, x.id(), y.id()),
            vec![&y],
        ),
        (r##"{"#t":["z"]}"##.to_owned(), vec![]),
        (r##"{"#r":["x"]}"##.to_owned(), vec![]),
    ] {
        assert_eq!(subject.ids(&filter).await, ids_of(&expected), "{filter}");
    }
}

pub async fn r1_6_tag_values_of_any_length(factory: &dyn Factory) {
    let subject = Subject::new(factory);
    let long = "v".repeat(20_000);
    let (one, two) = (format!("{long}1"), format!("{long}2"));
    let first = draft(Alice, 1, 10).tag("t", &one).sign();
    let second = draft(Alice, 1, 11).tag("t", &two).sign();
    let empty = draft(Alice, 1, 12).tag("t", "").sign();
    subject.store_each(&[&first, &second, &empty]).await;
    assert_eq!(
        subject.ids(&format!(r##"{{"#t":["{one}"]}}"##)).await,
        [first.id()]
    );
    assert_eq!(
        subject.ids(&format!(r##"{{"#t":["{two}"]}}"##)).await,
        [second.id()]
    );
    assert_eq!(subject.ids(&format!(r##"{{"#t":["{long}"]}}"##)).await, []);
    assert_eq!(subject.ids(r##"{"#t":[""]}"##).await, [empty.id()]);
}

pub async fn r1_6_tag_values_are_compared_as_text(factory: &dyn Factory) {
    let subject = Subject::new(factory);
    let event = draft(Alice, 1, 10)
        .tag("t", "quote\" slash/ line\n nul\0 é")
        .sign();
    subject.store_one(&event).await;
    let spelled = r##"{"#t":["quote\u0022 slash\/ line\u000a nul\u0000 \u00e9"]}"##;
    assert_eq!(subject.ids(spelled).await, [event.id()]);
    assert_eq!(
        subject
            .ids(r##"{"#t":["quote\" slash/ line\n nul\u0000 é"]}"##)
            .await,
        [event.id()]
    );
    assert_eq!(
        subject
            .ids(r##"{"#t":["quote\" slash/ line\n nul"]}"##)
            .await,
        []
    );
    // And an event that spells its tag, name and value, with escapes.
    let plain = draft(Alice, 1, 11).tag("t", "abc").sign();
    let text = std::str::from_utf8(plain.json())
        .unwrap()
        .replace(r#"["t","abc"]"#, r#"["\u0074","\u0061bc"]"#);
    let escaped = Event::parse(text.as_bytes()).unwrap();
    subject.store_one(&escaped).await;
    assert_eq!(subject.ids(r##"{"#t":["abc"]}"##).await, [escaped.id()]);
}

pub async fn r1_6_only_the_first_value_of_a_tag_counts(factory: &dyn Factory) {
    let subject = Subject::new(factory);
    let event = draft(Alice, 1, 10)
        .tag_of(&["t", "first", "second"])
        .tag_of(&["r"])
        .sign();
    subject.store_one(&event).await;
    assert_eq!(subject.ids(r##"{"#t":["first"]}"##).await, [event.id()]);
    assert_eq!(subject.ids(r##"{"#t":["second"]}"##).await, []);
    assert_eq!(subject.ids(r##"{"#r":[""]}"##).await, []);
}

pub async fn r1_6_empty_lists_match_nothing(factory: &dyn Factory) {
    let subject = Subject::new(factory);
    let event = draft(Alice, 1, 10).tag("t", "x").sign();
    subject.store_one(&event).await;
    for filter in [
        r#"{"ids":[]}"#,
        r#"{"authors":[]}"#,
        r#"{"kinds":[]}"#,
        r##"{"#t":[]}"##,
        r##"{"#t":["x"],"kinds":[]}"##,
        r##"{"#t":["x"],"#e":[]}"##,
    ] {
        assert_eq!(
            subject
                .answer(&[filter], &Viewer::operator(), NO_LIMITS)
                .await,
            (vec![], ScanEnd::Finished)
        );
        assert_eq!(
            subject.count(&[filter], &Viewer::operator()).await.count,
            0,
            "{filter}"
        );
        assert_eq!(
            subject
                .answer(&[filter, "{}"], &Viewer::operator(), NO_LIMITS)
                .await
                .0,
            [event.id()]
        );
    }
}

pub async fn r1_6_malformed_values_match_nothing(factory: &dyn Factory) {
    let subject = Subject::new(factory);
    let event = draft(Alice, 1, 10)
        .tag("e", "not hex")
        .tag("p", &Bob.hex().to_uppercase())
        .sign();
    subject.store_one(&event).await;
    let id = event.id().to_string();
    for filter in [
        r#"{"ids":["not hex"]}"#.to_owned(),
        format!(r#"{{"ids":["{}"]}}"#, &id[..8]),
        format!(r#"{{"ids":["{}"]}}"#, id.to_uppercase()),
        format!(r#"{{"authors":["{}"]}}"#, &Alice.hex()[..63]),
        r##"{"#e":["not hex"]}"##.to_owned(),
        format!(r##"{{"#p":["{}"]}}"##, Bob.hex().to_uppercase()),
    ] {
        assert_eq!(subject.ids(&filter).await, [], "{filter}");
        assert_eq!(
            subject.count(&[&filter], &Viewer::operator()).await.count,
            0,
            "{filter}"
        );
    }
    assert_eq!(
        subject
            .ids(&format!(r#"{{"ids":["nonsense","{id}"]}}"#))
            .await,
        [event.id()]
    );
}

pub async fn r1_6_since_after_until_gives_none(factory: &dyn Factory) {
    let subject = Subject::new(factory);
    subject.store_one(&note(Alice, 10, "here")).await;
    for filter in [
        r#"{"since":11,"until":9}"#,
        r#"{"since":10,"until":9,"kinds":[1]}"#,
    ] {
        assert_eq!(
            subject
                .answer(&[filter], &Viewer::operator(), NO_LIMITS)
                .await,
            (vec![], ScanEnd::Finished)
        );
    }
}

pub async fn r1_6_a_union_without_duplicates_in_order(factory: &dyn Factory) {
    let subject = Subject::new(factory);
    let events: Vec<Event> = (0..20)
        .map(|index| {
            draft(
                [Alice, Bob][index % 2],
                [1, 7][index / 2 % 2],
                10 + index as u64 / 3,
            )
            .sign()
        })
        .collect();
    subject.put_all(&events.iter().collect::<Vec<_>>()).await;
    let by_author = format!(r#"{{"authors":["{}"]}}"#, Alice.hex());
    let (got, end) = subject
        .answer(
            &[
                &by_author,
                r#"{"kinds":[1]}"#,
                &by_author,
                r#"{"since":14}"#,
            ],
            &Viewer::operator(),
            NO_LIMITS,
        )
        .await;
    let mut expected: Vec<&Event> = events
        .iter()
        .filter(|event| {
            event.pubkey() == Alice.key() || event.kind().0 == 1 || event.created_at().0 >= 14
        })
        .collect();
    expected.sort_by_key(|event| (std::cmp::Reverse(event.created_at()), event.id()));
    assert_eq!((got, end), (ids_of(&expected), ScanEnd::Finished));
}

pub async fn r1_6_no_filters_give_nothing(factory: &dyn Factory) {
    let subject = Subject::new(factory);
    subject.store_one(&note(Alice, 10, "here")).await;
    assert_eq!(
        subject.answer(&[], &Viewer::operator(), NO_LIMITS).await,
        (vec![], ScanEnd::Finished)
    );
    assert_eq!(subject.count(&[], &Viewer::operator()).await.count, 0);
}

pub async fn r1_6_the_order_is_newest_first_then_lowest_id(factory: &dyn Factory) {
    let subject = Subject::new(factory);
    let mut events: Vec<Event> = (0..30)
        .map(|index| note(Alice, 10 + index % 3, &index.to_string()))
        .collect();
    subject.put_all(&events.iter().collect::<Vec<_>>()).await;
    events.sort_by_key(|event| (std::cmp::Reverse(event.created_at()), event.id()));
    let expected = ids_of(&events.iter().collect::<Vec<_>>());
    assert_eq!(subject.ids("{}").await, expected);
    assert_eq!(subject.ids(r#"{"kinds":[1]}"#).await, expected);
    assert_eq!(
        subject
            .ids(&format!(r#"{{"authors":["{}"]}}"#, Alice.hex()))
            .await,
        expected
    );
}

pub async fn r1_6_times_at_the_ends_of_their_range(factory: &dyn Factory) {
    let subject = Subject::new(factory);
    let first = note(Alice, 0, "first");
    let last = note(Alice, Timestamp::MAX.0, "last");
    subject.store_each(&[&first, &last]).await;
    let max = Timestamp::MAX.0;
    for (filter, expected) in [
        ("{}".to_owned(), vec![&last, &first]),
        (r#"{"since":0}"#.to_owned(), vec![&last, &first]),
        (r#"{"until":0}"#.to_owned(), vec![&first]),
        (format!(r#"{{"since":{max}}}"#), vec![&last]),
        (
            format!(r#"{{"until":{max},"kinds":[1]}}"#),
            vec![&last, &first],
        ),
    ] {
        assert_eq!(subject.ids(&filter).await, ids_of(&expected), "{filter}");
    }
}

pub async fn r1_7_a_scan_ends_where_the_live_events_begin(factory: &dyn Factory) {
    let subject = Subject::new(factory);
    let events: Vec<Event> = [30, 10, 20, 40].map(|at| note(Alice, at, "note")).to_vec();
    subject.store_each(&[&events[0], &events[1]]).await;
    let next = subject.store().next_number();
    assert_eq!(next, EventNumber(3));
    subject.store_each(&[&events[2], &events[3]]).await;
    let query = subject.query(&[filter("{}")]);
    for (before, expected) in [
        (Some(next), vec![&events[0], &events[1]]),
        (Some(EventNumber(1)), vec![]),
        (Some(EventNumber(2)), vec![&events[0]]),
        (
            Some(EventNumber(4)),
            vec![&events[0], &events[2], &events[1]],
        ),
        (
            Some(EventNumber(1_000)),
            vec![&events[3], &events[0], &events[2], &events[1]],
        ),
        (None, vec![&events[3], &events[0], &events[2], &events[1]]),
    ] {
        let query = stentor_store::Query {
            before,
            ..query.clone()
        };
        let answer = subject.answer_to(query.clone(), &Viewer::operator()).await;
        assert_eq!(answer, (ids_of(&expected), ScanEnd::Finished), "{before:?}");
        let count = subject
            .store()
            .count(&query, &Viewer::operator())
            .await
            .unwrap();
        assert_eq!(count.count, expected.len() as u64, "{before:?}");
    }
    // What lies beyond the bound is no match that is missing.
    let query = stentor_store::Query {
        before: Some(next),
        filters: [filter(r#"{"limit":2}"#)].into(),
        ..query
    };
    assert_eq!(
        subject.answer_to(query, &Viewer::operator()).await.1,
        ScanEnd::Finished
    );
}
