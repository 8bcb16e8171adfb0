//! Writes the commented file of `config init`, the effective values of `config print`, and the reference of the book.

use std::fmt::Write as _;

use serde_json::Value;

use super::fault::Origin;
use super::schema::{Key, Kind, Section, sections};
use super::{Config, Loaded, check};

const WIDTH: usize = 100;

/// A file with every key commented out at its default, its meaning, unit and range above it.
pub fn file() -> String {
    let mut out = String::from(
        "# The configuration of Stentor. Every key is shown with its default; take away the `#` before a key to change it.\n\
         # Where a limit takes 0, 0 switches it off. `stentor config check` tells what is wrong with this file.\n",
    );
    for section in sections().iter().filter(|section| !section.keys.is_empty()) {
        out.push('\n');
        comment(&mut out, &section.doc);
        if section.many {
            // Without entries until somebody writes one.
            let _ = writeln!(out, "#{}", section.heading());
        } else if !section.path.is_empty() {
            let _ = writeln!(out, "{}", section.heading());
        }
        for key in &section.keys {
            out.push('\n');
            comment(&mut out, &key.doc);
            comment(&mut out, &facts(key));
            let value = literal(&key.default, &key.kind);
            let _ = writeln!(out, "#{} = {value}", key.name());
        }
    }
    out
}

/// The reference of all keys, in Markdown.
pub fn reference() -> String {
    let mut out = String::from(
        "# Configuration\n\n\
         Written by `stentor config reference` from the program's own types; do not edit it by hand.\n\n\
         Values are taken from the configuration file (TOML; `--config FILE`, or `stentor.toml` in the data folder), then from\n\
         the environment (`STENTOR_TABLE__KEY`, such as `STENTOR_LOG__LEVEL`), then from the command line\n\
         (`--set TABLE.KEY=VALUE`); the later wins. Unknown keys are errors. `stentor config init` writes a file with all of\n\
         this in comments, `stentor config check` names file, line and key of each fault, and `stentor config print` shows\n\
         what is in force.\n\n\
         A section in double brackets is a list: the file has `[[NAME]]` once for each entry, the environment and the command\n\
         line give the whole list at once (`--set 'NAME=[{ KEY = \"VALUE\" }]'`), and a later source replaces all of it.\n\n\
         Where a limit takes 0, 0 switches it off.\n",
    );
    for section in sections().iter().filter(|section| !section.keys.is_empty()) {
        let title = if section.path.is_empty() {
            "Top level".to_owned()
        } else {
            format!("`{}`", section.heading())
        };
        let _ = writeln!(out, "\n## {title}\n");
        if !section.doc.is_empty() {
            let _ = writeln!(out, "{}\n", section.doc);
        }
        for key in &section.keys {
            let _ = writeln!(out, "### `{}`\n", key.path);
            let _ = writeln!(out, "{}\n\n{}\n", key.doc, facts(key));
            let _ = writeln!(out, "Default: `{}`\n", literal(&key.default, &key.kind));
        }
    }
    let trimmed = out.trim_end().len();
    out.truncate(trimmed);
    out.push('\n');
    out
}

/// The values in force, as TOML, without the secret ones. What is not at its default has its origin beside it.
pub fn values(loaded: &Loaded) -> String {
    let tree = serde_json::to_value(&loaded.config).unwrap_or_default();
    let mut out = String::new();
    for section in sections().iter().filter(|section| !section.keys.is_empty()) {
        let place = lookup(&tree, &section.path);
        if section.many {
            let entries = place.as_array().map(Vec::as_slice).unwrap_or_default();
            for (index, entry) in entries.iter().enumerate() {
                let path = format!("{}[{index}]", section.path);
                write_values(&mut out, section, entry, |key| {
                    let own = loaded.origins.get(&format!("{path}.{}", key.name()));
                    // Within a text that gave the whole list, the entries have no places of their own.
                    own.or_else(|| {
                        loaded
                            .origins
                            .get(&section.path)
                            .filter(|from| !from.is_file())
                    })
                });
            }
        } else {
            write_values(&mut out, section, place, |key| {
                loaded.origins.get(&key.path)
            });
        }
    }
    out
}

/// Writes the values of one table, each with its origin.
fn write_values<'a>(
    out: &mut String,
    section: &Section,
    table: &Value,
    origin: impl Fn(&Key) -> Option<&'a Origin>,
) {
    if !section.path.is_empty() {
        let gap = if out.is_empty() { "" } else { "\n" };
        let _ = writeln!(out, "{gap}{}", section.heading());
    }
    for key in &section.keys {
        let value = table.get(key.name()).unwrap_or(&Value::Null);
        let shown = if key.secret {
            "# (secret)".to_owned()
        } else {
            literal(value, &key.kind)
        };
        let hidden = if value.is_null() || key.secret {
            "# "
        } else {
            ""
        };
        let origin = origin(key)
            .map(|origin| format!(" # {origin}"))
            .unwrap_or_default();
        let _ = writeln!(out, "{hidden}{} = {shown}{origin}", key.name());
    }
}

/// The values in force, as JSON, without the secret ones.
pub fn json(config: &Config) -> Value {
    let mut tree = serde_json::to_value(config).unwrap_or_default();
    for section in sections() {
        let pointer: String = parts(&section.path)
            .map(|part| format!("/{part}"))
            .collect();
        let tables = match tree.pointer_mut(&pointer) {
            Some(Value::Array(entries)) => entries.as_mut_slice(),
            Some(table) => std::slice::from_mut(table),
            None => continue,
        };
        for key in section.keys.iter().filter(|key| key.secret) {
            let values = tables
                .iter_mut()
                .filter_map(|table| table.get_mut(key.name()));
            for value in values.filter(|value| !value.is_null()) {
                *value = Value::String("(secret)".to_owned());
            }
        }
    }
    tree
}

fn lookup<'a>(tree: &'a Value, dotted: &str) -> &'a Value {
    parts(dotted)
        .try_fold(tree, |value, part| value.get(part))
        .unwrap_or(&Value::Null)
}

/// The parts of a dotted path; none of the empty one.
fn parts(dotted: &str) -> impl Iterator<Item = &str> {
    dotted.split('.').filter(|part| !part.is_empty())
}

/// What the key takes, its range and its unit, in one sentence.
fn facts(key: &Key) -> String {
    let mut sentence = check::describe(&key.kind);
    if let Kind::Integer { min, max } = key.kind {
        // Bounds of the integer type itself tell the reader nothing.
        let max = max.filter(|max| *max < i128::from(u32::MAX));
        match (min, max) {
            (Some(min), Some(max)) => {
                let _ = write!(sentence, " from {min} to {max}");
            }
            (Some(min), None) => {
                let _ = write!(sentence, ", at least {min}");
            }
            _ => {}
        }
    }
    if let Some(unit) = &key.unit {
        let _ = write!(sentence, ", in {unit}");
    }
    if key.optional {
        sentence.push_str("; not set by default");
    }
    sentence.push('.');
    let mut letters = sentence.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}

/// A value as TOML writes it.
fn literal(value: &Value, kind: &Kind) -> String {
    match value {
        Value::Null => match kind {
            Kind::Integer { .. } | Kind::Number => "0".to_owned(),
            Kind::Switch => "false".to_owned(),
            Kind::List(_) => "[]".to_owned(),
            Kind::Table(_) => "{}".to_owned(),
            _ => "\"\"".to_owned(),
        },
        Value::String(text) => toml::Value::String(text.clone()).to_string(),
        Value::Array(items) => {
            let items: Vec<String> = items
                .iter()
                .map(|item| literal(item, &Kind::Other))
                .collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(table) => {
            let fields: Vec<String> = table
                .iter()
                .map(|(k, v)| format!("{k} = {}", literal(v, &Kind::Other)))
                .collect();
            format!("{{ {} }}", fields.join(", "))
        }
        other => other.to_string(),
    }
}

fn comment(out: &mut String, text: &str) {
    for paragraph in text
        .split("\n\n")
        .filter(|paragraph| !paragraph.trim().is_empty())
    {
        let mut line = String::from("#");
        for word in paragraph.split_whitespace() {
            if line.len() + 1 + word.len() > WIDTH {
                let _ = writeln!(out, "{line}");
                line.truncate(1);
            }
            line.push(' ');
            line.push_str(word);
        }
        let _ = writeln!(out, "{line}");
    }
}
