//! Ports that no stranger has us dial (G5.1).

/// Ports of other protocols, single ones and ranges, ascending: those that browsers block (the Fetch standard's "bad ports"), and
/// databases, caches and control planes that take commands from whoever reaches them.
#[rustfmt::skip]
const DENIED: &[(u16, u16)] = &[
    (0, 1), (7, 7), (9, 9), (11, 11), (13, 13), (15, 15), (17, 17), (19, 23), (25, 25), (37, 37), (42, 43), (53, 53), (69, 69),
    (77, 77), (79, 79), (87, 87), (95, 95), (101, 104), (109, 111), (113, 113), (115, 115), (117, 117), (119, 119), (123, 123),
    (135, 139), (143, 143), (161, 162), (179, 179), (389, 389), (427, 427), (445, 445), (465, 465), (512, 515), (526, 526),
    (530, 532), (540, 540), (548, 548), (554, 554), (556, 556), (563, 563), (587, 587), (601, 601), (623, 623), (636, 636),
    (873, 873), (989, 990), (993, 993), (995, 995), (1433, 1434), (1521, 1521), (1719, 1720), (1723, 1723), (2049, 2049),
    (2181, 2181), (2375, 2380), (3306, 3306), (3389, 3389), (3659, 3659), (4045, 4045), (4190, 4190), (5060, 5061),
    (5432, 5433), (5900, 5903), (5984, 5986), (6000, 6000), (6379, 6379), (6566, 6566), (6665, 6669), (6679, 6679), (6697, 6697),
    (9042, 9042), (9200, 9200), (9300, 9300), (10080, 10080), (10250, 10250), (10255, 10255), (11211, 11211), (27017, 27019),
];

/// Whether the port belongs to another protocol.
#[must_use]
pub fn is_denied(port: u16) -> bool {
    DENIED
        .iter()
        .any(|(first, last)| (*first..=*last).contains(&port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn g5_1_other_protocols_are_denied_and_relays_are_not() {
        for port in [
            0, 22, 25, 53, 110, 445, 2375, 3306, 5432, 6379, 11211, 27017,
        ] {
            assert!(is_denied(port), "{port}");
        }
        for port in [
            80, 443, 3000, 3334, 4848, 5000, 7447, 7777, 8000, 8080, 8443, 8888, 9000, 65535,
        ] {
            assert!(!is_denied(port), "{port}");
        }
        assert!(DENIED.is_sorted());
    }
}
