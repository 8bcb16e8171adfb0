//! Nobody leads us where we do not go (O1.2; the outbound guard of the design): no connection to an address that is refused, wherever
//! its URL comes from and however it is written.

use std::net::{Ipv4Addr, SocketAddr};

use serde_json::json;
use stentor_net::dial;
use stentor_observatory::Clock;
use stentor_observatory::config::HttpList;
use stentor_simulation::{Character, Names, Record, Tripwire};
use stentor_sql::Dialect;
use stentor_sql::testing::House;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::service::{Service, Setting, config, outbound, spec, start, until};

/// Loopback, too, but only 127.0.0.1 may be dialled here.
const INSIDE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
const ALLOWED: Ipv4Addr = Ipv4Addr::LOCALHOST;

/// Names that lead inside: by themselves, over one alias and over two, and with one address among others.
const NAMES: [&str; 4] = [
    "inside.relays.net",
    "alias.relays.net",
    "far.relays.net",
    "both.relays.net",
];
/// One whose address is another with each look-up, and one whose address changes once.
const TURNING: &str = "turning.relays.net";
const CHANGING: &str = "changing.relays.net";

async fn names() -> Names {
    let names = Names::start([
        ("inside.relays.net", Record::A(INSIDE)),
        (
            "alias.relays.net",
            Record::Cname("inside.relays.net".into()),
        ),
        ("far.relays.net", Record::Cname("alias.relays.net".into())),
        ("both.relays.net", Record::A(ALLOWED)),
        ("both.relays.net", Record::A(INSIDE)),
        (CHANGING, Record::A(ALLOWED)),
    ]);
    let names = names.await.unwrap();
    names.rebind(TURNING, [ALLOWED, INSIDE]);
    names
}

/// The address itself, in every spelling that somebody may take for another one.
fn spellings(port: u16) -> Vec<String> {
    let hosts = [
        "127.0.0.2",
        "127.2",
        "2130706434",
        "0x7f.0.0.2",
        "0177.0.0.02",
        "[::ffff:127.0.0.2]",
        "[::ffff:7f00:2]",
        "[64:ff9b::7f00:2]",
        "[2002:7f00:2::]",
        "localhost",
        "relay.localhost",
    ];
    hosts.map(|host| format!("ws://{host}:{port}/")).into()
}

/// A web server with a list at `/list`, and with a way to the tripwire everywhere else.
async fn web(list: String, elsewhere: String) -> SocketAddr {
    let listener = TcpListener::bind((ALLOWED, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            // Whoever hangs up asks again.
            let _ = serve(stream, &list, &elsewhere).await;
        }
    });
    address
}

async fn serve(mut stream: TcpStream, list: &str, elsewhere: &str) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read_buf(&mut head).await? == 0 {
            return Ok(());
        }
    }
    let answer = if head.starts_with(b"GET /list ") {
        let length = list.len();
        format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{list}"
        )
    } else {
        format!(
            "HTTP/1.1 302 Found\r\nlocation: {elsewhere}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        )
    };
    stream.write_all(answer.as_bytes()).await
}

fn list(url: String) -> HttpList {
    HttpList {
        url,
        interval_minutes: 1,
        ..HttpList::default()
    }
}

/// What is known of a URL says that it was refused; how often.
async fn refused(service: &Service, url: &str) -> Option<u64> {
    let known = service.relay(url).await?;
    assert_eq!(known["relay"]["state"], "candidate", "{url}");
    assert_eq!(known["proven_by"], json!(null), "{url}");
    let refused = known["relay"]["reason"] == "refused";
    refused.then(|| known["failures"].as_u64().unwrap())
}

/// What checks have said of a relay so far: whether it was online, and why not.
async fn verdicts(service: &Service, url: &str) -> Vec<(Option<bool>, Option<String>)> {
    let path = format!("relays/{}/checks", crate::service::encoded(url));
    let checks = service.rows(&path, "", "checks").await;
    let verdict = |check: &serde_json::Value| {
        let reason = check["reason"].as_str().map(str::to_owned);
        (check["online"].as_bool(), reason)
    };
    checks.iter().map(verdict).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn o1_2_nobody_leads_us_where_we_do_not_go() {
    let house = House::new(Dialect::Sqlite).await;
    let names = names().await;
    let wire = Tripwire::at((INSIDE, 0).into()).await.unwrap();
    let port = wire.address().port();
    let by_name = NAMES.map(|name| format!("ws://{name}:{port}/"));
    let mut inside = spellings(port);
    inside.extend(by_name.clone());
    let cast = [
        Character::Honest,
        Character::Negentropy,
        Character::InformationRedirects,
        Character::ShuttingDown,
    ];
    let network = start(spec(&cast, 200, 2).mention(inside.clone())).await;
    // What leads to a relay at one moment leads to a tripwire on the same port at another.
    let honest = network.relay(Character::Honest).unwrap();
    let relay_port = honest.address().port();
    let twin = Tripwire::at((INSIDE, relay_port).into()).await.unwrap();
    let turning = format!("ws://{TURNING}:{relay_port}/");
    let changing = format!("ws://{CHANGING}:{relay_port}/");
    let web = web(
        json!(inside).to_string(),
        format!("http://{}/list", wire.address()),
    )
    .await;

    let seeds = [honest.url(), &turning, &changing];
    let mut config = config(&seeds);
    config.discover.retry_seconds = 60;
    config.discover.seed_file = Some("seeds.txt".to_owned());
    config.discover.lists = vec![
        list(format!("http://{web}/list")),
        list(format!("http://{web}/moved")),
    ];
    config.check.interval_seconds = 600;
    std::fs::write(house.folder().join("seeds.txt"), inside.join("\n")).unwrap();
    let setting = Setting {
        clock: Clock::fast(600),
        outbound: dial::Config {
            allow: vec![format!("{ALLOWED}/32")],
            name_servers: vec![names.address().to_string()],
            ..outbound()
        },
        ..Setting::new(&house, config)
    };
    let service = setting.start().await;

    until(
        "every name that leads inside is refused again and again",
        async || {
            for url in &by_name {
                if refused(&service, url).await.is_none_or(|times| times < 3) {
                    return false;
                }
            }
            refused(&service, &format!("ws://{INSIDE}:{port}/"))
                .await
                .is_some()
        },
    )
    .await;
    until("the relays are found and archived", async || {
        let found = service.urls("relay").await;
        let all = network.urls().iter().all(|url| found.contains(url));
        all && network
            .union(|_, _| true)
            .is_subset(&service.archived().await)
    })
    .await;
    until("the name that changes is a relay", async || {
        let verdicts = verdicts(&service, &changing).await;
        verdicts.iter().any(|(online, _)| *online == Some(true))
    })
    .await;
    names.change(CHANGING, [Record::A(INSIDE)]);
    let is_refused = |(online, reason): &(Option<bool>, Option<String>)| {
        *online == Some(false) && reason.as_deref() == Some("refused")
    };
    until("the name that has changed is refused", async || {
        verdicts(&service, &changing).await.iter().any(is_refused)
    })
    .await;
    until(
        "the name that turns is let in and refused by turns",
        async || {
            let verdicts = verdicts(&service, &turning).await;
            verdicts.iter().any(is_refused) && verdicts.iter().any(|one| one.0 == Some(true))
        },
    )
    .await;

    for name in NAMES.into_iter().chain([TURNING, CHANGING]) {
        assert!(names.asked(name) >= 2, "{name} was looked up");
    }
    assert_eq!(names.asked("localhost") + names.asked("relay.localhost"), 0);
    let sources = service.relay(&by_name[0]).await.unwrap()["mentions"].clone();
    let sources: Vec<_> = sources
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["source"].clone())
        .collect();
    for source in ["seed_file", "http_list", "kind_10002", "nip11"] {
        assert!(sources.contains(&json!(source)), "{source}: {sources:?}");
    }
    service.stop().await;
    for wire in [&wire, &twin, network.tripwire()] {
        assert_eq!(wire.touched(), 0, "{}", wire.address());
    }
    network.stop().await;
}
