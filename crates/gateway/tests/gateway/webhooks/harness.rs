//! A gateway whose webhooks run, and can be killed.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use stentor_auth::Scope;
use stentor_gateway::Config;
use stentor_net::dial::Dialer;
use stentor_sql::testing::House;
use stentor_store::EventStore;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use super::receiver::Receiver;
use crate::harness::{Key, PATIENCE, Subject, store};

/// May manage webhooks, and read what there is.
pub const ALL: &[Scope] = &[
    Scope::WebhooksManage,
    Scope::NostrRead,
    Scope::JobsReadAll,
    Scope::WebhooksReadAll,
];

/// Webhooks that run.
pub struct Hooks {
    pub subject: Subject,
    running: Option<(JoinHandle<()>, oneshot::Sender<()>)>,
}

/// One that webhooks to this machine are sent by.
pub fn dialer() -> Dialer {
    let config = stentor_net::dial::Config {
        allow: vec!["127.0.0.0/8".into()],
        ..stentor_net::dial::Config::default()
    };
    Dialer::new(&config).unwrap()
}

impl Hooks {
    pub async fn new(house: &House) -> Self {
        Self::with(house, store(), Config::default()).await
    }

    pub async fn with(house: &House, store: Arc<dyn EventStore>, config: Config) -> Self {
        Self::dialing(house, store, config, dialer()).await
    }

    pub async fn dialing(
        house: &House,
        store: Arc<dyn EventStore>,
        config: Config,
        dialer: Dialer,
    ) -> Self {
        Self::as_node("test", house, store, config, dialer).await
    }

    /// A node of another name.
    pub async fn named(house: &House, store: Arc<dyn EventStore>, node: &str) -> Self {
        Self::as_node(node, house, store, Config::default(), dialer()).await
    }

    async fn as_node(
        node: &str,
        house: &House,
        store: Arc<dyn EventStore>,
        config: Config,
        dialer: Dialer,
    ) -> Self {
        let both = (config, stentor_auth::config::Config::default());
        let subject = Subject::named(node, house, store, both, dialer).await;
        let mut hooks = Self {
            subject,
            running: None,
        };
        hooks.start();
        hooks
    }

    pub fn start(&mut self) {
        let webhooks = self.subject.webhooks.clone();
        let (stop, stopped) = oneshot::channel();
        let running = tokio::spawn(async move {
            webhooks
                .run(async move {
                    let _ = stopped.await;
                })
                .await;
        });
        self.running = Some((running, stop));
    }

    /// As when the process dies.
    pub async fn kill(&mut self) {
        if let Some((running, _stop)) = self.running.take() {
            running.abort();
            let _ = running.await;
        }
    }

    /// As when the node ends.
    pub async fn stop(&mut self) {
        if let Some((running, stop)) = self.running.take() {
            stop.send(()).unwrap();
            running.await.unwrap();
        }
    }

    pub fn advance(&self, seconds: u64) {
        self.subject.clock.advance(Duration::from_secs(seconds));
    }

    pub async fn key(&self) -> Key {
        self.subject.key("default", ALL).await
    }

    /// Makes a webhook to this receiver.
    pub async fn create(&self, key: &Key, receiver: &Receiver, more: Value) -> Value {
        let mut wish = json!({ "url": receiver.url() });
        let more = more.as_object().unwrap().clone();
        wish.as_object_mut().unwrap().extend(more);
        let answer = self.call("POST", "", key, &wish.to_string()).await;
        assert_eq!(answer.0, 201, "{}", answer.1);
        answer.1
    }

    /// A call below `/api/v1/webhooks`: the status and the JSON.
    pub async fn call(&self, method: &str, path: &str, key: &Key, body: &str) -> (u16, Value) {
        let path = format!("/api/v1/webhooks{path}");
        let answer = self.subject.request(method, &path, Some(key), body).await;
        let json = serde_json::from_str(&answer.body).unwrap_or(Value::Null);
        (answer.status, json)
    }

    pub async fn get(&self, path: &str, key: &Key) -> Value {
        let (status, json) = self.call("GET", path, key, "").await;
        assert_eq!(status, 200, "{json}");
        json
    }

    /// Asks again until it is so.
    pub async fn until(&self, path: &str, key: &Key, is_so: impl Fn(&Value) -> bool) -> Value {
        let begun = Instant::now();
        loop {
            let json = self.get(path, key).await;
            if is_so(&json) {
                return json;
            }
            assert!(begun.elapsed() < PATIENCE, "{json}");
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until so many attempts are written down.
    pub async fn attempts(&self, id: &str, key: &Key, count: usize) -> Vec<Value> {
        let path = format!("/{id}/attempts");
        let page = self
            .until(&path, key, |page| list(page, "attempts").len() >= count)
            .await;
        list(&page, "attempts").clone()
    }

    /// What the history has of webhooks: type, subject and data.
    pub async fn told(&self, key: &Key) -> Vec<(String, Value)> {
        let page = self
            .subject
            .get("/api/v1/events/history?types=webhook", Some(key))
            .await;
        let page = page.json();
        let told = list(&page, "events").iter();
        told.map(|event| {
            let name = event["type"].as_str().unwrap().to_owned();
            (name, event["data"].clone())
        })
        .collect()
    }
}

pub fn list<'a>(page: &'a Value, name: &str) -> &'a Vec<Value> {
    page[name].as_array().unwrap_or_else(|| panic!("{page}"))
}

/// The id of a webhook.
pub fn id(webhook: &Value) -> &str {
    webhook["id"].as_str().unwrap()
}

/// Only events of Nostr.
pub fn notes() -> Value {
    json!({ "types": ["nostr.event.stored"] })
}
