//! What a trace records, and that one of no message records nothing. Where records go can be said once in a process, so this is one
//! test.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use stentor_trace::{InConnection, Trace, Value, connection, install};

#[tokio::test]
async fn p3_a_trace_from_off_to_a_full_queue() {
    assert_eq!(
        size_of::<Trace>(),
        size_of::<usize>(),
        "off, it is a null pointer"
    );
    let mut trace = Trace::begin("EVENT");
    trace.set("key", 1_u64);
    trace.enter("part");
    assert!(!trace.is_on() && trace.id().is_none());
    drop(trace);
    assert!(!Trace::job("sync").is_on(), "nobody takes records");

    let mut records = install(1.0, 2).unwrap();
    assert!(install(1.0, 2).is_none());
    assert!(
        records.try_recv().is_err(),
        "nothing comes of what was before"
    );

    let name = InConnection::new(7, async {
        assert!(connection().is_some());
        let mut trace = Trace::begin("message");
        trace.rename("EVENT");
        trace.set("kind", 1_u16);
        trace.enter("ask");
        trace.set("within", true);
        trace.enter("store");
        trace.outcome("refused");
        trace.outcome("stored");
        trace.id().unwrap()
    })
    .await;
    let record = records.recv().await.unwrap();
    assert_eq!(
        (record.id, record.root.name, record.asked),
        (name, "EVENT", true)
    );
    let root = [
        ("stentor.connection", Value::Number(7)),
        ("kind", Value::Number(1)),
        ("stentor.outcome", Value::Word("stored")),
    ];
    assert_eq!(record.root.attributes, root);
    assert!(!record.root.failed);
    let [ask, store] = record.children.as_slice() else {
        panic!("{record:?}");
    };
    assert_eq!((ask.name, store.name), ("ask", "store"));
    assert_eq!(ask.attributes, [("within", Value::Switch(true))]);
    assert!(store.after >= ask.after + ask.took, "one after the other");
    assert!(
        record.root.took >= store.after + store.took,
        "and all within"
    );
    assert_ne!(ask.id, store.id);

    let mut many = Trace::job("sync");
    for _ in 0..100 {
        many.enter("window");
    }
    many.fail();
    many.end();
    assert!(!many.is_on());
    drop(many);
    let record = records.recv().await.unwrap();
    assert!(record.root.failed && !record.asked);
    assert_eq!(record.spans(), 33, "parts have a bound");

    for _ in 0..5 {
        drop(Trace::begin("REQ"));
    }
    assert!(records.try_recv().is_ok() && records.try_recv().is_ok());
    assert!(records.try_recv().is_err(), "no more wait than may");
}
