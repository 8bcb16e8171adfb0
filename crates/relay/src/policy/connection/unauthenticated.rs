//! Rule `unauthenticated`: how many connections that have proven no key there may be (R4.5).

use http::StatusCode;
use stentor_serve::Refusal;

use super::Arriving;

/// Seconds after which it is worth trying again.
const RETRY: u64 = 10;

pub(super) fn admit(arriving: &Arriving<'_>) -> Result<(), Refusal> {
    let (open, most) = arriving.unauthenticated;
    if most == 0 || open < most {
        return Ok(());
    }
    let detail = "too many connections that have not authenticated";
    Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, detail).retry_after(RETRY))
}
