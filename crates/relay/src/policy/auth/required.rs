//! Rule `required`: who must have proven a key to read and to write (`relay.access`, R3.4).

use stentor_auth::Keys;

use super::super::Standing;
use crate::config::{Entrance, Who};

/// Whether who has proven these keys may read.
pub(super) fn read(keys: &Keys, who: Who, standing: Standing<'_>) -> Result<(), String> {
    match who {
        Who::Anyone => Ok(()),
        _ if keys.is_empty() => Err("auth-required: reading here needs a proven key".into()),
        Who::Authenticated => Ok(()),
        Who::Members if keys.as_slice().iter().any(|key| standing.is_member(key)) => Ok(()),
        Who::Members => Err("restricted: only members may read here".into()),
    }
}

/// Whether who has proven these keys may write. Where only members may, it is the author that counts (rule `keys`).
pub(super) fn write(keys: &Keys, who: Who) -> Result<(), String> {
    match who {
        Who::Authenticated if keys.is_empty() => {
            Err("auth-required: writing here needs a proven key".into())
        }
        Who::Anyone | Who::Authenticated | Who::Members => Ok(()),
    }
}

/// Whether reading and writing need a proven key.
pub(super) fn needs(entrance: Entrance) -> (bool, bool) {
    (
        entrance.read != Who::Anyone,
        entrance.write == Who::Authenticated,
    )
}
