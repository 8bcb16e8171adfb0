//! Checks of the files that the configuration names; they may change while it does not, so they are no part of loading it.

use super::Loaded;
use super::fault::Fault;
use super::load::located;

/// Faults of the certificates and keys of the listeners.
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
    faults
}
