//! Small databases, written here byte by byte, and what is read from them.

use super::*;

/// A value in the format's data section.
enum Data {
    Text(&'static str),
    Short(u16),
    Whole(u32),
    Long(u64),
    Real(f64),
    Map(Vec<(&'static str, Data)>),
    Texts(Vec<&'static str>),
}

impl Data {
    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Text(text) => {
                // From 29 bytes on, the rest of the length follows.
                let (short, rest) = (text.len().min(29), text.len().checked_sub(29));
                out.push(2 << 5 | short as u8);
                out.extend(rest.map(|rest| rest as u8));
                out.extend(text.bytes());
            }
            Self::Real(number) => {
                out.push(3 << 5 | 8);
                out.extend(number.to_be_bytes());
            }
            Self::Whole(number) => {
                out.push(6 << 5 | 4);
                out.extend(number.to_be_bytes());
            }
            Self::Short(number) => {
                out.push(5 << 5 | 2);
                out.extend(number.to_be_bytes());
            }
            Self::Long(number) => {
                out.extend([8, 2]);
                out.extend(number.to_be_bytes());
            }
            Self::Map(entries) => {
                out.push(7 << 5 | entries.len() as u8);
                for (key, value) in entries {
                    Self::Text(key).write(out);
                    value.write(out);
                }
            }
            Self::Texts(texts) => {
                out.extend([texts.len() as u8, 4]);
                for text in texts {
                    Self::Text(text).write(out);
                }
            }
        }
    }
}

/// A database of this kind in which 128.0.0.0/1 has one record, and all other addresses have none.
fn database(kind: &'static str, record: Data) -> Vec<u8> {
    // One node: its left half leads nowhere (the number of nodes), its right half to the beginning of the data.
    let mut bytes = Vec::new();
    for half in [1_u32, 1 + 16] {
        bytes.extend(&half.to_be_bytes()[1..]);
    }
    bytes.extend([0; 16]);
    record.write(&mut bytes);
    bytes.extend(b"\xab\xcd\xefMaxMind.com");
    let metadata = Data::Map(vec![
        ("binary_format_major_version", Data::Short(2)),
        ("binary_format_minor_version", Data::Short(0)),
        ("build_epoch", Data::Long(1)),
        ("database_type", Data::Text(kind)),
        ("description", Data::Map(vec![])),
        ("ip_version", Data::Short(4)),
        ("languages", Data::Texts(vec!["en"])),
        ("node_count", Data::Whole(1)),
        ("record_size", Data::Short(24)),
    ]);
    metadata.write(&mut bytes);
    bytes
}

fn cities() -> Vec<u8> {
    let location = Data::Map(vec![
        ("latitude", Data::Real(57.649_11)),
        ("longitude", Data::Real(10.407_44)),
    ]);
    let country = Data::Map(vec![("iso_code", Data::Text("DK"))]);
    database(
        "GeoLite2-City",
        Data::Map(vec![("country", country), ("location", location)]),
    )
}

fn networks() -> Vec<u8> {
    database(
        "GeoLite2-ASN",
        Data::Map(vec![
            ("autonomous_system_number", Data::Whole(64_500)),
            ("autonomous_system_organization", Data::Text("Example Net")),
        ]),
    )
}

async fn read(files: [Option<Vec<u8>>; 2]) -> Result<Places, Error> {
    let folder = tempfile::tempdir().unwrap();
    let [city, asn] = files;
    let mut config = Check::default();
    for (name, bytes, key) in [
        ("city", city, &mut config.city_file),
        ("asn", asn, &mut config.asn_file),
    ] {
        if let Some(bytes) = bytes {
            std::fs::write(folder.path().join(name), bytes).unwrap();
            *key = Some(name.to_owned());
        }
    }
    Places::read(&config, folder.path()).await
}

#[tokio::test]
async fn o2_1_an_address_has_its_network_and_place() {
    let places = read([Some(cities()), Some(networks())]).await.unwrap();
    let place = places.of("192.0.2.1".parse().unwrap());
    let expected = Place {
        asn: Some(64_500),
        network: Some("Example Net".to_owned()),
        country: Some("DK".to_owned()),
        geohash: Some("u4pru".to_owned()),
    };
    assert_eq!(place, expected);
    for unknown in ["10.0.0.1", "2001:db8::1"] {
        assert_eq!(places.of(unknown.parse().unwrap()), Place::default());
    }
}

#[tokio::test]
async fn o2_1_without_files_nothing_is_known_of_places() {
    let places = read([None, None]).await.unwrap();
    assert_eq!(places.of("192.0.2.1".parse().unwrap()), Place::default());
}

#[tokio::test]
async fn o5_2_a_bad_file_is_an_error_at_the_start() {
    let problem = async |files| match read(files).await {
        Err(Error::File { problem, .. }) => problem,
        Err(error) => error.to_string(),
        Ok(_) => "none".to_owned(),
    };
    assert_ne!(problem([Some(b"no database".to_vec()), None]).await, "none");
    let swapped = problem([Some(networks()), None]).await;
    assert!(swapped.contains("GeoLite2-ASN"), "{swapped}");
    let missing = Check {
        city_file: Some("nowhere".to_owned()),
        ..Check::default()
    };
    let folder = tempfile::tempdir().unwrap();
    let error = Places::read(&missing, folder.path()).await.err().unwrap();
    assert!(matches!(error, Error::File { .. }), "{error}");
}
