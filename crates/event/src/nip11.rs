//! The relay information document (NIP-11). Fields that are `None` are left out.

use serde::Serialize;

/// What a relay tells about itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct RelayInformation {
    /// Its name, better below 30 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Plain text about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// URL of a wide picture.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub banner: Option<String>,
    /// URL of a square picture.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub icon: Option<String>,
    /// The operator's public key in hex.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pubkey: Option<String>,
    /// The relay's own public key in hex.
    #[serde(rename = "self", skip_serializing_if = "Option::is_none")]
    pub self_key: Option<String>,
    /// Another way to reach the operator, a URI.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contact: Option<String>,
    /// The NIPs that are switched on, ascending.
    pub supported_nips: Vec<u16>,
    /// What it offers that no NIP describes, by name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub supported_extensions: Vec<String>,
    /// URL of the program's project.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub software: Option<String>,
    /// The program's version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// URL of the terms of service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub terms_of_service: Option<String>,
    /// The limits that are enforced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limitation: Option<Limitation>,
    /// Where to pay.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payments_url: Option<String>,
}

/// Limits that the relay puts on clients; what is `None` is not limited.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Limitation {
    /// Bytes of a message from `[` to `]`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_message_length: Option<u64>,
    /// Active subscriptions of a connection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_subscriptions: Option<u64>,
    /// A filter's `limit` is clamped to this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_limit: Option<u64>,
    /// The `limit` of a filter that has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_limit: Option<u64>,
    /// Characters of a subscription id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_subid_length: Option<u64>,
    /// Tags of an event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_event_tags: Option<u64>,
    /// Characters of an event's content.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_content_length: Option<u64>,
    /// Leading zero bits that new events need (NIP-13).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_pow_difficulty: Option<u64>,
    /// Whether nothing works before authentication.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth_required: Option<bool>,
    /// Whether nothing works before payment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payment_required: Option<bool>,
    /// Whether only some may write.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restricted_writes: Option<bool>,
    /// How many seconds before now `created_at` may be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_at_lower_limit: Option<u64>,
    /// How many seconds after now `created_at` may be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_at_upper_limit: Option<u64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r1_14_only_what_is_set_is_told() {
        let information = RelayInformation {
            self_key: Some("ab".into()),
            supported_nips: vec![1, 11],
            limitation: Some(Limitation {
                max_limit: Some(500),
                auth_required: Some(false),
                ..Limitation::default()
            }),
            ..RelayInformation::default()
        };
        let json = serde_json::to_string(&information).unwrap();
        assert_eq!(
            json,
            r#"{"self":"ab","supported_nips":[1,11],"limitation":{"max_limit":500,"auth_required":false}}"#
        );
    }
}
