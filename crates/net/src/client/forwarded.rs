//! The entries of forwarding headers, from the right.

use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use super::ForwardHeader;

/// The addresses that the header's values name, last first. `None` stands for an entry without a readable address.
pub(super) fn from_right<'a, I>(
    header: ForwardHeader,
    values: I,
) -> impl Iterator<Item = Option<IpAddr>>
where
    I: IntoIterator<Item = &'a str>,
    I::IntoIter: DoubleEndedIterator,
{
    values
        .into_iter()
        .rev()
        .flat_map(split_from_right)
        .map(move |entry| match header {
            ForwardHeader::XForwardedFor => node_address(entry),
            ForwardHeader::Forwarded => forwarded_for(entry).and_then(node_address),
        })
}

/// Splits at commas, last first. A quoted string cannot be recognised from the right in general (the left part may hold anything),
/// but no address has a comma, so an entry with one is simply not readable.
fn split_from_right(value: &str) -> impl Iterator<Item = &str> {
    value.rsplit(',').map(str::trim)
}

/// The value of the `for` parameter of one element of `Forwarded`.
fn forwarded_for(element: &str) -> Option<&str> {
    let mut found = element.split(';').filter_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        name.trim()
            .eq_ignore_ascii_case("for")
            .then(|| value.trim())
    });
    let value = found.next()?;
    // Two of them: the element is not what a proxy writes.
    if found.next().is_some() {
        return None;
    }
    let quoted = value
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    Some(quoted.unwrap_or(value))
}

/// The address of a node as proxies write it: IPv4 or IPv6, IPv6 also in brackets, either with a port. `unknown` and obfuscated
/// names have none.
#[must_use]
pub fn node_address(node: &str) -> Option<IpAddr> {
    let node = node.trim();
    if let Ok(address) = IpAddr::from_str(node) {
        return Some(address);
    }
    if let Some(inside) = node
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
    {
        return IpAddr::from_str(inside).ok().filter(IpAddr::is_ipv6);
    }
    if let Ok(address) = SocketAddr::from_str(node) {
        return Some(address.ip());
    }
    // RFC 7239 allows ports that are not numbers: "_name".
    let (host, port) = node.rsplit_once(':')?;
    if !port.starts_with('_') {
        return None;
    }
    match host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
    {
        Some(inside) => IpAddr::from_str(inside).ok().filter(IpAddr::is_ipv6),
        None => IpAddr::from_str(host).ok().filter(IpAddr::is_ipv4),
    }
}
