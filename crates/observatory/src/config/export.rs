//! `[observatory.export]`: writing the archive out (O4.3).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use url::Url;

use super::{ConfigError, ranges};

/// Writing the archive out, to folders and to S3: `stentor observe export` says what and where to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Export {
    /// Megabytes of events after which another file is begun, before compression. A day and kind with less is one file.
    #[schemars(range(min = 1, max = 4096))]
    pub part_megabytes: u64,
    /// The server for places that begin with `s3://`: `https://…`.
    pub endpoint: Option<String>,
    /// Its region.
    pub region: String,
    /// Whether the bucket is a part of the path, and not of the host.
    pub path_style: bool,
    /// The file with the name of the key for it, relative to the data folder.
    pub access_key_file: Option<String>,
    /// The file with the secret of this key, likewise.
    pub secret_key_file: Option<String>,
}

impl Default for Export {
    fn default() -> Self {
        Self {
            part_megabytes: 256,
            endpoint: None,
            region: "us-east-1".to_owned(),
            path_style: true,
            access_key_file: None,
            secret_key_file: None,
        }
    }
}

impl Export {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        if let Some(endpoint) = &self.endpoint {
            let url = Url::parse(endpoint)
                .map_err(|error| ConfigError::new("export.endpoint", error.to_string()))?;
            if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
                let problem = "begins with neither https:// nor http://";
                return Err(ConfigError::new("export.endpoint", problem));
            }
        }
        let is_region = |c: char| c.is_ascii_alphanumeric() || c == '-';
        if self.region.is_empty() || !self.region.chars().all(is_region) {
            let problem = "is no region: letters, digits and hyphens";
            return Err(ConfigError::new("export.region", problem));
        }
        if self.access_key_file.is_some() != self.secret_key_file.is_some() {
            let problem = "access_key_file and secret_key_file go together";
            return Err(ConfigError::new("export.secret_key_file", problem));
        }
        ranges(
            "export",
            &[("part_megabytes", self.part_megabytes, 1..=4_096)],
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn o5_2_where_exports_go_is_checked() {
        let key = |json: &str| {
            let config: Export = serde_json::from_str(json).unwrap();
            config.check().map_err(|error| error.key)
        };
        let refused = |key: &str| Err(format!("export.{key}"));
        assert_eq!(key("{}"), Ok(()));
        assert_eq!(key(r#"{"endpoint":"https://s3.example"}"#), Ok(()));
        assert_eq!(
            key(r#"{"endpoint":"ftp://s3.example"}"#),
            refused("endpoint")
        );
        assert_eq!(key(r#"{"endpoint":"s3.example"}"#), refused("endpoint"));
        assert_eq!(key(r#"{"region":""}"#), refused("region"));
        assert_eq!(key(r#"{"part_megabytes":0}"#), refused("part_megabytes"));
        let half = key(r#"{"access_key_file":"a"}"#);
        assert_eq!(half, refused("secret_key_file"));
    }
}
