//! A connection to PostgreSQL.

use std::time::Duration;

use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::postgres::types::Oid;
use sqlx::postgres::{PgArgumentBuffer, PgArguments, PgConnection, PgRow, PgTypeInfo};
use sqlx::{
    Arguments, Column, Connection as _, Decode, Encode, Executor, Postgres, Row as _, Type,
    TypeInfo, ValueRef,
};
use tokio::time::timeout;

use super::postgres_address::PostgresAddress;
use super::{check_count, gather, postgres_error};
use crate::config::Limits;
use crate::placeholder::rewrite;
use crate::row::Row;
use crate::{Dialect, Error, Sql, Value};

/// How much longer than the server itself is waited for its answer.
const GRACE: Duration = Duration::from_millis(500);
/// How long a goodbye may take.
const GOODBYE: Duration = Duration::from_secs(1);

/// A connection.
pub(crate) struct PostgresLink {
    inner: PgConnection,
    pub(super) usable: bool,
}

impl PostgresLink {
    /// Connects.
    pub async fn open(address: &PostgresAddress) -> Result<Self, Error> {
        Ok(Self {
            inner: address.connect().await?,
            usable: true,
        })
    }

    pub async fn fetch(
        &mut self,
        sql: &Sql,
        values: &[Value],
        limits: Limits,
    ) -> Result<Vec<Row>, Error> {
        let (text, taken) = rewrite(sql.text(Dialect::Postgres), Dialect::Postgres)?;
        check_count(taken, values.len())?;
        let query = sqlx::query_with(&text, arguments(values)?);
        let stream = self.inner.fetch_many(query.persistent(sql.is_lasting()));
        let rows = gather(stream, limits.rows, postgres_error::typed, read, names);
        let result = in_time(limits, rows).await;
        self.done(result)
    }

    pub async fn execute(
        &mut self,
        sql: &Sql,
        values: &[Value],
        limits: Limits,
    ) -> Result<u64, Error> {
        let (text, taken) = rewrite(sql.text(Dialect::Postgres), Dialect::Postgres)?;
        check_count(taken, values.len())?;
        let query = sqlx::query_with(&text, arguments(values)?);
        let query = query.persistent(sql.is_lasting());
        let execution = async {
            let done = query.execute(&mut self.inner).await;
            done.map_err(postgres_error::typed)
        };
        let result = in_time(limits, execution).await;
        self.done(result.map(|done| done.rows_affected()))
    }

    pub async fn script(&mut self, text: &str, limits: Limits) -> Result<(), Error> {
        let execution = async {
            let done = self.inner.execute(sqlx::raw_sql(text)).await;
            done.map(drop).map_err(postgres_error::typed)
        };
        let result = in_time(limits, execution).await;
        self.done(result)
    }

    pub async fn close(self) {
        let _ = timeout(GOODBYE, self.inner.close()).await;
    }

    fn done<T>(&mut self, result: Result<T, Error>) -> Result<T, Error> {
        // With too many rows, the rest of them is still coming.
        if let Err(Error::Unavailable(_) | Error::Corrupt(_) | Error::TooManyRows { .. }) = &result
        {
            self.usable = false;
        }
        result
    }
}

/// The server ends a statement that takes too long; this is for when the server is not heard of at all.
async fn in_time<T>(
    limits: Limits,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let time = limits.statement + GRACE;
    match timeout(time, work).await {
        Ok(result) => result,
        Err(_) => Err(Error::late(time)),
    }
}

fn arguments(values: &[Value]) -> Result<PgArguments, Error> {
    let mut arguments = PgArguments::default();
    for value in values {
        let added = match value {
            Value::Null => arguments.add(Untyped),
            Value::Bool(truth) => arguments.add(*truth),
            Value::Integer(number) => arguments.add(*number),
            Value::Real(number) => arguments.add(*number),
            Value::Text(text) => arguments.add(text.as_str()),
            Value::Blob(bytes) => arguments.add(bytes.as_slice()),
        };
        added.map_err(|error| Error::statement(error.to_string()))?;
    }
    Ok(arguments)
}

/// A NULL of whatever type the statement needs there.
struct Untyped;

impl Type<Postgres> for Untyped {
    fn type_info() -> PgTypeInfo {
        // 0: the server finds it out.
        PgTypeInfo::with_oid(Oid(0))
    }
}

impl Encode<'_, Postgres> for Untyped {
    fn encode_by_ref(&self, _: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        Ok(IsNull::Yes)
    }
}

fn names(row: &PgRow) -> Vec<String> {
    let columns = row.columns().iter();
    columns.map(|column| column.name().to_owned()).collect()
}

fn read(row: &PgRow) -> Result<Vec<Value>, Error> {
    (0..row.len()).map(|number| value(row, number)).collect()
}

fn value(row: &PgRow, number: usize) -> Result<Value, Error> {
    let raw = row.try_get_raw(number).map_err(postgres_error::typed)?;
    if raw.is_null() {
        return Ok(Value::Null);
    }
    let kind = raw.type_info();
    let value = match kind.name() {
        "BOOL" => Decode::<Postgres>::decode(raw).map(Value::Bool),
        "INT8" => Decode::<Postgres>::decode(raw).map(Value::Integer),
        "INT4" => <i32 as Decode<Postgres>>::decode(raw).map(|n| Value::Integer(n.into())),
        "INT2" => <i16 as Decode<Postgres>>::decode(raw).map(|n| Value::Integer(n.into())),
        "FLOAT8" => Decode::<Postgres>::decode(raw).map(Value::Real),
        "FLOAT4" => <f32 as Decode<Postgres>>::decode(raw).map(|n| Value::Real(n.into())),
        "TEXT" | "VARCHAR" | "CHAR" | "NAME" => Decode::<Postgres>::decode(raw).map(Value::Text),
        "BYTEA" => Decode::<Postgres>::decode(raw).map(Value::Blob),
        other => {
            return Err(Error::Column {
                column: number.to_string(),
                wanted: "a type known here",
                found: other.to_owned(),
            });
        }
    };
    value.map_err(|error| Error::Column {
        column: number.to_string(),
        wanted: "a value as the protocol has it",
        found: error.to_string(),
    })
}
