//! What is seen of a relay and seldom changes, as one document (O2.1).
//!
//! Times and what runs down (the rest of a record's time to live) are not in it: the same facts are the same document, which is kept
//! once.

use std::net::IpAddr;

use serde_json::{Map, Value, json};

use super::findings::Findings;

/// The facts of a check; none where nothing was seen.
pub(crate) fn facts(findings: &Findings) -> Option<Value> {
    let mut facts = Map::new();
    let mut put = |key: &str, value: Option<Value>| {
        if let Some(value) = value {
            facts.insert(key.to_owned(), value);
        }
    };
    put("dns", findings.names.as_ref().map(names));
    put(
        "address",
        findings.address.map(|address| json!(address.to_string())),
    );
    let place = &findings.place;
    put("asn", place.asn.map(Value::from));
    put("network", place.network.clone().map(Value::from));
    put("country", place.country.clone().map(Value::from));
    put("geohash", place.geohash.clone().map(Value::from));
    put("tls", findings.tls.as_ref().map(|tls| json!(tls)));
    put("server", findings.server.clone().map(Value::from));
    put(
        "information_status",
        findings.information_status.map(Value::from),
    );
    put(
        "read_policy",
        findings.read_policy.map(|policy| policy.word().into()),
    );
    put("challenges", findings.challenged.map(Value::from));
    (!facts.is_empty()).then_some(Value::Object(facts))
}

fn names(names: &super::findings::Names) -> Value {
    let of = |wanted: fn(&IpAddr) -> bool| -> Vec<String> {
        let found = names.addresses.iter().filter(|address| wanted(address));
        found.map(ToString::to_string).collect()
    };
    let mut known = Map::from_iter([("cname".to_owned(), json!(names.aliases))]);
    if names.knows_v4 {
        known.insert("a".to_owned(), json!(of(IpAddr::is_ipv4)));
    }
    if names.knows_v6 {
        known.insert("aaaa".to_owned(), json!(of(IpAddr::is_ipv6)));
    }
    Value::Object(known)
}

#[cfg(test)]
mod tests {
    use super::super::findings::{Names, Verdict};
    use super::super::reason::Reason;
    use super::*;

    #[test]
    fn o2_1_what_was_not_seen_is_not_in_the_facts() {
        assert_eq!(facts(&Findings::offline(Reason::Dns, "")), None);
        let mut findings = Findings::only(Verdict::Online);
        findings.address = Some("192.0.2.1".parse().unwrap());
        assert_eq!(facts(&findings), Some(json!({"address": "192.0.2.1"})));
    }

    #[test]
    fn o2_1_the_same_names_are_the_same_facts() {
        let with = |ttl| {
            let mut findings = Findings::only(Verdict::Online);
            findings.names = Some(Names {
                addresses: vec!["192.0.2.1".parse().unwrap(), "2001:db8::1".parse().unwrap()],
                knows_v4: true,
                knows_v6: true,
                aliases: vec!["a.b".to_owned()],
                ttl,
            });
            facts(&findings)
        };
        assert_eq!(with(Some(60)), with(Some(59)));
        let dns = json!({"dns": {"a": ["192.0.2.1"], "aaaa": ["2001:db8::1"], "cname": ["a.b"]}});
        assert_eq!(with(None), Some(dns));
    }

    #[test]
    fn o2_1_a_kind_of_address_without_an_answer_is_not_in_the_facts() {
        let mut findings = Findings::only(Verdict::Online);
        findings.names = Some(Names {
            addresses: vec!["192.0.2.1".parse().unwrap()],
            knows_v4: true,
            knows_v6: false,
            aliases: Vec::new(),
            ttl: None,
        });
        let dns = json!({"dns": {"a": ["192.0.2.1"], "cname": []}});
        assert_eq!(facts(&findings), Some(dns));
    }
}
