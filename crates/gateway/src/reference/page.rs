//! The page for people: the operations of the OpenAPI document, and the catalogue of types. It loads nothing from anywhere, and
//! works without scripts.

use std::fmt::{Display, Write};

use serde_json::Value;
use stentor_bus::EventType;

use super::asyncapi::scope;

const STYLE: &str = include_str!("page.css");
/// In the order in which they are shown.
const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// The page of an OpenAPI document.
pub(crate) fn html(document: &Value) -> String {
    let mut html = String::with_capacity(64 << 10);
    html.push_str("<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">");
    html.push_str("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">");
    html.push_str("<meta name=\"color-scheme\" content=\"light dark\">");
    push(
        &mut html,
        format_args!("<title>Stentor: reference</title><style>{STYLE}</style></head><body><main>"),
    );
    let description = at(document, "/info/description");
    push(
        &mut html,
        format_args!("<h1>Reference</h1><p>{}</p>", prose(description)),
    );
    html.push_str(
        "<p>For programs: <a href=\"/api/v1/openapi.json\">OpenAPI</a> for the requests, ",
    );
    html.push_str("<a href=\"/api/v1/asyncapi.json\">AsyncAPI</a> for what the streams carry.</p>");
    let tags = document["tags"].as_array().cloned().unwrap_or_default();
    navigation(&mut html, &tags);
    credentials(&mut html, document);
    for tag in &tags {
        section(&mut html, document, tag);
    }
    types(&mut html);
    forms(&mut html, document);
    html.push_str("</main></body></html>");
    html
}

fn navigation(html: &mut String, tags: &[Value]) {
    html.push_str("<nav><ul>");
    for tag in tags {
        let name = prose(&tag["name"]);
        push(
            html,
            format_args!("<li><a href=\"#{name}\">{name}</a></li>"),
        );
    }
    html.push_str("<li><a href=\"#types\">types of events</a></li><li><a href=\"#forms\">forms</a></li></ul></nav>");
}

fn credentials(html: &mut String, document: &Value) {
    html.push_str("<h2>How to show who you are</h2><table><tbody>");
    let schemes = at(document, "/components/securitySchemes").as_object();
    for (name, scheme) in schemes.into_iter().flatten() {
        let about = prose(&scheme["description"]);
        push(
            html,
            format_args!(
                "<tr><td><code>{}</code></td><td>{about}</td></tr>",
                escape(name)
            ),
        );
    }
    html.push_str("</tbody></table>");
}

fn section(html: &mut String, document: &Value, tag: &Value) {
    let name = prose(&tag["name"]);
    let about = prose(&tag["description"]);
    push(
        html,
        format_args!("<section id=\"{name}\"><h2>{name}</h2><p>{about}</p>"),
    );
    let paths = document["paths"].as_object();
    for (path, item) in paths.into_iter().flatten() {
        for method in METHODS {
            let operation = &item[method];
            let tags = operation["tags"].as_array();
            if tags.is_some_and(|tags| tags.contains(&tag["name"])) {
                show(html, path, method, operation);
            }
        }
    }
    html.push_str("</section>");
}

fn show(html: &mut String, path: &str, method: &str, operation: &Value) {
    let summary = operation["summary"].as_str().unwrap_or_default();
    let (first, _) = summary.split_once(". ").unwrap_or((summary, ""));
    push(
        html,
        format_args!(
            "<details><summary><span class=\"verb {method}\">{method}</span><h3><code>{}</code></h3>\
             <span class=\"faint\">{}</span></summary><div class=\"in\">",
            escape(path),
            escape(
                first
                    .split(':')
                    .next()
                    .unwrap_or(first)
                    .trim_end_matches('.')
            )
        ),
    );
    let whole = [&operation["summary"], &operation["description"]];
    for text in whole.into_iter().filter(|text| text.is_string()) {
        push(html, format_args!("<p>{}</p>", prose(text)));
    }
    parameters(html, &operation["parameters"]);
    let body = at(operation, "/requestBody/content");
    if let Some((kind, body)) = body.as_object().and_then(|kinds| kinds.iter().next()) {
        let form = form(&body["schema"]);
        push(
            html,
            format_args!("<p>Body: <code>{}</code> {form}</p>", escape(kind)),
        );
    }
    answers(html, &operation["responses"]);
    html.push_str("</div></details>");
}

fn parameters(html: &mut String, parameters: &Value) {
    let Some(parameters) = parameters.as_array().filter(|some| !some.is_empty()) else {
        return;
    };
    html.push_str("<table><thead><tr><th>parameter</th><th>in</th><th></th></tr></thead><tbody>");
    for one in parameters {
        push(
            html,
            format_args!(
                "<tr><td><code>{}</code></td><td>{}</td><td>{}</td></tr>",
                prose(&one["name"]),
                prose(&one["in"]),
                prose(&one["description"])
            ),
        );
    }
    html.push_str("</tbody></table>");
}

fn answers(html: &mut String, responses: &Value) {
    html.push_str("<table><thead><tr><th>status</th><th></th></tr></thead><tbody>");
    for (status, response) in responses.as_object().into_iter().flatten() {
        let content = response["content"].as_object();
        let content = content.and_then(|kinds| kinds.values().next());
        let form = content.map_or(String::new(), |content| form(&content["schema"]));
        push(
            html,
            format_args!(
                "<tr><td><code>{}</code></td><td>{} {form}</td></tr>",
                escape(status),
                prose(&response["description"])
            ),
        );
    }
    html.push_str("</tbody></table>");
}

/// What something is, in a few words: the name of a form leads to it.
fn form(schema: &Value) -> String {
    if let Some(name) = schema["$ref"]
        .as_str()
        .and_then(|path| path.rsplit('/').next())
    {
        let name = escape(name);
        return format!("<a href=\"#form-{name}\"><code>{name}</code></a>");
    }
    let many = &schema["items"];
    if many.is_object() {
        return format!("list of {}", form(many));
    }
    let choices = schema["oneOf"].as_array().or(schema["anyOf"].as_array());
    if let Some(choices) = choices {
        let named: Vec<String> = choices
            .iter()
            .map(form)
            .filter(|name| name != "null")
            .collect();
        return named.join(" or ");
    }
    let words = match &schema["type"] {
        Value::String(word) => word.clone(),
        Value::Array(words) => {
            let words = words.iter().filter_map(Value::as_str);
            words.filter(|word| *word != "null").collect()
        }
        _ => String::new(),
    };
    let choices: Vec<&str> = schema["enum"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    match choices.is_empty() {
        true => escape(&words),
        false => escape(&choices.join(", ")),
    }
}

/// The forms of bodies and answers.
fn forms(html: &mut String, document: &Value) {
    html.push_str("<section id=\"forms\"><h2>Forms</h2>");
    let schemas = at(document, "/components/schemas").as_object();
    for (name, schema) in schemas.into_iter().flatten() {
        let (name, about) = (escape(name), prose(&schema["description"]));
        push(
            html,
            format_args!("<h3 id=\"form-{name}\"><code>{name}</code></h3><p>{about}</p>"),
        );
        let properties = schema["properties"].as_object();
        if properties.is_none() {
            push(
                html,
                format_args!("<p class=\"faint\">{}</p>", form(schema)),
            );
            continue;
        }
        html.push_str("<table><tbody>");
        for (name, property) in properties.into_iter().flatten() {
            push(
                html,
                format_args!(
                    "<tr><td><code>{}</code></td><td class=\"faint\">{}</td><td>{}</td></tr>",
                    escape(name),
                    form(property),
                    prose(&property["description"])
                ),
            );
        }
        html.push_str("</tbody></table>");
    }
    html.push_str("</section>");
}

fn types(html: &mut String) {
    html.push_str("<section id=\"types\"><h2>Types of events</h2>");
    html.push_str("<p><code>types</code> in a query takes whole beginnings of these names.</p>");
    for one in EventType::ALL {
        let example = serde_json::to_string_pretty(&one.example()).unwrap_or_default();
        push(
            html,
            format_args!(
                "<details><summary><h3><code>{}</code></h3></summary><div class=\"in\"><p>{}</p>\
                 <p class=\"faint\">Version {}, source <code>{}</code>, scope <code>{}</code></p><pre>{}</pre></div></details>",
                one.name(),
                prose(&Value::from(one.summary().trim())),
                one.version(),
                one.log().source(),
                scope(*one),
                escape(&example)
            ),
        );
    }
    html.push_str("</section>");
}

/// What stands at a place of the document.
fn at<'a>(document: &'a Value, pointer: &str) -> &'a Value {
    document.pointer(pointer).unwrap_or(&Value::Null)
}

/// A text of the document, with what stands between backticks as code.
fn prose(text: &Value) -> String {
    let text = escape(text.as_str().unwrap_or_default());
    let mut html = String::with_capacity(text.len());
    for (place, part) in text.split('`').enumerate() {
        if place % 2 == 1 {
            push(&mut html, format_args!("<code>{part}</code>"));
        } else {
            html.push_str(part);
        }
    }
    html
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            char => escaped.push(char),
        }
    }
    escaped
}

fn push(html: &mut String, text: impl Display) {
    // Writing to a string does not fail.
    let _ = write!(html, "{text}");
}
