//! The keys that a connection has proven to hold.

use std::sync::Arc;

use stentor_event::PublicKey;

use crate::AuthError;

/// The keys of one connection, in the order of their AUTH. An empty set owns no memory of its own.
#[derive(Debug, Clone, Default)]
pub struct Keys(Option<Arc<[PublicKey]>>);

/// What an addition changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Added {
    /// The first key: the connection is authenticated from now on.
    First,
    /// One more key.
    Another,
    /// The key was there already.
    Known,
}

impl From<&[PublicKey]> for Keys {
    fn from(keys: &[PublicKey]) -> Self {
        Self((!keys.is_empty()).then(|| keys.into()))
    }
}

impl Keys {
    /// The keys.
    pub fn as_slice(&self) -> &[PublicKey] {
        self.0.as_deref().unwrap_or_default()
    }

    /// Whether the connection has proven this key.
    pub fn contains(&self, key: &PublicKey) -> bool {
        self.as_slice().contains(key)
    }

    /// Whether the connection has proven no key.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Adds a key, of which there may be `most` (0: any number).
    ///
    /// # Errors
    /// [`AuthError::TooManyKeys`].
    pub fn add(&mut self, key: PublicKey, most: usize) -> Result<Added, AuthError> {
        let keys = self.as_slice();
        if keys.contains(&key) {
            return Ok(Added::Known);
        }
        if most != 0 && keys.len() >= most {
            return Err(AuthError::TooManyKeys);
        }
        let added = if keys.is_empty() {
            Added::First
        } else {
            Added::Another
        };
        self.0 = Some(keys.iter().copied().chain([key]).collect());
        Ok(added)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r1_11_several_keys_up_to_the_limit() {
        let mut keys = Keys::default();
        assert!(keys.is_empty());
        assert_eq!(keys.add(PublicKey([1; 32]), 2), Ok(Added::First));
        assert_eq!(keys.add(PublicKey([2; 32]), 2), Ok(Added::Another));
        assert_eq!(keys.add(PublicKey([1; 32]), 2), Ok(Added::Known));
        assert_eq!(keys.add(PublicKey([3; 32]), 2), Err(AuthError::TooManyKeys));
        assert!(keys.contains(&PublicKey([2; 32])) && !keys.contains(&PublicKey([3; 32])));
        assert_eq!(keys.add(PublicKey([3; 32]), 0), Ok(Added::Another));
    }
}
