//! Tables are made once, in order, by one node, and not by another program.

use stentor_sql::testing::House;
use stentor_sql::{Error, MigrationError, Migrations, Row, Step, both_engines};

const FIRST: Step = Step::new(
    1,
    "visits",
    "CREATE TABLE visits (id BIGINT); INSERT INTO visits VALUES (1); -- 'one;",
);
const SECOND: Step = Step::new(2, "more", "INSERT INTO visits VALUES (2)");
const BROKEN: Step = Step::new(
    2,
    "broken",
    "INSERT INTO visits VALUES (3); CREATE TABEL oops",
);

const ONE: Migrations = of(&[FIRST]);
const TWO: Migrations = of(&[FIRST, SECOND]);
const BAD: Migrations = of(&[FIRST, BROKEN]);

const fn of(steps: &'static [Step]) -> Migrations {
    Migrations {
        role: "test",
        steps,
    }
}

async fn visits(database: &stentor_sql::Database) -> Vec<i64> {
    let rows: Result<Vec<(i64,)>, _> = database
        .fetch_all("SELECT id FROM visits ORDER BY id", ())
        .await;
    rows.unwrap().into_iter().map(|(id,)| id).collect()
}

async fn steps_are_done_once_and_in_order(house: House) {
    let database = house.open().await;
    database.migrate(&ONE).await.unwrap();
    database.migrate(&ONE).await.unwrap();
    assert_eq!(visits(&database).await, [1]);
    let again = house.open().await;
    again.migrate(&TWO).await.unwrap();
    again.migrate(&TWO).await.unwrap();
    assert_eq!(visits(&database).await, [1, 2]);
}

async fn roles_do_not_know_each_other(house: House) {
    let database = house.open().await;
    database.migrate(&TWO).await.unwrap();
    const OTHER: Migrations = Migrations {
        role: "other",
        steps: &[Step::new(1, "other", "CREATE TABLE other (id BIGINT)")],
    };
    database.migrate(&OTHER).await.unwrap();
    database.migrate(&TWO).await.unwrap();
    assert_eq!(visits(&database).await, [1, 2]);
}

async fn tables_of_a_newer_program_are_left_alone(house: House) {
    let database = house.open().await;
    database.migrate(&TWO).await.unwrap();
    let error = database.migrate(&ONE).await.unwrap_err();
    let newer = Error::Migration(MigrationError::Newer {
        role: "test".into(),
        found: 2,
        known: 1,
    });
    assert_eq!(error, newer);
    assert!(error.to_string().contains("use a newer stentor"));
}

async fn a_step_that_was_changed_is_refused(house: House) {
    let database = house.open().await;
    database.migrate(&ONE).await.unwrap();
    const CHANGED: Migrations = of(&[
        Step::new(1, "visits", "CREATE TABLE visits (id BIGINT, at BIGINT)"),
        SECOND,
    ]);
    let error = database.migrate(&CHANGED).await.unwrap_err();
    let expected = MigrationError::Changed {
        role: "test".into(),
        version: 1,
        name: "visits".into(),
    };
    assert_eq!(error, Error::Migration(expected));
    assert_eq!(visits(&database).await, [1]);
}

async fn of_a_step_that_fails_nothing_remains(house: House) {
    let database = house.open().await;
    let error = database.migrate(&BAD).await.unwrap_err();
    assert!(matches!(error, Error::Statement { .. }), "{error:?}");
    // The one before does; and a repaired program goes on from there.
    assert_eq!(visits(&database).await, [1]);
    database.migrate(&TWO).await.unwrap();
    assert_eq!(visits(&database).await, [1, 2]);
}

async fn nodes_that_start_at_once_do_each_step_once(house: House) {
    let mut nodes = Vec::new();
    for _ in 0..6 {
        let config = house.config.clone();
        nodes.push(tokio::spawn(async move {
            let database = stentor_sql::Database::open(&config).await?;
            database.migrate(&TWO).await?;
            Ok::<_, Error>(database)
        }));
    }
    for node in nodes {
        let database = node.await.unwrap().unwrap();
        assert_eq!(visits(&database).await, [1, 2]);
    }
}

/// Another node brings the tables up to date while this one has its statements prepared.
async fn a_table_that_gains_a_column_can_be_read_on(mut house: House) {
    house.config.connections = 1;
    let database = house.open().await;
    database.migrate(&ONE).await.unwrap();
    let all = "SELECT * FROM visits";
    let before: Vec<Row> = database.fetch_all(all, ()).await.unwrap();
    assert_eq!(before[0].columns(), ["id"]);
    const WIDER: Migrations = of(&[
        FIRST,
        Step::new(2, "wider", "ALTER TABLE visits ADD COLUMN at BIGINT"),
    ]);
    house.open().await.migrate(&WIDER).await.unwrap();
    let after: Vec<Row> = database.fetch_all(all, ()).await.unwrap();
    assert_eq!(after[0].get("id"), Ok(1_i64));
    assert_eq!(after[0].columns(), ["id", "at"]);
    assert_eq!(after.len(), 1);
}

async fn a_list_out_of_order_is_refused(house: House) {
    let database = house.open().await;
    const SECOND_FIRST: Migrations = of(&[SECOND]);
    let error = database.migrate(&SECOND_FIRST).await.unwrap_err();
    assert!(matches!(
        error,
        Error::Migration(MigrationError::Order { version: 2, .. })
    ));
}

both_engines!(
    steps_are_done_once_and_in_order,
    roles_do_not_know_each_other,
    tables_of_a_newer_program_are_left_alone,
    a_step_that_was_changed_is_refused,
    of_a_step_that_fails_nothing_remains,
    nodes_that_start_at_once_do_each_step_once,
    a_list_out_of_order_is_refused,
    a_table_that_gains_a_column_can_be_read_on,
);
