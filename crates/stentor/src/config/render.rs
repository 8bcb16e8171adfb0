//! Writes the commented file of `config init`, the effective values of `config print`, and the reference of the book.

use std::fmt::Write as _;

use serde_json::Value;

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
        if !section.path.is_empty() {
            let _ = writeln!(out, "[{}]", section.path);
        }
        for key in &section.keys {
            out.push('\n');
            comment(&mut out, &key.doc);
            comment(&mut out, &facts(key));
            let _ = writeln!(out, "#{} = {}", name(key), literal(&key.default, &key.kind));
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
         Where a limit takes 0, 0 switches it off.\n",
    );
    for section in sections().iter().filter(|section| !section.keys.is_empty()) {
        let title = if section.path.is_empty() {
            "Top level".to_owned()
        } else {
            format!("`[{}]`", section.path)
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
        if !section.path.is_empty() {
            let gap = if out.is_empty() { "" } else { "\n" };
            let _ = writeln!(out, "{gap}[{}]", section.path);
        }
        for key in &section.keys {
            let value = lookup(&tree, &key.path);
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
            let origin = loaded
                .origins
                .get(&key.path)
                .map(|origin| format!(" # {origin}"))
                .unwrap_or_default();
            let _ = writeln!(out, "{hidden}{} = {shown}{origin}", name(key));
        }
    }
    out
}

/// The values in force, as JSON, without the secret ones.
pub fn json(config: &Config) -> Value {
    let mut tree = serde_json::to_value(config).unwrap_or_default();
    let secret = sections()
        .into_iter()
        .flat_map(|section: Section| section.keys)
        .filter(|key| key.secret);
    for key in secret {
        let pointer = format!("/{}", key.path.replace('.', "/"));
        if let Some(value) = tree.pointer_mut(&pointer).filter(|value| !value.is_null()) {
            *value = Value::String("(secret)".to_owned());
        }
    }
    tree
}

fn lookup<'a>(tree: &'a Value, dotted: &str) -> &'a Value {
    dotted
        .split('.')
        .try_fold(tree, |value, part| value.get(part))
        .unwrap_or(&Value::Null)
}

fn name(key: &Key) -> &str {
    key.path.rsplit('.').next().unwrap_or(&key.path)
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
            (Some(min), None) if min > 0 => {
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
