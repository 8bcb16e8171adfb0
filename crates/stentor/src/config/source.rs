//! Reads values from the configuration file, the environment and `KEY=VALUE` texts.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};
use toml::de::{DeTable, DeValue};

use super::check::find;
use super::fault::{Fault, Origin};
use super::schema::{Kind, Section};

/// Values from one source, with where each came from.
#[derive(Debug, Default)]
pub struct Values {
    /// The tree.
    pub tree: Map<String, Value>,
    /// Where each dotted key came from.
    pub origins: BTreeMap<String, Origin>,
}

impl Values {
    /// Sets a dotted key.
    fn insert(&mut self, dotted: &str, value: Value, origin: Origin) -> Result<(), Fault> {
        let mut table = &mut self.tree;
        let (tables, name) = dotted
            .rsplit_once('.')
            .map_or(("", dotted), |(tables, name)| (tables, name));
        for part in tables.split('.').filter(|part| !part.is_empty()) {
            let entry = table
                .entry(part)
                .or_insert_with(|| Value::Object(Map::new()));
            let Value::Object(inner) = entry else {
                let message = format!("{part} is set to a value elsewhere and cannot hold keys");
                return Err(Fault {
                    origin: Some(origin),
                    key: dotted.to_owned(),
                    message,
                });
            };
            table = inner;
        }
        table.insert(name.to_owned(), value);
        self.origins.insert(dotted.to_owned(), origin);
        Ok(())
    }
}

/// Reads a TOML file. Faults of syntax are all named; what could be read is returned beside them.
pub fn file(path: &Path) -> (Values, Vec<Fault>) {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) => {
            let message = format!("cannot read {}: {error}", path.display());
            return (
                Values::default(),
                vec![Fault {
                    origin: None,
                    key: String::new(),
                    message,
                }],
            );
        }
    };
    parse(path, &text)
}

/// Reads the text of a TOML file.
pub fn parse(path: &Path, text: &str) -> (Values, Vec<Fault>) {
    let (table, errors) = DeTable::parse_recoverable(text);
    let at = |offset: usize| Origin::File {
        path: PathBuf::from(path),
        line: line_of(text, offset),
    };
    let faults = errors
        .iter()
        // Only the message: the library's own rendering repeats the line, which may hold a secret.
        .map(|error| Fault {
            origin: Some(at(error.span().map_or(0, |span| span.start))),
            key: String::new(),
            message: error.message().to_owned(),
        })
        .collect();
    let mut values = Values::default();
    values.tree = convert_table("", table.get_ref(), &at, &mut values.origins);
    (values, faults)
}

fn line_of(text: &str, offset: usize) -> usize {
    let before = text
        .as_bytes()
        .get(..offset.min(text.len()))
        .unwrap_or_default();
    before.iter().filter(|byte| **byte == b'\n').count() + 1
}

fn convert_table(
    path: &str,
    table: &DeTable<'_>,
    at: &impl Fn(usize) -> Origin,
    origins: &mut BTreeMap<String, Origin>,
) -> Map<String, Value> {
    let mut converted = Map::new();
    for (name, value) in table {
        let dotted = if path.is_empty() {
            name.get_ref().to_string()
        } else {
            format!("{path}.{}", name.get_ref())
        };
        let value = convert(&dotted, value.get_ref(), at, origins);
        origins.insert(dotted, at(name.span().start));
        converted.insert(name.get_ref().to_string(), value);
    }
    converted
}

fn convert(
    dotted: &str,
    value: &DeValue<'_>,
    at: &impl Fn(usize) -> Origin,
    origins: &mut BTreeMap<String, Origin>,
) -> Value {
    match value {
        DeValue::String(text) => Value::String(text.to_string()),
        DeValue::Integer(number) => i128::from_str_radix(number.as_str(), number.radix())
            .ok()
            .and_then(serde_json::Number::from_i128)
            .map_or_else(|| Value::String(number.as_str().to_owned()), Value::Number),
        DeValue::Float(number) => number
            .as_str()
            .parse::<f64>()
            .map_or(Value::Null, Value::from),
        DeValue::Boolean(switch) => Value::Bool(*switch),
        DeValue::Datetime(moment) => Value::String(moment.to_string()),
        DeValue::Array(items) => items
            .iter()
            .enumerate()
            .map(|(index, item)| {
                let dotted = format!("{dotted}[{index}]");
                let value = convert(&dotted, item.get_ref(), at, origins);
                origins.insert(dotted, at(item.span().start));
                value
            })
            .collect(),
        DeValue::Table(table) => Value::Object(convert_table(dotted, table, at, origins)),
    }
}

/// Reads `STENTOR_TABLE__KEY` variables. Names without `__` are not keys: orchestrators set such ones for services.
pub fn environment(
    sections: &[Section],
    variables: impl Iterator<Item = (String, String)>,
) -> Result<Values, Fault> {
    let mut values = Values::default();
    for (name, text) in variables {
        let Some(rest) = name
            .strip_prefix("STENTOR_")
            .filter(|rest| rest.contains("__"))
        else {
            continue;
        };
        let dotted = rest.to_ascii_lowercase().replace("__", ".");
        let value = value_of(sections, &dotted, &text);
        values.insert(&dotted, value, Origin::Environment(name))?;
    }
    Ok(values)
}

/// Reads `KEY=VALUE` texts, each with the flag that it came from.
pub fn flags<'a>(
    sections: &[Section],
    settings: impl Iterator<Item = (&'a str, &'a str, &'a str)>,
) -> Result<Values, Fault> {
    let mut values = Values::default();
    for (flag, dotted, text) in settings {
        let value = value_of(sections, dotted, text);
        values.insert(dotted, value, Origin::Flag(flag.to_owned()))?;
    }
    Ok(values)
}

/// Reads a text as what the key takes.
fn value_of(sections: &[Section], dotted: &str, text: &str) -> Value {
    let is_list = |section: &Section| section.many && section.path == dotted;
    if sections.iter().any(is_list) {
        // As TOML writes it inline: [{ key = "value" }, { … }].
        return toml_value(text).unwrap_or_else(|| Value::String(text.to_owned()));
    }
    find(sections, dotted).map_or_else(
        || Value::String(text.to_owned()),
        |key| read(&key.kind, text),
    )
}

fn read(kind: &Kind, text: &str) -> Value {
    let literal = || Value::String(text.to_owned());
    match kind {
        Kind::Text | Kind::Choice(_) => toml_value(text)
            .filter(Value::is_string)
            .unwrap_or_else(literal),
        Kind::List(_) if text.trim_start().starts_with('[') => {
            toml_value(text).unwrap_or_else(literal)
        }
        Kind::List(_) if text.trim().is_empty() => Value::Array(Vec::new()),
        Kind::List(inner) => text
            .split(',')
            .map(|item| read(inner, item.trim()))
            .collect(),
        _ => toml_value(text).unwrap_or_else(literal),
    }
}

fn toml_value(text: &str) -> Option<Value> {
    let value = DeValue::parse(text).ok()?;
    Some(convert(
        "",
        value.get_ref(),
        &|_| Origin::Flag(String::new()),
        &mut BTreeMap::new(),
    ))
}
