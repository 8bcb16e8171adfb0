//! Geohash: a place as a word that says less the shorter it is. Pure.

const LETTERS: &[u8; 32] = b"0123456789bcdefghjkmnpqrstuvwxyz";

/// The geohash of a place, in degrees, with so many characters (at most 12). `None` for what is no place.
pub(super) fn geohash(latitude: f64, longitude: f64, characters: usize) -> Option<String> {
    if !(-90.0..=90.0).contains(&latitude) || !(-180.0..=180.0).contains(&longitude) {
        return None;
    }
    let mut hash = String::new();
    let mut ranges = [(-180.0, 180.0), (-90.0, 90.0)];
    let [across, along] = &mut ranges;
    let mut even = true;
    for _ in 0..characters.min(12) {
        let mut letter = 0_usize;
        for _ in 0..5 {
            let (range, value) = if even {
                (&mut *across, longitude)
            } else {
                (&mut *along, latitude)
            };
            letter = letter << 1 | usize::from(halve(range, value));
            even = !even;
        }
        hash.push(char::from(*LETTERS.get(letter)?));
    }
    Some(hash)
}

/// The middle of a geohash, in degrees north and east. `None` for what is none.
pub(crate) fn middle(geohash: &str) -> Option<(f64, f64)> {
    if geohash.is_empty() || geohash.len() > 12 {
        return None;
    }
    let (mut across, mut along) = ((-180.0, 180.0), (-90.0, 90.0));
    let mut even = true;
    for byte in geohash.bytes() {
        let letter = LETTERS.iter().position(|letter| *letter == byte)?;
        for bit in (0..5).rev() {
            let range: &mut (f64, f64) = if even { &mut across } else { &mut along };
            let middle = f64::midpoint(range.0, range.1);
            if letter >> bit & 1 == 1 {
                range.0 = middle;
            } else {
                range.1 = middle;
            }
            even = !even;
        }
    }
    Some((
        f64::midpoint(along.0, along.1),
        f64::midpoint(across.0, across.1),
    ))
}

/// Keeps the half that the value is in; whether that is the upper one.
fn halve(range: &mut (f64, f64), value: f64) -> bool {
    let middle = f64::midpoint(range.0, range.1);
    let upper = value >= middle;
    if upper {
        range.0 = middle;
    } else {
        range.1 = middle;
    }
    upper
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn o2_1_places_have_their_geohash() {
        assert_eq!(geohash(57.649_11, 10.407_44, 11).unwrap(), "u4pruydqqvj");
        assert_eq!(geohash(42.605, -5.603, 5).unwrap(), "ezs42");
        assert_eq!(geohash(-25.382_708, -49.265_506, 5).unwrap(), "6gkzw");
        assert_eq!(geohash(90.0, 180.0, 2).unwrap(), "zz");
        assert_eq!(geohash(91.0, 0.0, 5), None);
        assert_eq!(geohash(f64::NAN, 0.0, 5), None);
    }

    #[test]
    fn o4_4_a_geohash_leads_back_to_its_place() {
        for (latitude, longitude) in [
            (57.649_11, 10.407_44),
            (-25.382_708, -49.265_506),
            (0.0, 0.0),
        ] {
            let hash = geohash(latitude, longitude, 6).unwrap();
            let (north, east) = middle(&hash).unwrap();
            assert!(
                (north - latitude).abs() < 0.01 && (east - longitude).abs() < 0.01,
                "{hash}"
            );
        }
        for none in ["", "a", "ezs4i", "EZS42", "u4pruydqqvju4pru", "é"] {
            assert_eq!(middle(none), None, "{none}");
        }
    }
}
