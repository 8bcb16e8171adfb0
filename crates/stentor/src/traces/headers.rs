//! The file with headers for the collector.

use std::path::Path;

use stentor_net::http::{HeaderMap, HeaderName, HeaderValue};

/// The headers in a file; none without one.
///
/// # Errors
/// Why they cannot be had. What the file holds is not repeated, as it may be a secret.
pub fn read(file: Option<&Path>) -> Result<HeaderMap, String> {
    let Some(file) = file else {
        return Ok(HeaderMap::new());
    };
    let text = std::fs::read_to_string(file)
        .map_err(|error| format!("cannot read {}: {error}", file.display()))?;
    parse(&text).map_err(|line| {
        let file = file.display();
        format!("line {line} of {file} is not a header: NAME: VALUE")
    })
}

/// The headers in a text, or the number of the line that is none.
fn parse(text: &str) -> Result<HeaderMap, usize> {
    let mut headers = HeaderMap::new();
    for (index, line) in text.lines().enumerate() {
        if line.trim().is_empty() {
            continue;
        }
        let (name, mut value) = header(line).ok_or(index + 1)?;
        value.set_sensitive(true);
        headers.append(name, value);
    }
    Ok(headers)
}

fn header(line: &str) -> Option<(HeaderName, HeaderValue)> {
    let (name, value) = line.split_once(':')?;
    Some((name.trim().parse().ok()?, value.trim().parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p3_headers_are_lines_and_never_shown() {
        let headers = parse("Authorization: Bearer a:b\r\n\n x-scope : tenant \n").unwrap();
        assert_eq!(headers["authorization"], "Bearer a:b");
        assert_eq!(headers["x-scope"], "tenant");
        assert!(!format!("{headers:?}").contains("Bearer"));
        assert_eq!(parse("a: b\nBearer secret\n"), Err(2));
        assert_eq!(parse("two words: c"), Err(1));
        assert!(read(None).unwrap().is_empty());
    }

    #[test]
    fn p3_a_fault_does_not_repeat_the_secret() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("headers");
        std::fs::write(&file, "Bearer hidden\n").unwrap();
        let fault = read(Some(&file)).unwrap_err();
        assert!(
            fault.starts_with("line 1 of ") && !fault.contains("hidden"),
            "{fault}"
        );
        assert!(read(Some(&folder.path().join("none"))).is_err());
    }
}
