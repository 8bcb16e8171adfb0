//! When processes start and end.

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r4_3_several_workers_share_the_authors() {
    let node = node([Plugin {
        workers: 3,
        ..python("moody.py")
    }])
    .await;
    let mut client = node.client().await;
    let mut pids = std::collections::HashSet::new();
    for author in 1..=30 {
        let pid = told(&mut client, author).await["pid"].clone();
        assert_eq!(told(&mut client, author).await["pid"], pid);
        pids.insert(pid.as_u64().unwrap());
    }
    assert_eq!(pids.len(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r4_3_processes_end_with_their_section() {
    let kept = python("moody.py");
    let node = node([kept.clone()]).await;
    let mut client = node.client().await;
    let own = pid(&mut client).await;
    // A shell whose child would stay behind if only the shell was ended.
    let shell = format!("python3 {} | cat", program("moody.py"));
    let changed = Plugin {
        name: "changed".into(),
        kinds: [2].into(),
        ..plugin("", ["sh", "-c", &shell])
    };
    node.relay
        .reconfigure(config([kept, changed.clone()]))
        .unwrap();
    assert_eq!(pid(&mut client).await, own, "its section is as it was");
    node.relay.reconfigure(config([changed])).unwrap();
    gone(own).await;
    let told = event(2, now()).content("tell").sign(&key(1));
    let (_, reason) = client.publish(&told).await;
    let told: Value = serde_json::from_str(reason.strip_prefix("blocked: ").unwrap()).unwrap();
    node.relay.reconfigure(config([])).unwrap();
    gone(told["pid"].as_u64().unwrap()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r4_3_processes_end_before_the_relay_does() {
    // The second waits for its next start, for long.
    let ends = Plugin {
        kinds: [2].into(),
        restart_ms: 3_000_000,
        restart_most_ms: 3_000_000,
        ..plugin("ends", ["true"])
    };
    let node = node([python("moody.py"), ends]).await;
    let mut client = node.client().await;
    let own = pid(&mut client).await;
    let refused = client.publish(&event(2, now()).sign(&key(1))).await;
    assert_eq!(refused, (false, FAILED.into()));
    let ended = tokio::time::timeout(Duration::from_secs(20), node.relay.end());
    assert!(ended.await.is_ok());
    gone(own).await;
    let refused = client.publish(&note(1, 0, "too late")).await;
    assert_eq!(refused, (false, FAILED.into()));
}

#[test]
fn r4_3_processes_end_when_the_runtime_does() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let pid = runtime.block_on(async {
        let node = node([python("moody.py")]).await;
        pid(&mut node.client().await).await
    });
    drop(runtime);
    // Killed, and with nobody left to collect it until this process ends too.
    let begun = Instant::now();
    loop {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        if stat.is_empty() || stat.contains(") Z ") {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "it runs: {stat}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r4_3_a_program_that_changes_is_started_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let write = |name: &str, word: &str| {
        use std::os::unix::fs::PermissionsExt;
        let script = std::fs::read_to_string(program("whitelist.sh")).unwrap();
        std::fs::write(path("new"), script.replace("not on the list", word)).unwrap();
        std::fs::set_permissions(path("new"), PermissionsExt::from_mode(0o755)).unwrap();
        std::fs::rename(path("new"), path(name)).unwrap();
    };
    write("plugin", "the first");
    let watched = Plugin {
        directory: folder.path().to_str().unwrap().into(),
        watch: vec!["list".into()],
        ..plugin("changing", ["./plugin", "x"])
    };
    let node = node([watched]).await;
    let mut client = node.client().await;
    let refusal = |word: &str| (false, format!("blocked: {word}"));
    assert_eq!(client.publish(&note(1, 0, "x")).await, refusal("the first"));
    write("plugin", "the second");
    let begun = Instant::now();
    loop {
        let published = client.publish(&note(1, 0, "x")).await;
        if published == refusal("the second") {
            break;
        }
        assert_eq!(published, refusal("the first"), "nobody is lost over it");
        assert!(begun.elapsed() < Duration::from_secs(20));
    }
}
