//! Checks of the files that the configuration names; they may change while it does not, so they are no part of loading it.

use super::Loaded;
use super::fault::Fault;
use super::load::located;
use crate::traces::headers;

/// Faults of the certificates and keys of the listeners, and of the headers for the collector of traces.
pub fn check(loaded: &Loaded) -> Vec<Fault> {
    let server = &loaded.config.server;
    let mut faults = Vec::new();
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
            let key = server.key_of(&listener.name, name);
            faults.push(located(&loaded.origins, key, error.to_string()));
        }
    }
    let trace = &loaded.config.trace;
    if let Err(message) = headers::read(trace.headers_file.as_deref()) {
        let key = "trace.headers_file".to_owned();
        faults.push(located(&loaded.origins, key, message));
    }
    faults
}
