//! Who we are is told, and work is done, where the operator allows it and nowhere else (O3.1, O2.2, NIP-42, NIP-13).

use std::collections::BTreeSet;

use stentor_event::PublicKey;
use stentor_observatory::config::WriteTest;
use stentor_simulation::{Asked, Character, Relay};
use stentor_sql::Dialect;
use stentor_sql::testing::House;

use crate::service::{Setting, archive_key, config, monitor_key, spec, start, until};

/// Who a relay was told that we are.
fn told(relay: &Relay) -> BTreeSet<PublicKey> {
    let asked = relay.asked().into_iter();
    let keys = asked.filter_map(|asked| match asked {
        Asked::Auth(key) => Some(key),
        _ => None,
    });
    keys.collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn o3_1_who_we_are_is_told_where_the_operator_says_so() {
    let house = House::new(Dialect::Sqlite).await;
    let cast = [
        Character::AuthReads,
        Character::AuthReads,
        Character::AuthReads,
        Character::AuthRefused,
        Character::AuthRefused,
        Character::PowWrites,
        Character::Honest,
    ];
    let network = start(spec(&cast, 200, 2)).await;
    let [named, unnamed, target, refusing, unnamed_too, work, honest] = network.relays() else {
        panic!("seven relays");
    };
    let mut config = config(&[honest.url()]);
    config.check.write = WriteTest::Note;
    config.archive.auth = vec![named.url().to_owned(), refusing.url().to_owned()];
    config.publish.enabled = true;
    config.publish.relays = vec![target.url().to_owned()];
    let service = Setting::new(&house, config).start().await;
    let is_named = |relay: &Relay| relay.number() == named.number();
    let open = network.union(|_, _| true);
    let gated = network.authenticated_union(|relay, _| is_named(relay));
    until("what is for members is archived", async || {
        let archived = service.archived().await;
        gated.is_subset(&archived) && open.is_subset(&archived)
    })
    .await;
    until(
        "every relay is checked, and asked by the archive",
        async || {
            for relay in network.relays() {
                let Some(known) = service.relay(relay.url()).await else {
                    return false;
                };
                if known["write_outcome"].is_null() || known["archiving"]["last_ms"].is_null() {
                    return false;
                }
            }
            true
        },
    )
    .await;
    let of = |relay: &Relay| relay.published().len();
    until("the target is told of every relay", async || {
        of(target) >= cast.len()
    })
    .await;

    let (archive, monitor) = (archive_key().public_key(), monitor_key().public_key());
    assert_eq!(told(named), BTreeSet::from([archive]));
    assert_eq!(told(refusing), BTreeSet::from([archive]));
    assert_eq!(
        told(target),
        BTreeSet::from([monitor]),
        "who is published to"
    );
    for relay in [unnamed, unnamed_too, work, honest] {
        assert_eq!(told(relay), BTreeSet::new(), "{relay:?}");
    }
    // What only others may see was not fetched.
    let archived = service.archived().await;
    for relay in [unnamed, target] {
        let others = &relay.truth().gated - &(&open | &gated);
        assert!(
            !others.is_empty() && others.is_disjoint(&archived),
            "{relay:?}"
        );
    }
    for relay in [unnamed, refusing, unnamed_too, target] {
        let coverage = service.coverage(relay.url()).await;
        let refused = coverage.iter().all(|one| one["state"] == "refused");
        assert!(refused && !coverage.is_empty(), "{coverage:?}");
    }
    // No work is done for a test, and no test is taken for a failure.
    let known = service.relay(work.url()).await.unwrap();
    assert_eq!(known["write_outcome"], "pow");
    assert_eq!(of(work), 0);
    assert!(of(honest) > 0, "one that takes it without is written to");
    service.stop().await;
}
