//! What an event costs before it is stored: parse, id, signature, match.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use stentor_bench::World;
use stentor_event::{Event, Filter};

fn benches(c: &mut Criterion) {
    let mut world = World::new(50);
    let events = world.events(1_000);
    let mut group = c.benchmark_group("event");
    group.throughput(Throughput::Elements(events.len() as u64));
    group.bench_function("parse", |b| {
        b.iter(|| {
            events
                .iter()
                .filter(|event| Event::parse(black_box(event.json())).is_ok())
                .count()
        });
    });
    group.bench_function("check id", |b| {
        b.iter(|| {
            events
                .iter()
                .filter(|event| event.check_id().is_ok())
                .count()
        })
    });
    group.sample_size(10);
    group.bench_function("verify signature", |b| {
        b.iter(|| {
            events
                .iter()
                .filter(|event| event.verify_signature().is_ok())
                .count()
        });
    });
    group.sample_size(50);
    let authors = world
        .authors()
        .iter()
        .take(20)
        .map(|key| key.public_key())
        .collect();
    let home = Filter {
        authors: Some(authors),
        ..Filter::default()
    };
    group.bench_function("match 20 authors", |b| {
        b.iter(|| events.iter().filter(|e| home.matches(&e.view())).count())
    });
    let topic = Filter::parse(br##"{"#t":["topic5","topic6"],"kinds":[1]}"##).unwrap_or_default();
    group.bench_function("match a tag", |b| {
        b.iter(|| events.iter().filter(|e| topic.matches(&e.view())).count())
    });
    group.finish();
    let text = home.to_json();
    c.bench_function("parse a filter of 20 authors", |b| {
        b.iter(|| Filter::parse(black_box(text.as_bytes())))
    });
}

criterion_group!(event, benches);
criterion_main!(event);
