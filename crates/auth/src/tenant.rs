//! To whom something belongs.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// The name of a tenant: 1 to 64 of `a` to `z`, `0` to `9`, `_` and `-`. Cheap to clone.
///
/// Every principal belongs to exactly one. [`Tenant::default`], called `default`, is there always; the operator makes others.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Tenant(Arc<str>);

/// Not the name of a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the name of a tenant is 1 to 64 of a-z, 0-9, _ and -")]
pub struct TenantError;

/// What the tenant of those is called who have not been given another.
pub(crate) const DEFAULT: &str = "default";
/// Most characters of a name.
const MAX: usize = 64;

impl Tenant {
    /// Its name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is the one that is there always.
    pub fn is_default(&self) -> bool {
        self.as_str() == DEFAULT
    }
}

impl Default for Tenant {
    fn default() -> Self {
        Self(DEFAULT.into())
    }
}

impl FromStr for Tenant {
    type Err = TenantError;

    fn from_str(text: &str) -> Result<Self, TenantError> {
        let fits =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte);
        let is_name = (1..=MAX).contains(&text.len()) && text.bytes().all(fits);
        is_name.then(|| Self(text.into())).ok_or(TenantError)
    }
}

impl TryFrom<String> for Tenant {
    type Error = TenantError;

    fn try_from(text: String) -> Result<Self, TenantError> {
        text.parse()
    }
}

impl From<Tenant> for String {
    fn from(tenant: Tenant) -> Self {
        tenant.as_str().to_owned()
    }
}

impl fmt::Display for Tenant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn g2_3_names_of_tenants() {
        for name in ["default", "a", "0", "acme-2_x", &"z".repeat(64)] {
            assert_eq!(name.parse::<Tenant>().unwrap().as_str(), name);
        }
        for name in ["", "Acme", "a b", "ä", "a/b", "a.b", &"z".repeat(65)] {
            assert_eq!(name.parse::<Tenant>(), Err(TenantError), "{name}");
        }
        assert!(Tenant::default().is_default());
        assert_eq!("default".parse(), Ok(Tenant::default()));
        assert!(serde_json::from_str::<Tenant>("\"A\"").is_err());
    }

    proptest! {
        #[test]
        fn g2_3_what_is_read_is_shown_the_same(text in "\\PC{0,70}") {
            if let Ok(tenant) = text.parse::<Tenant>() {
                prop_assert_eq!(tenant.to_string(), text);
            }
        }
    }
}
