//! The table that most tests write to, and short ways to it.

use stentor_sql::{Database, Error, Migrations, Step, Transaction};

pub const MIGRATIONS: Migrations = Migrations {
    role: "test",
    steps: &[
        Step::new(
            1,
            "words",
            "CREATE TABLE words (word TEXT PRIMARY KEY, count BIGINT NOT NULL CHECK (count >= 0));
             CREATE INDEX words_by_count ON words (count)",
        ),
        Step::each(
            2,
            "log",
            "CREATE TABLE log (id INTEGER PRIMARY KEY AUTOINCREMENT, word TEXT NOT NULL REFERENCES words (word))",
            "CREATE TABLE log (id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
                               word TEXT NOT NULL REFERENCES words (word))",
        ),
    ],
};

pub async fn opened(house: &stentor_sql::testing::House) -> Database {
    let database = house.open().await;
    database.migrate(&MIGRATIONS).await.unwrap();
    database
}

/// Counts a word once more.
pub fn count(tx: &mut Transaction<'_>, word: &str) -> Result<i64, Error> {
    let (count,) = tx.fetch_one(
        "INSERT INTO words (word, count) VALUES (?, 1)
         ON CONFLICT (word) DO UPDATE SET count = words.count + 1 RETURNING count",
        (word,),
    )?;
    Ok(count)
}

pub async fn add(database: &Database, word: &str) -> Result<i64, Error> {
    let word = word.to_owned();
    database.write(move |tx| count(tx, &word)).await
}

/// All words, in order.
pub async fn words(database: &Database) -> Vec<(String, i64)> {
    let all = database.fetch_all("SELECT word, count FROM words ORDER BY word", ());
    all.await.unwrap()
}

pub fn pairs(pairs: &[(&str, i64)]) -> Vec<(String, i64)> {
    let owned = |(word, count): &(&str, i64)| ((*word).to_owned(), *count);
    pairs.iter().map(owned).collect()
}
