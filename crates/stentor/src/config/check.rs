//! Judges values against the keys that exist.

use serde_json::{Map, Value};

use super::schema::{Key, Kind, Section};

/// A fault of one value: the dotted key and what is wrong with it.
pub type Finding = (String, String);

/// Checks a tree of values, as read from one source. Values are never repeated in a finding.
pub fn check(sections: &[Section], values: &Map<String, Value>) -> Vec<Finding> {
    let mut findings = Vec::new();
    check_table(sections, "", values, &mut findings);
    findings
}

fn check_table(
    sections: &[Section],
    path: &str,
    values: &Map<String, Value>,
    findings: &mut Vec<Finding>,
) {
    for (name, value) in values {
        let dotted = if path.is_empty() {
            name.clone()
        } else {
            format!("{path}.{name}")
        };
        if let Some(key) = find(sections, &dotted) {
            if let Err(message) = check_value(&key.kind, value) {
                findings.push((dotted, message));
            }
        } else if let Some(section) = sections.iter().find(|section| section.path == dotted) {
            match value {
                Value::Array(entries) if section.many => {
                    check_entries(section, entries, findings);
                }
                _ if section.many => findings.push((dotted, many(section, value))),
                Value::Object(inner) => check_table(sections, &dotted, inner, findings),
                _ => findings.push((dotted, "is a table, not a value".to_owned())),
            }
        } else {
            let message = unknown(sections, path, &dotted);
            findings.push((dotted, message));
        }
    }
}

/// Checks the entries of a list of tables.
fn check_entries(section: &Section, entries: &[Value], findings: &mut Vec<Finding>) {
    for (index, entry) in entries.iter().enumerate() {
        let path = format!("{}[{index}]", section.path);
        let Value::Object(values) = entry else {
            findings.push((path, many(section, entry)));
            continue;
        };
        for (name, value) in values {
            let dotted = format!("{path}.{name}");
            let checked = match section.key(name) {
                Some(key) => check_value(&key.kind, value),
                None => {
                    let known = section
                        .keys
                        .iter()
                        .map(|key| format!("{path}.{}", key.name()));
                    Err(no_such_key(&path, &dotted, known))
                }
            };
            findings.extend(checked.err().map(|message| (dotted, message)));
        }
    }
}

/// What is wrong with something else in the place of a list of tables.
fn many(section: &Section, value: &Value) -> String {
    let heading = section.heading();
    format!(
        "must be a list of tables, each under {heading}, not {}",
        name_of(value)
    )
}

/// The key with this dotted name.
pub fn find<'a>(sections: &'a [Section], dotted: &str) -> Option<&'a Key> {
    sections
        .iter()
        .flat_map(|section| &section.keys)
        .find(|key| key.path == dotted)
}

fn unknown(sections: &[Section], path: &str, dotted: &str) -> String {
    let known = sections
        .iter()
        .flat_map(|section| section.keys.iter().map(|key| key.path.clone()));
    let tables = sections.iter().map(|section| section.path.clone());
    no_such_key(path, dotted, known.chain(tables))
}

/// Says that there is no such key, and which of those that exist may be meant.
fn no_such_key(path: &str, dotted: &str, known: impl Iterator<Item = String>) -> String {
    let best = known
        .filter(|candidate| !candidate.is_empty())
        // A name that is right but for its table is a likelier meaning than one that is spelled alike.
        .map(|candidate| (closeness(path, dotted, &candidate), candidate))
        .min();
    match best {
        Some((distance, candidate)) if distance <= 3 => {
            format!("there is no such key; did you mean {candidate}?")
        }
        _ => "there is no such key".to_owned(),
    }
}

fn closeness(path: &str, dotted: &str, candidate: &str) -> usize {
    let name = dotted
        .get(path.len()..)
        .unwrap_or(dotted)
        .trim_start_matches('.');
    if candidate.rsplit('.').next() == Some(name) {
        1
    } else {
        distance(dotted, candidate)
    }
}

/// Levenshtein's distance.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        if let Some(first) = row.first_mut() {
            *first = left;
        }
        for (y, cell) in b.iter().zip(row.iter_mut().skip(1)) {
            let value = (diagonal + usize::from(x != *y))
                .min(*cell + 1)
                .min(left + 1);
            diagonal = *cell;
            *cell = value;
            left = value;
        }
    }
    row.last().copied().unwrap_or_default()
}

fn check_value(kind: &Kind, value: &Value) -> Result<(), String> {
    match (kind, value) {
        (Kind::Switch, Value::Bool(_))
        | (Kind::Text, Value::String(_))
        | (Kind::Number, Value::Number(_)) => Ok(()),
        (Kind::Integer { min, max }, Value::Number(number)) if !number.is_f64() => {
            within(number, *min, *max)
        }
        (Kind::Choice(words), Value::String(word)) if words.contains(word) => Ok(()),
        (Kind::Choice(words), Value::String(_)) => {
            Err(format!("must be one of {}", words.join(", ")))
        }
        (Kind::List(inner), Value::Array(items)) => {
            items.iter().enumerate().try_for_each(|(index, item)| {
                check_value(inner, item)
                    .map_err(|message| format!("entry {}: {message}", index + 1))
            })
        }
        (Kind::Table(inner), Value::Object(fields)) => {
            fields.iter().try_for_each(|(name, value)| {
                check_value(inner, value).map_err(|message| format!("{name}: {message}"))
            })
        }
        (Kind::Other, _) => Ok(()),
        _ => Err(format!(
            "must be {}, not {}",
            describe(kind),
            name_of(value)
        )),
    }
}

fn within(number: &serde_json::Number, min: Option<i128>, max: Option<i128>) -> Result<(), String> {
    let value = number
        .as_i64()
        .map(i128::from)
        .or_else(|| number.as_u64().map(i128::from))
        .unwrap_or_default();
    if min.is_some_and(|min| value < min) || max.is_some_and(|max| value > max) {
        return Err(match (min, max) {
            (Some(min), Some(max)) => format!("must be from {min} to {max}"),
            (Some(min), None) => format!("must be at least {min}"),
            (None, Some(max)) => format!("must be at most {max}"),
            (None, None) => "is out of range".to_owned(),
        });
    }
    Ok(())
}

/// What a key takes, in words.
pub fn describe(kind: &Kind) -> String {
    match kind {
        Kind::Switch => "true or false".to_owned(),
        Kind::Integer { .. } => "a whole number".to_owned(),
        Kind::Number => "a number".to_owned(),
        Kind::Text => "a text".to_owned(),
        Kind::Choice(words) => format!("one of {}", words.join(", ")),
        Kind::List(inner) => format!("a list, each entry {}", describe(inner)),
        Kind::Table(inner) => format!("a table, each value {}", describe(inner)),
        Kind::Other => "a value".to_owned(),
    }
}

fn name_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "true or false",
        Value::Number(number) if number.is_f64() => "a fraction",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a table",
    }
}
