//! Who may use the relay, and who may manage it.

use std::collections::HashSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use stentor_event::PublicKey;

use super::keys::parse_key;
use super::{ConfigError, parse_keys};

/// Who may use the relay. What is private stays so in any case.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Access {
    /// Who may read. `anyone`; `authenticated`: connections that have proven a key (NIP-42); `members`: those that have
    /// proven the key of a member (NIP-43) or of somebody on the allow list.
    pub read: Who,
    /// Who may write, likewise. With `members` it is the author of an event that counts, whoever brings it. Requests to
    /// vanish (NIP-62) are accepted from everybody.
    pub write: Who,
    /// Other rules for single listeners, by their names.
    pub listeners: Vec<ListenerAccess>,
    /// Who may manage the relay (NIP-86). Nobody else can, whatever key they sign with.
    pub admins: Vec<Admin>,
}

/// Who may do something.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Who {
    /// Anyone.
    #[default]
    Anyone,
    /// Connections that have proven a key.
    Authenticated,
    /// Members, and those on the allow list.
    Members,
}

/// Who may use the relay through one listener.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ListenerAccess {
    /// The listener's name; the one of `server.listen` is called `public`.
    pub name: String,
    /// Who may read there.
    pub read: Who,
    /// Who may write there.
    pub write: Who,
}

/// A key that may manage the relay.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Admin {
    /// The key: 64 lower-case hex digits or `npub1…`.
    pub key: String,
    /// The methods of NIP-86 that it may call, such as `banpubkey`; empty: all of them. `supportedmethods` is always
    /// allowed.
    pub methods: Vec<String>,
}

/// Who may read and write somewhere.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Entrance {
    /// Who may read.
    pub read: Who,
    /// Who may write.
    pub write: Who,
}

impl Access {
    /// The rules of the listener of this name.
    pub fn entrance(&self, listener: &str) -> Entrance {
        let own = self.listeners.iter().find(|own| own.name == listener);
        let (read, write) = own.map_or((self.read, self.write), |own| (own.read, own.write));
        Entrance { read, write }
    }

    /// Checks names and keys.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let mut names = HashSet::new();
        for (index, listener) in self.listeners.iter().enumerate() {
            if listener.name.is_empty() || !names.insert(&listener.name) {
                return Err(ConfigError::new(
                    format!("access.listeners[{index}].name"),
                    "every entry needs the name of a listener, each once",
                ));
            }
        }
        let keys: Vec<String> = self.admins.iter().map(|admin| admin.key.clone()).collect();
        parse_keys("access.admins", &keys)?;
        for (index, admin) in self.admins.iter().enumerate() {
            if let Some(unknown) = admin.methods.iter().find(|name| !is_method(name)) {
                return Err(ConfigError::new(
                    format!("access.admins[{index}].methods"),
                    format!("{unknown:?} is no method of NIP-86"),
                ));
            }
        }
        Ok(())
    }

    /// The entry of this key among the admins.
    pub fn admin(&self, key: &PublicKey) -> Option<&Admin> {
        self.admins
            .iter()
            .find(|admin| parse_key(&admin.key).as_ref() == Some(key))
    }
}

impl Admin {
    /// Whether the admin may call this method.
    pub fn may(&self, method: &str) -> bool {
        self.methods.is_empty() || self.methods.iter().any(|allowed| allowed == method)
    }
}

/// Whether NIP-86 has a method of this name.
fn is_method(name: &str) -> bool {
    crate::management::METHODS.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r3_4_a_listener_may_have_rules_of_its_own() {
        let access = Access {
            read: Who::Authenticated,
            listeners: vec![ListenerAccess {
                name: "inside".into(),
                read: Who::Anyone,
                write: Who::Members,
            }],
            ..Access::default()
        };
        assert_eq!(access.entrance("public").read, Who::Authenticated);
        assert_eq!(access.entrance("public").write, Who::Anyone);
        assert_eq!(access.entrance("inside").read, Who::Anyone);
        assert_eq!(access.entrance("inside").write, Who::Members);
    }

    #[test]
    fn r3_2_admins_have_rights_by_method() {
        let key = PublicKey([7; 32]);
        let access = |methods: &[&str]| Access {
            admins: vec![Admin {
                key: key.to_string(),
                methods: methods.iter().map(|name| (*name).to_owned()).collect(),
            }],
            ..Access::default()
        };
        assert!(access(&[]).admin(&key).unwrap().may("banpubkey"));
        assert!(!access(&["banevent"]).admin(&key).unwrap().may("banpubkey"));
        assert!(access(&[]).admin(&PublicKey([8; 32])).is_none());
        access(&["banevent"]).check().unwrap();
        let error = access(&["banevents"]).check().unwrap_err();
        assert_eq!(error.key, "access.admins[0].methods");
    }
}
