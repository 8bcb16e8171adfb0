//! Events of the real network, when the environment variable `STENTOR_WILD_CORPUS` names a file with one event a line.

use stentor_event::Event;

#[test]
fn r1_2_events_of_the_network_are_valid() {
    let Some(path) = std::env::var_os("STENTOR_WILD_CORPUS") else {
        println!("skipped: STENTOR_WILD_CORPUS is not set");
        return;
    };
    let text = std::fs::read(&path).unwrap();
    let mut count = 0;
    for line in text
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
    {
        let event = Event::parse(line).unwrap();
        event.check_id().unwrap();
        event.verify_signature().unwrap();
        let again = Event::from_canonical(event.json().clone()).unwrap();
        assert_eq!(
            (again.id(), again.view().tags_raw()),
            (event.id(), event.view().tags_raw())
        );
        count += 1;
    }
    println!("{count} events are valid");
    assert!(count > 0);
}
