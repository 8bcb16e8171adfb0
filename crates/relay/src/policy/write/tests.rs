//! The rules about events, each with the configuration that switches it on.

mod counted;
mod marmot;

use std::sync::Arc;

use stentor_auth::{Keys, Place};
use stentor_event::{EventBuilder, Kind, SecretKey, Timestamp, pow};
use stentor_net::dial::Dialer;
use stentor_store::{Keep, RelayScope, memory};

use super::{Judgement, Writing};
use crate::access::Lists;
use crate::config::{Action, Config, Who, WhoReceives, WorkOfKinds, WriteRule};
use crate::state::{Settings, Surroundings};

const NOW: u64 = 1_700_000_000;

fn key() -> SecretKey {
    SecretKey::from_bytes([5; 32]).unwrap()
}

fn hex(key: &SecretKey) -> String {
    key.public_key().to_string()
}

fn proven(key: &SecretKey) -> Keys {
    let mut keys = Keys::default();
    keys.add(key.public_key(), 0).unwrap();
    keys
}

fn kind(kind: u16) -> EventBuilder {
    EventBuilder::new(Kind(kind), Timestamp(NOW))
}

/// An empty store, and a way to elsewhere that nobody takes.
fn surroundings() -> Surroundings {
    let store = Arc::new(memory::Store::new(Keep::Current, RelayScope::default()));
    Surroundings::new(store, Dialer::new(&Default::default()).unwrap())
}

/// A relay's policy.
struct Bench {
    settings: Settings,
    lists: Lists,
}

impl Bench {
    fn new(change: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config::default();
        change(&mut config);
        let settings = Settings::new(config, &surroundings(), None).unwrap();
        Self {
            settings,
            lists: Lists::default(),
        }
    }

    fn judge(&self, builder: EventBuilder, keys: &Keys) -> Judgement {
        let event = builder.sign(&key());
        self.settings.policy.judge(&Writing {
            event: &event,
            keys,
            place: Place {
                public_urls: &["wss://here.example.com".to_owned()],
                local: None,
            },
            standing: self.settings.standing(&self.lists),
            entrance: self.settings.config.access.entrance("public"),
            now: Timestamp(NOW),
        })
    }

    /// What is said against an event, empty when there is nothing.
    fn against(&self, builder: EventBuilder) -> String {
        self.against_from(builder, &Keys::default())
    }

    fn against_from(&self, builder: EventBuilder, keys: &Keys) -> String {
        match self.judge(builder, keys) {
            Judgement::Taken(reviews) => reviews.concat(),
            Judgement::Refused(rejection) => rejection.reason.into_owned(),
            Judgement::Shadowed => "(shadowed)".into(),
            Judgement::Waits(..) => "(waits)".into(),
        }
    }
}

#[test]
fn r1_12_protected_events_only_from_their_author() {
    let bench = Bench::new(|_| {});
    let protected = || kind(1).tag(["-"]);
    let other = SecretKey::from_bytes([6; 32]).unwrap();
    assert!(bench.against(protected()).starts_with("auth-required: "));
    let from_other = bench.against_from(protected(), &proven(&other));
    assert!(from_other.starts_with("restricted: "));
    assert_eq!(bench.against_from(protected(), &proven(&key())), "");
}

#[test]
fn r1_12_reposts_must_not_embed_protected_events() {
    let bench = Bench::new(|_| {});
    let inner = kind(1).tag(["-"]).sign(&key());
    let text = String::from_utf8(inner.json().to_vec()).unwrap();
    for repost in [6, 16] {
        let against = bench.against_from(kind(repost).content(text.clone()), &proven(&key()));
        assert!(against.starts_with("blocked: "), "{against}");
    }
    let open = String::from_utf8(kind(1).sign(&key()).json().to_vec()).unwrap();
    assert_eq!(bench.against(kind(6).content(open)), "");
    assert_eq!(bench.against(kind(6)), "");
}

#[test]
fn r1_11_kind_22242_is_not_published() {
    let bench = Bench::new(|_| {});
    let against = bench.against_from(kind(22_242), &proven(&key()));
    assert!(against.starts_with("invalid: "));
}

#[test]
fn r1_13_a_request_to_vanish_passes_every_rule_if_it_concerns_this_relay() {
    let bench = Bench::new(|config| {
        config.access.write = Who::Members;
        config.policy.time.behind_seconds = 1;
        config.policy.work.bits = 200;
        config.policy.kinds.allow = [1].into();
        config.policy.keys.allow = vec!["00".repeat(32)];
    });
    let request = |relay: &str| {
        EventBuilder::new(Kind::VANISH, Timestamp(5))
            .tag(["-"])
            .tag(["relay", relay])
    };
    assert_eq!(bench.against(request("ALL_RELAYS")), "");
    assert_eq!(bench.against(request("wss://Here.example.com/")), "");
    assert_ne!(bench.against(request("wss://elsewhere.example.com")), "");
    assert!(bench.against(kind(62)).starts_with("invalid: "));
}

#[test]
fn r4_2_created_at_window() {
    let bench = Bench::new(|config| config.policy.time.behind_seconds = 3_600);
    let at = |time| bench.against(EventBuilder::new(Kind(1), Timestamp(time)));
    assert_eq!(at(NOW + 900), "");
    assert!(at(NOW + 901).starts_with("invalid: "));
    assert_eq!(at(NOW - 3_600), "");
    assert!(at(NOW - 3_601).starts_with("invalid: "));
    let off = Bench::new(|config| config.policy.time.ahead_seconds = 0);
    let far = EventBuilder::new(Kind(1), Timestamp(u64::MAX));
    assert_eq!(off.against(far), "");
}

#[test]
fn r4_2_keys_are_allowed_and_denied() {
    let denied = Bench::new(|config| config.policy.keys.deny = vec![hex(&key())]);
    assert!(denied.against(kind(1)).starts_with("blocked: "));
    let others = Bench::new(|config| config.policy.keys.allow = vec!["00".repeat(32)]);
    assert!(others.against(kind(1)).starts_with("restricted: "));
    let ours = Bench::new(|config| config.policy.keys.allow = vec![hex(&key())]);
    assert_eq!(ours.against(kind(1)), "");
}

#[test]
fn r3_1_where_only_members_write_the_author_counts() {
    let mut bench = Bench::new(|config| config.access.write = Who::Members);
    assert!(bench.against(kind(1)).starts_with("restricted: "));
    let recipient = "33".repeat(32);
    let wrap = || kind(1_059).tag(["p", &recipient]);
    assert!(bench.against(wrap()).starts_with("restricted: "));
    let member = stentor_event::PublicKey::from_hex(recipient.as_bytes()).unwrap();
    bench.lists.members.insert(member, Default::default());
    assert_eq!(bench.against(wrap()), "", "a message to a member");
    assert!(bench.against(kind(1)).starts_with("restricted: "));
    bench
        .lists
        .members
        .insert(key().public_key(), Default::default());
    assert_eq!(bench.against(kind(1)), "");
}

#[test]
fn r3_2_what_admins_have_decided_counts() {
    let mut bench = Bench::new(|_| {});
    let event = kind(1).sign(&key());
    bench.lists.banned_events.insert(event.id(), None);
    assert!(bench.against(kind(1)).starts_with("blocked: "));
    assert_eq!(bench.against(kind(1).content("another")), "");
    bench.lists.denied_kinds.insert(7);
    assert!(bench.against(kind(7)).starts_with("blocked: "));
    bench.lists.allowed_kinds.insert(30_023);
    assert!(bench.against(kind(2)).starts_with("blocked: "));
    assert_eq!(bench.against(kind(30_023).tag(["d", "x"])), "");
    assert_eq!(bench.against(kind(5).tag(["e", &"11".repeat(32)])), "");
    bench.lists.banned_keys.insert(key().public_key(), None);
    assert!(bench.against(kind(30_023)).contains("banned"));
}

#[test]
fn r4_2_kinds_are_allowed_and_denied() {
    let kinds = |text: &str| serde_json::from_str(text).unwrap();
    let bench = Bench::new(|config| {
        config.policy.kinds.allow = kinds(r#"[1, "30000-39999"]"#);
        config.policy.kinds.deny = kinds("[30023]");
    });
    for (number, taken) in [
        (1, true),
        (7, false),
        (30_000, true),
        (30_023, false),
        (5, true),
    ] {
        assert_eq!(bench.against(kind(number)).is_empty(), taken, "{number}");
    }
}

#[test]
fn r4_2_sizes() {
    let bench = Bench::new(|config| {
        config.policy.sizes.content_chars = 4;
        config.policy.sizes.mentions = 1;
        config.policy.sizes.hashtags = 1;
        config.policy.sizes.tag_value_bytes = 64;
    });
    assert_eq!(
        bench.against(kind(1).content("\"äß\"")),
        "",
        "characters, not bytes"
    );
    assert!(
        bench
            .against(kind(1).content("12345"))
            .starts_with("invalid: ")
    );
    let p = "22".repeat(32);
    assert_eq!(bench.against(kind(1).tag(["p", &p])), "");
    let two = bench.against(kind(1).tag(["p", &p]).tag(["p", &p]));
    assert!(two.starts_with("invalid: "));
    assert!(
        !bench
            .against(kind(1).tag(["t", "a"]).tag(["t", "b"]))
            .is_empty()
    );
    assert!(
        !bench
            .against(kind(1).tag(["x", &"y".repeat(65)]))
            .is_empty()
    );
}

#[test]
fn r4_2_work_is_asked_for_by_kind() {
    let bench = Bench::new(|config| {
        config.policy.work.bits = 8;
        config.policy.work.kinds = vec![WorkOfKinds {
            kinds: [7].into(),
            bits: 0,
        }];
    });
    let mined = |target: &str| {
        let builder = |nonce: u32| kind(1).tag(["nonce", &nonce.to_string(), target]);
        let enough = |nonce: &u32| pow::difficulty(&builder(*nonce).sign(&key()).id()) >= 8;
        builder((0..).find(enough).unwrap())
    };
    assert!(bench.against(kind(1)).starts_with("pow: "));
    assert_eq!(bench.against(kind(7)), "");
    assert_eq!(bench.against(mined("8")), "");
    assert!(
        bench.against(mined("4")).starts_with("pow: "),
        "luck is no work"
    );
}

#[test]
fn r4_2_words_are_refused_shadowed_or_reviewed() {
    let with = |action| {
        Bench::new(|config| {
            config.policy.words.words = vec!["casino".into()];
            config.policy.words.hosts = vec!["spam.example".into()];
            config.policy.words.action = action;
        })
    };
    let refusing = with(Action::Refuse);
    assert!(
        refusing
            .against(kind(1).content("A Casino!"))
            .starts_with("blocked: ")
    );
    let tagged = kind(1).tag(["r", "https://www.spam.example/x"]);
    assert!(refusing.against(tagged).starts_with("blocked: "));
    assert_eq!(refusing.against(kind(1).content("occasional")), "");
    assert_eq!(
        refusing.against(kind(4).content("casino")),
        "",
        "not of a kind to be read"
    );
    assert_eq!(
        with(Action::Shadow).against(kind(1).content("casino")),
        "(shadowed)"
    );
    let reviewed = with(Action::Review).judge(kind(1).content("casino"), &Keys::default());
    assert!(matches!(reviewed, Judgement::Taken(reviews) if reviews.len() == 1));
}

#[test]
fn r4_2_words_come_from_files() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("words.txt");
    std::fs::write(&file, "# remark\n\nscam\nhost:bad.example\n").unwrap();
    let bench = Bench::new(|config| config.policy.words.files = vec![file.display().to_string()]);
    assert!(!bench.against(kind(1).content("a scam")).is_empty());
    assert!(!bench.against(kind(1).content("see bad.example")).is_empty());
    assert_eq!(bench.against(kind(1).content("remark")), "");
    let missing = Config {
        policy: {
            let mut policy = bench.settings.config.policy.clone();
            policy.words.files = vec![folder.path().join("none").display().to_string()];
            policy
        },
        ..Config::default()
    };
    let error = Settings::new(missing, &surroundings(), None).err().unwrap();
    assert_eq!(error.key, "policy.words.files[0]");
}

#[test]
fn r4_2_bursts_of_one_text() {
    let bench = Bench::new(|config| config.policy.bursts.copies = 2);
    let text = "Buy our wonderful new thing today, it is cheaper than anything you have seen";
    let copy = |number: u32| kind(1).content(format!("{text} https://x.example/{number}"));
    assert_eq!(bench.against(copy(1)), "");
    assert_eq!(bench.against(copy(2)), "");
    assert!(bench.against(copy(3)).starts_with("blocked: "));
    assert_eq!(bench.against(copy(2)), "", "the same event again");
    assert_eq!(bench.against(kind(1).content("good morning")), "");
    assert_eq!(bench.against(kind(1).content("good morning")), "");
}

#[test]
fn r4_1_a_reload_keeps_what_a_rule_remembers() {
    let bench = Bench::new(|config| config.policy.bursts.copies = 1);
    let text = "Buy our wonderful new thing today, it is cheaper than anything you have seen";
    assert_eq!(bench.against(kind(1).content(text)), "");
    let surroundings = surroundings();
    let reload = |change: fn(&mut Config)| {
        let mut config = bench.settings.config.clone();
        change(&mut config);
        let settings = Settings::new(config, &surroundings, Some(&bench.settings)).unwrap();
        Bench {
            settings,
            lists: Lists::default(),
        }
    };
    let again = || kind(1).content(format!("{text} 2"));
    let other = reload(|config| config.policy.time.ahead_seconds = 7);
    assert!(other.against(again()).starts_with("blocked: "));
    let changed = reload(|config| config.policy.bursts.copies = 2);
    assert_eq!(
        changed.against(again()),
        "",
        "another rule, which knows nothing"
    );
}

#[test]
fn r4_1_the_order_is_that_of_the_configuration() {
    let bench = |order: Vec<WriteRule>| {
        Bench::new(|config| {
            config.policy.kinds.deny = [1].into();
            config.policy.keys.deny = vec![hex(&key())];
            config.policy.write = order;
        })
    };
    let kinds_first = bench(vec![WriteRule::Kinds, WriteRule::Keys]);
    assert!(kinds_first.against(kind(1)).contains("kind 1"));
    let keys_first = bench(vec![WriteRule::Keys, WriteRule::Kinds]);
    assert!(keys_first.against(kind(1)).contains("key"));
    assert_eq!(bench(Vec::new()).against(kind(1)), "", "not asked");
}

#[test]
fn r2_2_gift_wraps_to_members_only() {
    let mut bench = Bench::new(|config| config.policy.recipients.who = WhoReceives::Members);
    let recipient = key().public_key();
    let wrap = || kind(1_059).tag(["p", &recipient.to_string()]);
    assert!(bench.against(wrap()).starts_with("restricted: "));
    assert_eq!(bench.against(kind(1)), "");
    bench.lists.members.insert(recipient, Default::default());
    assert_eq!(bench.against(wrap()), "");
}

#[test]
fn r2_2_every_recipient_of_a_gift_wrap_counts() {
    let (member, other) = ("33".repeat(32), "44".repeat(32));
    let with = |change: fn(&mut Config)| {
        let mut bench = Bench::new(change);
        let key = stentor_event::PublicKey::from_hex(member.as_bytes()).unwrap();
        bench.lists.members.insert(key, Default::default());
        bench
    };
    let to = |keys: &[&String]| {
        let bare = kind(1_059);
        keys.iter().fold(bare, |wrap, key| wrap.tag(["p", key]))
    };
    for bench in [
        with(|config| config.policy.recipients.who = WhoReceives::Members),
        with(|config| config.access.write = Who::Members),
    ] {
        assert_eq!(bench.against(to(&[&member])), "");
        assert_eq!(bench.against(to(&[&member, &member])), "");
        for wrap in [
            to(&[&member, &other]),
            to(&[&other, &member]),
            to(&[]),
            to(&[&member; 9]),
        ] {
            assert!(bench.against(wrap).starts_with("restricted: "));
        }
    }
    let listed = with(|config| {
        config.urls = vec!["wss://here.example.com".into()];
        config.policy.recipients.who = WhoReceives::Listed;
    });
    assert_eq!(listed.against(to(&[&member])), "");
    assert_eq!(listed.against(to(&[&member, &other])), "(waits)");
}

#[test]
fn r2_2_gift_wraps_need_members_where_rule_recipients_is_not_asked() {
    let bench = Bench::new(|config| {
        config.access.write = Who::Members;
        config.policy.recipients.who = WhoReceives::Members;
        config.policy.write = vec![WriteRule::Keys];
    });
    let wrap = kind(1_059).tag(["p", &"33".repeat(32)]);
    assert!(bench.against(wrap).starts_with("restricted: "));
}

#[test]
fn r4_2_while_the_graph_is_not_known_everybody_is_told_to_try_again() {
    let mut bench = Bench::new(|config| config.policy.trust.roots = vec!["00".repeat(32)]);
    let recipient = "33".repeat(32);
    let wrap = || kind(1_059).tag(["p", &recipient]);
    assert!(bench.against(kind(1)).starts_with("error: "));
    assert!(bench.against(wrap()).starts_with("error: "));
    assert!(bench.against(kind(1_059)).starts_with("restricted: "));
    let member = stentor_event::PublicKey::from_hex(recipient.as_bytes()).unwrap();
    bench.lists.members.insert(member, Default::default());
    assert_eq!(bench.against(wrap()), "", "to a member");
    let also = wrap().tag(["p", &"44".repeat(32)]);
    assert!(bench.against(also).starts_with("error: "));
}

#[test]
fn r4_2_words_in_tags_are_read_as_they_are_meant() {
    let bench = Bench::new(|config| {
        config.policy.words.words = vec!["casino".into(), "free\"money".into()];
        config.policy.words.hosts = vec!["spam.example".into()];
        config.policy.words.kinds = [1].into();
    });
    for value in [
        "casino",
        "\ncasino",
        "a\tcasino",
        "\u{8}casino\r",
        "FREE\"money",
        "\nspam.example",
    ] {
        for tag in [["summary", value], ["x", value]] {
            assert!(
                bench.against(kind(1).tag(tag)).starts_with("blocked: "),
                "{value:?}"
            );
        }
    }
    let (apart, name) = (
        kind(1).tag(["t", "cas", "ino"]),
        kind(1).tag(["casino", "x"]),
    );
    assert_eq!(bench.against(apart), "");
    assert_eq!(bench.against(name), "", "a name is no value");
}

#[test]
fn r3_4_writing_may_need_a_proven_key() {
    let bench = Bench::new(|config| config.access.write = Who::Authenticated);
    assert!(bench.against(kind(1)).starts_with("auth-required: "));
    let anybody = SecretKey::from_bytes([6; 32]).unwrap();
    assert_eq!(bench.against_from(kind(1), &proven(&anybody)), "");
}
