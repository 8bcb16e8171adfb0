//! What tests of services stand on: real records and stores in a folder of the test.

use std::borrow::Cow;
use std::sync::Arc;

use stentor_event::SecretKey;
use stentor_net::dial::Dialer;
use stentor_sql::Database;
use stentor_sql::testing::House;
use stentor_store::embedded::{Options, Store};
use stentor_store::{Keep, RelayScope, memory};

use crate::answer::Recent;
use crate::budget::Budget;
use crate::check::Places;
use crate::clock::Clock;
use crate::config::Config;
use crate::ground::Ground;
use crate::relay_url::RelayUrl;
use crate::schema;
use crate::signals::Signals;
use crate::table::{COLUMNS, Relay, RelayId};

/// A ground on the database of this house. Strangers on the loopback addresses may be dialled.
pub(crate) async fn ground(house: &House, config: Config) -> Arc<Ground> {
    config.check().unwrap();
    let records = house.open().await;
    records.migrate(&schema::MIGRATIONS).await.unwrap();
    stentor_bus::close(&records).await.unwrap();
    let options = Options {
        keep: Keep::History,
        verifiers: 1,
        ..Options::default()
    };
    let archive = Store::open(&house.folder().join("archive"), options).unwrap();
    let places = Places::read(&config.check, house.folder()).await.unwrap();
    Arc::new(Ground {
        budget: Budget::new(&config.connections),
        config,
        folder: house.folder().to_owned(),
        records,
        archive: Arc::new(archive),
        own: Arc::new(memory::Store::new(Keep::Current, RelayScope::default())),
        rules: Arc::default(),
        bus: None,
        dialer: dialer(),
        peer: stentor_peer::Config::default(),
        clock: Clock::system(),
        monitor_key: key(1),
        archive_key: key(2),
        places: Arc::new(places),
        signals: Signals::default(),
        activity: Arc::default(),
        authors: Recent::default(),
    })
}

/// A dialer that lets strangers lead to the loopback addresses.
pub(crate) fn dialer() -> Dialer {
    let config = stentor_net::dial::Config {
        allow: vec!["127.0.0.0/8".to_owned()],
        connect_seconds: 5,
        ..stentor_net::dial::Config::default()
    };
    Dialer::new(&config).unwrap()
}

/// The secret key of this number.
pub(crate) fn key(number: u8) -> SecretKey {
    SecretKey::from_bytes([number.max(1); 32]).unwrap()
}

/// The relay or candidate of this number.
pub(crate) async fn relay_by_id(
    records: &Database,
    id: RelayId,
) -> Result<Option<Relay>, stentor_sql::Error> {
    let sql = format!("SELECT {COLUMNS} FROM observatory_relays WHERE id = ?");
    records
        .fetch_optional(Cow::<'static, str>::from(sql), (id.0,))
        .await
}

/// The relay or candidate of this URL.
pub(crate) async fn relay_by_url(
    records: &Database,
    url: &RelayUrl,
) -> Result<Option<Relay>, stentor_sql::Error> {
    let sql = format!("SELECT {COLUMNS} FROM observatory_relays WHERE url = ?");
    records
        .fetch_optional(Cow::<'static, str>::from(sql), (url.as_str(),))
        .await
}
