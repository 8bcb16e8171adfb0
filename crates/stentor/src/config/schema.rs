//! The keys that exist: read from the configuration types themselves, so that the file written by `config init`, the
//! reference in the book and the checks cannot disagree with the code.

use schemars::generate::SchemaSettings;
use serde_json::{Map, Value};

use super::Config;

/// What kind of value a key takes.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// `true` or `false`.
    Switch,
    /// A whole number, with its bounds.
    Integer {
        /// The least value.
        min: Option<i128>,
        /// The greatest value.
        max: Option<i128>,
    },
    /// A number.
    Number,
    /// A text.
    Text,
    /// One of these words.
    Choice(Vec<String>),
    /// A list of such values.
    List(Box<Kind>),
    /// A table with any names, each with such a value.
    Table(Box<Kind>),
    /// Anything else; judged by deserialization alone.
    Other,
}

/// One key of the configuration.
#[derive(Debug, Clone)]
pub struct Key {
    /// The dotted key.
    pub path: String,
    /// What it does: the doc comment of the field.
    pub doc: String,
    /// What it takes.
    pub kind: Kind,
    /// The default; `null` when there is none.
    pub default: Value,
    /// Whether its value must never be shown.
    pub secret: bool,
    /// Whether it may be left out or has no default.
    pub optional: bool,
    /// In what the value is counted.
    pub unit: Option<String>,
}

/// One table of the configuration, or one list of tables, with the keys directly in it.
#[derive(Debug, Clone)]
pub struct Section {
    /// The dotted name.
    pub path: String,
    /// Whether it is a list of tables, written `[[path]]` once for each entry.
    pub many: bool,
    /// What it is about: the doc comment of the field.
    pub doc: String,
    /// Its keys.
    pub keys: Vec<Key>,
}

impl Section {
    /// Its heading in a file.
    pub fn heading(&self) -> String {
        if self.many {
            format!("[[{}]]", self.path)
        } else {
            format!("[{}]", self.path)
        }
    }

    /// The key of this name directly in it.
    pub fn key(&self, name: &str) -> Option<&Key> {
        self.keys.iter().find(|key| key.name() == name)
    }
}

impl Key {
    /// The last part of the path.
    pub fn name(&self) -> &str {
        self.path.rsplit('.').next().unwrap_or(&self.path)
    }
}

/// All sections in the order of the code.
pub fn sections() -> Vec<Section> {
    let settings =
        SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    let schema = settings.into_generator().into_root_schema_for::<Config>();
    let defaults = serde_json::to_value(Config::default()).unwrap_or_default();
    let mut sections = Vec::new();
    walk("", schema.as_value(), &defaults, &mut sections);
    sections
}

fn walk(path: &str, schema: &Value, defaults: &Value, sections: &mut Vec<Section>) {
    let mut section = Section {
        path: path.to_owned(),
        many: false,
        doc: text(schema, "description"),
        keys: Vec::new(),
    };
    let mut lists = Vec::new();
    let mut tables = Vec::new();
    for (name, field) in properties(schema).into_iter().flatten() {
        let dotted = if path.is_empty() {
            name.clone()
        } else {
            format!("{path}.{name}")
        };
        let default = defaults.get(name).cloned().unwrap_or_default();
        if properties(field).is_some() {
            tables.push((dotted, field, default));
        } else if let Some(entry) = field
            .get("items")
            .filter(|items| properties(items).is_some())
        {
            lists.push(list(dotted, text(field, "description"), entry));
        } else {
            section.keys.push(key(dotted, field, default));
        }
    }
    sections.push(section);
    sections.append(&mut lists);
    for (dotted, field, default) in tables {
        walk(&dotted, field, &default, sections);
    }
}

/// A list of tables. Its entries hold plain keys only; their defaults are those of the schema, as there is no entry yet.
fn list(path: String, doc: String, entry: &Value) -> Section {
    let one = |(name, field): (&String, &Value)| {
        let default = field.get("default").cloned().unwrap_or_default();
        key(format!("{path}[].{name}"), field, default)
    };
    let keys = properties(entry).into_iter().flatten().map(one).collect();
    Section {
        path,
        many: true,
        doc,
        keys,
    }
}

fn key(path: String, field: &Value, default: Value) -> Key {
    let (inner, nullable) = without_null(field);
    let kind = kind(inner);
    let unit = field
        .get("x-unit")
        .and_then(Value::as_str)
        .map(str::to_owned)
        .or_else(|| unit_of(&path, &kind));
    Key {
        doc: text(field, "description"),
        secret: field
            .get("writeOnly")
            .and_then(Value::as_bool)
            .unwrap_or(false),
        optional: nullable || default.is_null(),
        kind,
        default,
        unit,
        path,
    }
}

/// The unit that the name of a key ends on.
fn unit_of(path: &str, kind: &Kind) -> Option<String> {
    if !matches!(kind, Kind::Integer { .. } | Kind::Number) {
        return None;
    }
    let units = [
        ("_ms", "milliseconds"),
        ("_us", "microseconds"),
        ("_millis", "milliseconds"),
        ("_seconds", "seconds"),
        ("_secs", "seconds"),
        ("_minutes", "minutes"),
        ("_days", "days"),
        ("_bytes", "bytes"),
        ("_kib", "KiB"),
        ("_mib", "MiB"),
    ];
    units
        .iter()
        .find(|(suffix, _)| path.ends_with(suffix))
        .map(|(_, unit)| (*unit).to_owned())
}

fn properties(schema: &Value) -> Option<&Map<String, Value>> {
    schema.get("properties").and_then(Value::as_object)
}

fn text(schema: &Value, field: &str) -> String {
    schema
        .get(field)
        .and_then(Value::as_str)
        .unwrap_or_default()
        .trim()
        .to_owned()
}

/// The schema of `T` in that of `Option<T>`, and whether it was one.
fn without_null(schema: &Value) -> (&Value, bool) {
    let alternatives = schema
        .get("anyOf")
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default();
    let is_null = |schema: &&Value| schema.get("type").and_then(Value::as_str) == Some("null");
    if alternatives.iter().any(|schema| is_null(&schema)) {
        let inner = alternatives
            .iter()
            .find(|schema| !is_null(schema))
            .unwrap_or(schema);
        return (inner, true);
    }
    let nullable = types(schema).any(|name| name == "null");
    (schema, nullable)
}

fn types(schema: &Value) -> impl Iterator<Item = &str> {
    let declared = schema.get("type");
    let one = declared.and_then(Value::as_str);
    let several = declared
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str);
    one.into_iter().chain(several)
}

fn kind(schema: &Value) -> Kind {
    if let Some(words) = choices(schema) {
        return Kind::Choice(words);
    }
    match types(schema).find(|name| *name != "null") {
        Some("boolean") => Kind::Switch,
        Some("integer") => Kind::Integer {
            min: bound(schema, "minimum"),
            max: bound(schema, "maximum"),
        },
        Some("number") => Kind::Number,
        Some("string") => Kind::Text,
        Some("array") => Kind::List(Box::new(schema.get("items").map_or(Kind::Other, kind))),
        Some("object") => {
            let values = schema.get("additionalProperties");
            Kind::Table(Box::new(values.map_or(Kind::Other, kind)))
        }
        _ => Kind::Other,
    }
}

fn choices(schema: &Value) -> Option<Vec<String>> {
    let words = |values: &Vec<Value>| {
        values
            .iter()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    if let Some(values) = schema.get("enum").and_then(Value::as_array) {
        return Some(words(values));
    }
    let mut found = Vec::new();
    for alternative in schema.get("oneOf").and_then(Value::as_array)? {
        match (
            alternative.get("const"),
            alternative.get("enum").and_then(Value::as_array),
        ) {
            (Some(word), _) => found.push(word.as_str()?.to_owned()),
            (None, Some(values)) => found.extend(words(values)),
            (None, None) => return None,
        }
    }
    Some(found)
}

fn bound(schema: &Value, name: &str) -> Option<i128> {
    let value = schema.get(name)?;
    value
        .as_i64()
        .map(i128::from)
        .or_else(|| value.as_u64().map(i128::from))
        .or_else(|| {
            // A bound written with a fraction is a whole number here: the key counts something.
            #[allow(clippy::cast_possible_truncation)]
            value.as_f64().map(|float| float as i128)
        })
}
