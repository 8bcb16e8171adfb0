//! Writing to standard output.

use std::io::{self, Write};

use serde::Serialize;

/// Prints a text as it stands.
///
/// # Errors
/// When standard output cannot be written, such as a pipe whose reader has gone.
pub fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .map_err(closing)
}

/// Whoever read standard output (`| head`) has had enough of it.
#[derive(Debug, thiserror::Error)]
#[error("standard output is closed")]
pub struct Enough;

/// Marks the error of a standard output that nobody reads any more: others of the kind, as of a socket, are failures.
pub fn closing(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::BrokenPipe => io::Error::new(io::ErrorKind::BrokenPipe, Enough),
        _ => error,
    }
}

/// Whether an error is of a standard output that nobody reads any more.
pub fn is_enough(error: &anyhow::Error) -> bool {
    let io = error.downcast_ref::<io::Error>();
    io.and_then(io::Error::get_ref)
        .is_some_and(|inner| inner.is::<Enough>())
}

/// Prints one line.
///
/// # Errors
/// As [`print()`].
pub fn line(text: &str) -> io::Result<()> {
    print(&format!("{text}\n"))
}

/// Prints one JSON value on one line.
///
/// # Errors
/// As [`print()`].
pub fn json(value: &impl Serialize) -> io::Result<()> {
    line(&serde_json::to_string(value)?)
}

/// A number with its thousands apart.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A number of bytes in the unit that suits it.
pub fn bytes(count: u64) -> String {
    let units = ["KiB", "MiB", "GiB", "TiB"];
    let mut value = count as f64;
    let mut unit = "B";
    for larger in units {
        if value < 1024.0 {
            break;
        }
        value /= 1024.0;
        unit = larger;
    }
    if unit == "B" {
        format!("{count} B")
    } else {
        format!("{value:.1} {unit}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(1_000), "1,000");
        assert_eq!(grouped(1_234_567), "1,234,567");
    }

    #[test]
    fn only_standard_output_may_be_closed() {
        let broken = || io::Error::from(io::ErrorKind::BrokenPipe);
        assert!(is_enough(&closing(broken()).into()));
        assert!(!is_enough(&broken().into()), "of a socket, say");
        let full = io::Error::from(io::ErrorKind::StorageFull);
        assert!(!is_enough(&closing(full).into()));
    }

    #[test]
    fn bytes_have_units() {
        assert_eq!(bytes(1_023), "1023 B");
        assert_eq!(bytes(1_536), "1.5 KiB");
        assert_eq!(bytes(3 << 30), "3.0 GiB");
    }
}
