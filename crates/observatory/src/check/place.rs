//! Where an address is, by the operator's files (O2.1): databases in MaxMind's format, read once at the start.
//!
//! A file that cannot be read, or is of another kind, is an error at the start (O5.2). Nobody is asked over the network.

use std::net::IpAddr;
use std::path::Path;

use maxminddb::{Reader, geoip2};

use super::certificate::clipped;
use super::geohash::geohash;
use crate::config::Check;
use crate::error::Error;

/// Bytes that a file may have: twice the largest that is sold.
const MOST_BYTES: u64 = 1 << 30;
/// Characters of a network's name.
const MOST_NAME: usize = 100;

/// The files, in memory.
#[derive(Default)]
pub(crate) struct Places {
    cities: Option<Reader<Vec<u8>>>,
    networks: Option<Reader<Vec<u8>>>,
    characters: usize,
}

/// Where an address is; what the files do not say is `None`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Place {
    /// The number of its network (autonomous system).
    pub asn: Option<u32>,
    /// The name of whose network it is.
    pub network: Option<String>,
    /// The country, ISO 3166-1 alpha-2.
    pub country: Option<String>,
    /// The geohash, with as many characters as configured.
    pub geohash: Option<String>,
}

impl Places {
    /// Reads the files that are configured; their paths are relative to the data folder.
    ///
    /// # Errors
    /// [`Error::File`].
    pub async fn read(config: &Check, folder: &Path) -> Result<Self, Error> {
        let file = async |name: &Option<String>, kinds: &[&str]| match name {
            Some(name) => open(&folder.join(name), kinds).await.map(Some),
            None => Ok(None),
        };
        Ok(Self {
            cities: file(&config.city_file, &["City", "Country", "Enterprise"]).await?,
            networks: file(&config.asn_file, &["ASN", "ISP"]).await?,
            characters: config.geohash_length,
        })
    }

    /// Of what kind the file with places is, and when it was made, in Unix seconds; `None` where none is configured.
    pub fn source(&self) -> Option<(&str, u64)> {
        let metadata = self.cities.as_ref()?.metadata();
        Some((&metadata.database_type, metadata.build_epoch))
    }

    /// Where an address is.
    pub fn of(&self, address: IpAddr) -> Place {
        let mut place = Place::default();
        if let Some(found) = self
            .networks
            .as_ref()
            .and_then(|file| network(file, address))
        {
            (place.asn, place.network) = found;
        }
        if let Some(city) = self.cities.as_ref().and_then(|file| city(file, address)) {
            let location = (city.location.latitude, city.location.longitude);
            if let (Some(latitude), Some(longitude)) = location {
                place.geohash = geohash(latitude, longitude, self.characters);
            }
            let country = city.country.iso_code;
            place.country = country.map(|code| clipped(code, 2));
        }
        place
    }
}

type Network = (Option<u32>, Option<String>);

/// A record that cannot be read is as none.
fn network(file: &Reader<Vec<u8>>, address: IpAddr) -> Option<Network> {
    let found: geoip2::Asn<'_> = file.lookup(address).ok()?.decode().ok()??;
    let name = found.autonomous_system_organization;
    Some((
        found.autonomous_system_number,
        name.map(|name| clipped(name, MOST_NAME)),
    ))
}

fn city(file: &Reader<Vec<u8>>, address: IpAddr) -> Option<geoip2::City<'_>> {
    file.lookup(address).ok()?.decode().ok()?
}

/// Reads a file of one of these kinds.
async fn open(path: &Path, kinds: &[&str]) -> Result<Reader<Vec<u8>>, Error> {
    let failed = |problem: String| Error::File {
        path: path.to_owned(),
        problem,
    };
    let length = tokio::fs::metadata(path)
        .await
        .map_err(|error| failed(error.to_string()))?
        .len();
    if length > MOST_BYTES {
        return Err(failed("larger than 1 GiB".to_owned()));
    }
    let bytes = tokio::fs::read(path)
        .await
        .map_err(|error| failed(error.to_string()))?;
    let reader = Reader::from_source(bytes).map_err(|error| failed(error.to_string()))?;
    let kind = &reader.metadata().database_type;
    if !kinds.iter().any(|word| kind.contains(word)) {
        let wanted = kinds.join(", ");
        let kind = clipped(kind, MOST_NAME);
        return Err(failed(format!(
            "a database of {kind}, not of one of {wanted}"
        )));
    }
    Ok(reader)
}

#[cfg(test)]
mod tests;
