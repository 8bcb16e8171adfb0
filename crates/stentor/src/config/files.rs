//! Checks of the files that the configuration names; they may change while it does not, so they are no part of loading it.

use super::Loaded;
use super::fault::Fault;
use super::load::located;
use crate::layout::Layout;
use crate::records;
use crate::traces::headers;

/// Faults of the certificates and keys of the listeners, of the authorities that others are verified by, of the URL of the
/// records, and of the headers for the collector of traces. Relative paths are below the data folder.
pub fn check(loaded: &Loaded, layout: &Layout) -> Vec<Fault> {
    let mut found = certificates(loaded);
    if let Err(error) = loaded.config.outbound.check_files() {
        found.push((format!("outbound.{}", error.key), error.problem));
    }
    if let Err(error) = records::located(layout, &loaded.config).check_url() {
        found.push(match error {
            stentor_sql::Error::Config { key, problem } => (format!("records.{key}"), problem),
            other => ("records".to_owned(), other.to_string()),
        });
    }
    if let Err(message) = headers::read(loaded.config.trace.headers_file.as_deref()) {
        found.push(("trace.headers_file".to_owned(), message));
    }
    let faults = found.into_iter();
    faults
        .map(|(key, message)| located(&loaded.origins, key, message))
        .collect()
}

fn certificates(loaded: &Loaded) -> Vec<(String, String)> {
    let server = &loaded.config.server;
    let mut found = Vec::new();
    for listener in server.listeners() {
        let Some((certificate, key)) = listener.tls() else {
            continue;
        };
        if let Err(error) = stentor_serve::check_tls(certificate, key) {
            let name = if error.is_of_key() {
                "tls_key"
            } else {
                "tls_certificate"
            };
            found.push((server.key_of(&listener.name, name), error.to_string()));
        }
    }
    found
}
