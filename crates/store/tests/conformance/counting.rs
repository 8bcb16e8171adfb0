//! COUNT (R1.9, NIP-45).

use stentor_event::{Event, Viewer};
use stentor_store::ScanLimits;

use crate::common::make::{
    Alice, Bob, Carol, Dave, anonymous, deletion, draft, filter, note, vanish, wrap,
};
use crate::common::{Factory, Person, Subject};

async fn count(subject: &Subject, filters: &[&str]) -> u64 {
    subject.count(filters, &anonymous()).await.count
}

fn reaction(person: Person, target: &Event, at: u64) -> Event {
    draft(person, 7, at)
        .tag("e", &target.id().to_string())
        .sign()
}

fn reactions_to(target: &Event) -> String {
    format!(r##"{{"#e":["{}"],"kinds":[7]}}"##, target.id())
}

pub async fn r1_9_counts_the_union_exactly(factory: &dyn Factory) {
    let subject = Subject::new(factory);
    let events: Vec<Event> = (0..40)
        .map(|index| {
            draft(
                [Alice, Bob][index % 2],
                [1, 7, 6][index % 3],
                10 + index as u64,
            )
            .sign()
        })
        .collect();
    subject.put_all(&events.iter().collect::<Vec<_>>()).await;
    let by_author = format!(r#"{{"authors":["{}"]}}"#, Alice.hex());
    let by_both = format!(r#"{{"authors":["{}"],"kinds":[7]}}"#, Alice.hex());
    assert_eq!(count(&subject, &["{}"]).await, 40);
    assert_eq!(count(&subject, &[r#"{"kinds":[1]}"#]).await, 14);
    assert_eq!(count(&subject, &[r#"{"kinds":[1,7]}"#]).await, 27);
    assert_eq!(count(&subject, &[&by_author]).await, 20);
    assert_eq!(count(&subject, &[&by_both]).await, 6);
    assert_eq!(count(&subject, &[&by_author, r#"{"kinds":[1]}"#]).await, 27);
    assert_eq!(count(&subject, &[&by_author, &by_author, "{}"]).await, 40);
    assert_eq!(count(&subject, &[r#"{"since":20,"until":29}"#]).await, 10);
    assert_eq!(
        count(&subject, &[r#"{"kinds":[1],"since":20,"until":29}"#]).await,
        3
    );
}

pub async fn r1_9_counting_ignores_limits(factory: &dyn Factory) {
    let subject = Subject::new(factory);
    let events: Vec<Event> = (0..10).map(|at| note(Alice, at, "note")).collect();
    subject.put_all(&events.iter().collect::<Vec<_>>()).await;
    assert_eq!(count(&subject, &[r#"{"limit":3}"#]).await, 10);
    assert_eq!(count(&subject, &[r#"{"limit":0,"kinds":[1]}"#]).await, 10);
    let query = stentor_store::Query {
        limits: ScanLimits { cap: 2, rows: 0 },
        ..subject.query(&[filter("{}")])
    };
    assert_eq!(
        subject
            .store()
            .count(&query, &anonymous())
            .await
            .unwrap()
            .count,
        10
    );
}

pub async fn r1_9_counts_follow_removals(factory: &dyn Factory) {
    let mut subject = Subject::new(factory);
    let target = note(Alice, 1, "popular");
    let events = [
        reaction(Alice, &target, 10),
        reaction(Bob, &target, 11),
        draft(Carol, 7, 12)
            .tag("e", &target.id().to_string())
            .expiring(subject.now + 5)
            .sign(),
        reaction(Dave, &target, 13),
        // The same target twice in one event counts once.
        draft(Dave, 7, 14)
            .tag("e", &target.id().to_string())
            .tag("e", &target.id().to_string())
            .sign(),
    ];
    subject.store_each(&events.iter().collect::<Vec<_>>()).await;
    let filter = reactions_to(&target);
    assert_eq!(count(&subject, &[&filter]).await, 5);
    subject.store_one(&deletion(Alice, 20, &[&events[0]])).await;
    assert_eq!(count(&subject, &[&filter]).await, 4);
    subject.now += 5;
    assert_eq!(count(&subject, &[&filter]).await, 3);
    assert_eq!(subject.purge().await, 1);
    assert_eq!(count(&subject, &[&filter]).await, 3);
    subject.store_one(&vanish(Dave, 20)).await;
    assert_eq!(count(&subject, &[&filter]).await, 1);
    assert_eq!(subject.store().remove(&[events[1].id()]).await.unwrap(), 1);
    assert_eq!(count(&subject, &[&filter]).await, 0);
    assert_eq!(count(&subject, &[r#"{"kinds":[7]}"#]).await, 0);
}

pub async fn r1_9_counts_only_what_is_visible(factory: &dyn Factory) {
    let subject = Subject::new(factory);
    let group = draft(Alice, 445, 12).tag("h", "g").sign();
    subject
        .store_each(&[
            &wrap(Alice, Bob, 10),
            &wrap(Carol, Dave, 11),
            &group,
            &note(Alice, 13, "open"),
        ])
        .await;
    for (viewer, expected) in [
        (anonymous(), 1),
        (Bob.viewer(), 2),
        (Carol.viewer(), 2),
        (Viewer::operator(), 4),
    ] {
        assert_eq!(subject.count(&["{}"], &viewer).await.count, expected);
        assert_eq!(
            subject
                .count(&[r#"{"kinds":[1,445,1059]}"#], &viewer)
                .await
                .count,
            expected
        );
    }
    assert_eq!(count(&subject, &[r#"{"kinds":[1059]}"#]).await, 0);
    assert_eq!(
        count(&subject, &[r##"{"kinds":[445],"#h":["g"]}"##]).await,
        1
    );
    let to_both = format!(
        r##"{{"kinds":[1059],"#p":["{}","{}"]}}"##,
        Bob.hex(),
        Dave.hex()
    );
    assert_eq!(subject.count(&[&to_both], &Bob.viewer()).await.count, 1);
}

/// The registers for authors, computed as NIP-45 describes it, for the id of an event as the only tag value.
fn registers(target: &Event, authors: &[Person]) -> Box<[u8; 256]> {
    let digit = target.id().to_string().as_bytes()[32] as char;
    let offset = digit.to_digit(16).unwrap() as usize + 8;
    let mut registers = Box::new([0; 256]);
    for author in authors {
        let key = author.key().0;
        let bits = key[offset + 1..]
            .iter()
            .flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1));
        let zeros = bits.take_while(|bit| *bit == 0).count() as u8;
        let register = &mut registers[key[offset] as usize];
        *register = (*register).max(zeros + 1);
    }
    registers
}

pub async fn r1_9_the_registers_are_those_of_the_nip(factory: &dyn Factory) {
    let subject = Subject::new(factory);
    for number in 0..10 {
        let target = note(Alice, 1, &format!("popular {number}"));
        let filter = reactions_to(&target);
        let nobody = subject.count(&[&filter], &anonymous()).await;
        assert_eq!((nobody.count, nobody.hll), (0, Some(Box::new([0; 256]))));
        let people = [Alice, Bob, Carol, Dave];
        for (index, person) in people.into_iter().enumerate() {
            subject
                .store_each(&[
                    &reaction(person, &target, 10),
                    &reaction(person, &target, 11),
                ])
                .await;
            let counted = subject.count(&[&filter], &anonymous()).await;
            assert_eq!(counted.count, 2 * (index as u64 + 1));
            assert_eq!(
                counted.hll,
                Some(registers(&target, &people[..=index])),
                "{filter}"
            );
        }
    }
}

pub async fn r1_9_the_registers_follow_deletions(factory: &dyn Factory) {
    let subject = Subject::new(factory);
    let target = note(Alice, 1, "popular");
    let filter = reactions_to(&target);
    let (first, second, other) = (
        reaction(Bob, &target, 10),
        reaction(Bob, &target, 11),
        reaction(Carol, &target, 12),
    );
    subject
        .store_each(&[&first, &second, &other, &deletion(Bob, 20, &[&first])])
        .await;
    assert_eq!(
        subject.count(&[&filter], &anonymous()).await.hll,
        Some(registers(&target, &[Bob, Carol]))
    );
    subject.store_one(&deletion(Bob, 21, &[&second])).await;
    let counted = subject.count(&[&filter], &anonymous()).await;
    assert_eq!(
        (counted.count, counted.hll),
        (1, Some(registers(&target, &[Carol])))
    );
}

pub async fn r1_9_no_registers_for_other_queries(factory: &dyn Factory) {
    let subject = Subject::new(factory);
    let target = note(Alice, 1, "popular");
    subject
        .store_each(&[&target, &reaction(Bob, &target, 10)])
        .await;
    let filter = reactions_to(&target);
    for filters in [&["{}"][..], &[r#"{"kinds":[7]}"#], &[&filter, &filter], &[]] {
        assert_eq!(
            subject.count(filters, &anonymous()).await.hll,
            None,
            "{filters:?}"
        );
    }
}
