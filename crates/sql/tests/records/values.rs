//! Values go in and come out the same.

use stentor_sql::testing::House;
use stentor_sql::{Error, FromRow, Row, Sql, Value, both_engines, placeholders};

const TABLE: &str = "CREATE TABLE kinds (i BIGINT, r DOUBLE PRECISION, t TEXT, b BYTEA, f BOOLEAN)";

async fn values_come_back_as_they_went_in(house: House) {
    let database = house.open().await;
    database
        .write(|tx| {
            tx.execute(TABLE, ())?;
            let insert = "INSERT INTO kinds VALUES (?, ?, ?, ?, ?)";
            tx.execute(insert, (i64::MIN, 0.1, "ä?'\"", [0_u8, 255], true))?;
            tx.execute(insert, (7_u32, -1.5, "", Vec::new(), false))?;
            tx.execute(insert, [const { Value::Null }; 5])?;
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
    type Kinds = (
        Option<i64>,
        Option<f64>,
        Option<String>,
        Option<Vec<u8>>,
        Option<bool>,
    );
    let rows: Vec<Kinds> = database
        .fetch_all("SELECT * FROM kinds ORDER BY i IS NULL, i", ())
        .await
        .unwrap();
    let first = (
        Some(i64::MIN),
        Some(0.1),
        Some("ä?'\"".into()),
        Some(vec![0, 255]),
        Some(true),
    );
    let second = (
        Some(7),
        Some(-1.5),
        Some(String::new()),
        Some(Vec::new()),
        Some(false),
    );
    assert_eq!(rows, [first, second, (None, None, None, None, None)]);
}

async fn the_same_statement_takes_nothing_and_something_in_turns(house: House) {
    let database = house.open().await;
    let rows = database
        .write(|tx| {
            tx.execute(TABLE, ())?;
            for number in [None, Some(1), None, Some(i64::MAX)] {
                let text = number.map(|number| number.to_string());
                let sql = "INSERT INTO kinds (i, t) VALUES (?, ?)";
                tx.execute(sql, (number, text))?;
            }
            tx.fetch_all::<(i64, String)>("SELECT i, t FROM kinds WHERE i >= ? ORDER BY i", (1,))
        })
        .await
        .unwrap();
    assert_eq!(rows, [(1, "1".into()), (i64::MAX, i64::MAX.to_string())]);
}

async fn parameters_are_conditions_as_well(house: House) {
    let database = house.open().await;
    database
        .write(|tx| {
            tx.execute(TABLE, ())?;
            for (number, flag) in [(1, true), (2, false), (3, true)] {
                let blob = [number as u8; 32];
                tx.execute(
                    "INSERT INTO kinds (i, f, b) VALUES (?, ?, ?)",
                    (number, flag, blob),
                )?;
            }
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
    let of_flag = "SELECT i FROM kinds WHERE f = ? ORDER BY i LIMIT ?";
    let rows: Vec<(i64,)> = database.fetch_all(of_flag, (true, 10)).await.unwrap();
    assert_eq!(rows, [(1,), (3,)]);
    let by_blob = "SELECT i, b FROM kinds WHERE b = ?";
    let row: (u8, [u8; 32]) = database.fetch_one(by_blob, ([2_u8; 32],)).await.unwrap();
    assert_eq!(row, (2, [2; 32]));
    let twice = "SELECT i FROM kinds WHERE i = ?1 OR i = ?1 + 2 ORDER BY i";
    let rows: Vec<(i64,)> = database.fetch_all(twice, (1,)).await.unwrap();
    assert_eq!(rows, [(1,), (3,)]);
    let text = format!(
        "SELECT i FROM kinds WHERE i IN ({}) ORDER BY i",
        placeholders(2)
    );
    let values = vec![Value::from(2), Value::from(3)];
    let rows: Vec<(i64,)> = database.fetch_all(Sql::Built(text), values).await.unwrap();
    assert_eq!(rows, [(2,), (3,)]);
}

async fn aggregates_are_integers_when_cast(house: House) {
    let database = house.open().await;
    let sql =
        "SELECT COUNT(*), CAST(SUM(x) AS BIGINT), '?' FROM (SELECT 1 AS x UNION ALL SELECT 2) AS y";
    let row: (i64, i64, String) = database.fetch_one(sql, ()).await.unwrap();
    assert_eq!(row, (2, 3, "?".into()));
}

async fn a_wrong_number_of_parameters_is_refused(house: House) {
    let database = house.open().await;
    for params in [vec![], vec![Value::from(1), Value::from(2)]] {
        let row = database.fetch_one::<Row>("SELECT CAST(? AS BIGINT)", params);
        assert!(matches!(row.await, Err(Error::Statement { .. })));
    }
}

async fn rows_are_read_by_name_and_into_types_of_callers(house: House) {
    #[derive(Debug, PartialEq)]
    struct Ban {
        until: Option<u64>,
        reason: String,
    }
    impl FromRow for Ban {
        fn from_row(row: Row) -> Result<Self, Error> {
            Ok(Self {
                until: row.get("until")?,
                reason: row.get("reason")?,
            })
        }
    }
    let database = house.open().await;
    let sql = "SELECT CAST(? AS BIGINT) AS until, CAST(? AS TEXT) AS reason";
    let ban: Ban = database.fetch_one(sql, (5, "spam")).await.unwrap();
    let expected = Ban {
        until: Some(5),
        reason: "spam".into(),
    };
    assert_eq!(ban, expected);
    let fault = database.fetch_one::<Ban>(sql, (-5, "spam")).await;
    assert!(matches!(fault, Err(Error::Column { column, .. }) if column == "until"));
}

async fn what_is_not_sql_is_a_fault_of_the_statement(house: House) {
    let database = house.open().await;
    let row = database.fetch_one::<Row>("SELEKT 1", ()).await;
    assert!(matches!(row, Err(Error::Statement { code: Some(_), .. })));
    let row = database.fetch_one::<Row>("SELECT * FROM nowhere", ()).await;
    assert!(matches!(row, Err(Error::Statement { code: Some(_), .. })));
    // And hurts nothing.
    let (one,): (i64,) = database.fetch_one("SELECT 1", ()).await.unwrap();
    assert_eq!(one, 1);
}

both_engines!(
    values_come_back_as_they_went_in,
    the_same_statement_takes_nothing_and_something_in_turns,
    parameters_are_conditions_as_well,
    aggregates_are_integers_when_cast,
    a_wrong_number_of_parameters_is_refused,
    rows_are_read_by_name_and_into_types_of_callers,
    what_is_not_sql_is_a_fault_of_the_statement,
);
