//! A node whose observatory is asked over HTTP.

use std::path::Path;

use serde_json::Value;

use super::node::{Node, get};

/// Starts a node with these settings.
pub fn start(data: &Path, settings: &[String]) -> Node {
    let settings: Vec<&str> = settings.iter().flat_map(|one| ["--set", one]).collect();
    Node::start(data, &settings)
}

/// What the observatory answers.
pub fn ask(node: &Node, question: &str) -> Value {
    let path = format!("/api/v1/observatory/{question}");
    let address = node.address().trim_end_matches('/');
    let (status, body) = get(address, &path, "application/json");
    assert_eq!(status, 200, "{body}");
    serde_json::from_str(&body).unwrap_or_else(|error| panic!("{error}: {body}"))
}

/// The rows of all pages of a list.
pub fn rows(node: &Node, list: &str, rows: &str) -> Vec<Value> {
    let (mut found, mut after) = (Vec::new(), String::new());
    loop {
        let page = ask(node, &format!("{list}?limit=500&after={after}"));
        found.extend(page[rows].as_array().unwrap().iter().cloned());
        match page["next"].as_str() {
            Some(next) => after = next.to_owned(),
            None => return found,
        }
    }
}
