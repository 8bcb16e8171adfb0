//! The header `Retry-After` (RFC 9110, 10.2.3): seconds, or a date.

use std::time::Duration;

use http::{HeaderMap, header};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

/// How long whoever answered wants to be left alone; `None` when it does not say so, or not in a way that can be read.
pub(crate) fn retry_after(headers: &HeaderMap, now_ms: u64) -> Option<Duration> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // More digits than fit mean a very long time.
        let seconds = text.parse().unwrap_or(u32::MAX);
        return Some(Duration::from_secs(seconds.into()));
    }
    // The form that RFC 9110 has senders use is one of RFC 2822.
    let date = OffsetDateTime::parse(text, &Rfc2822).ok()?;
    let at = u64::try_from(date.unix_timestamp()).ok()?;
    let left = at.saturating_mul(1_000).saturating_sub(now_ms);
    Some(Duration::from_millis(left))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &'static str) -> Option<u64> {
        let mut headers = HeaderMap::new();
        headers.insert(header::RETRY_AFTER, text.parse().unwrap());
        // Sun, 06 Nov 1994 08:49:00 GMT
        retry_after(&headers, 784_111_740_000).map(|wait| wait.as_secs())
    }

    #[test]
    fn g4_3_retry_after_is_read_in_both_forms() {
        assert_eq!(read("120"), Some(120));
        assert_eq!(read(" 0 "), Some(0));
        assert_eq!(read("99999999999999999999"), Some(u32::MAX.into()));
        assert_eq!(read("Sun, 06 Nov 1994 08:49:37 GMT"), Some(37));
        assert_eq!(read("Sun, 06 Nov 1994 08:40:00 GMT"), Some(0));
        for other in ["", "-1", "1.5", "soon", "Sun, 99 Nov 1994 08:49:37 GMT"] {
            assert_eq!(read(other), None, "{other:?}");
        }
        assert_eq!(retry_after(&HeaderMap::new(), 0), None);
    }
}
