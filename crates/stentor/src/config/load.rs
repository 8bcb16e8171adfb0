//! Puts the configuration together: defaults, file, environment, flags, the later over the earlier.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use figment::Figment;
use figment::error::Kind;
use figment::providers::Serialized;

use super::fault::{Fault, Faults, Origin};
use super::source::Values;
use super::{Config, check, schema, source};

/// Where to look.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// The configuration file; must be there.
    pub file: Option<PathBuf>,
    /// Without `file`: the one that is taken when it is there.
    pub default_file: Option<PathBuf>,
    /// `(flag, dotted key, value)`, in the order of the command line.
    pub settings: Vec<(String, String, String)>,
}

impl Sources {
    /// The configuration file that is used, if any.
    pub fn file(&self) -> Option<&Path> {
        let default = self.default_file.as_deref().filter(|path| path.exists());
        self.file.as_deref().or(default)
    }
}

/// A configuration that has passed every check.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The values.
    pub config: Config,
    /// Where each key that is not at its default came from.
    pub origins: BTreeMap<String, Origin>,
}

/// Loads the configuration, with the variables of this process.
///
/// # Errors
/// Every fault found, in the order of the sources.
pub fn load(sources: &Sources) -> Result<Loaded, Faults> {
    // A variable that is not Unicode cannot be one of ours.
    let variables = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    load_with(sources, variables)
}

/// Loads the configuration with these variables.
///
/// # Errors
/// As [`load`].
pub fn load_with(
    sources: &Sources,
    variables: impl Iterator<Item = (String, String)>,
) -> Result<Loaded, Faults> {
    let sections = schema::sections();
    let mut faults = Vec::new();
    let mut origins = BTreeMap::new();
    let mut figment = Figment::from(Serialized::defaults(Config::default()));
    let file = sources.file();
    let settings = sources
        .settings
        .iter()
        .map(|(flag, key, value)| (flag.as_str(), key.as_str(), value.as_str()));
    let read = [
        Ok(file
            .map(source::file)
            .map_or_else(Values::default, |(values, mut found)| {
                faults.append(&mut found);
                values
            })),
        source::environment(&sections, variables),
        source::flags(&sections, settings),
    ];
    for values in read {
        match values {
            Ok(values) => {
                let found = check::check(&sections, &values.tree);
                faults.extend(
                    found
                        .into_iter()
                        .map(|(key, message)| located(&values.origins, key, message)),
                );
                figment = figment.merge(Serialized::defaults(values.tree));
                // A list replaces the one of an earlier source as a whole.
                origins.retain(|earlier: &String, _| {
                    let list = earlier.split('[').next().unwrap_or_default();
                    list.len() == earlier.len() || !values.origins.contains_key(list)
                });
                origins.extend(values.origins);
            }
            Err(fault) => faults.push(fault),
        }
    }
    if !faults.is_empty() {
        return Err(Faults(faults));
    }
    extract(&figment, origins)
}

fn extract(figment: &Figment, origins: BTreeMap<String, Origin>) -> Result<Loaded, Faults> {
    let config: Config = figment
        .extract()
        .map_err(|error| Faults(explain(&error, &origins)))?;
    let faults: Vec<Fault> = config
        .check()
        .into_iter()
        .map(|(key, message)| located(&origins, key, message))
        .collect();
    if faults.is_empty() {
        Ok(Loaded { config, origins })
    } else {
        Err(Faults(faults))
    }
}

fn explain(error: &figment::Error, origins: &BTreeMap<String, Origin>) -> Vec<Fault> {
    let describe = |error: figment::Error| {
        let message = match &error.kind {
            // These would repeat the value, which may be a secret.
            Kind::InvalidType(_, expected) | Kind::InvalidValue(_, expected) => {
                format!("must be {expected}")
            }
            other => other.to_string(),
        };
        located(origins, error.path.join("."), message)
    };
    error.clone().into_iter().map(describe).collect()
}

/// A fault at the key, or at the nearest list or table above it, whose origin is known.
pub(super) fn located(origins: &BTreeMap<String, Origin>, key: String, message: String) -> Fault {
    let mut at = key.as_str();
    let origin = loop {
        if let Some(origin) = origins.get(at) {
            break Some(origin.clone());
        }
        // An entry of a list whose own place is not known is where the list is.
        match at.rfind(['.', '[']).and_then(|end| at.get(..end)) {
            Some(above) => at = above,
            None => break None,
        }
    };
    Fault {
        origin,
        key,
        message,
    }
}
