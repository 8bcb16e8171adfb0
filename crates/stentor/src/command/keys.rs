//! `stentor keys`.

use clap::Subcommand;
use nostr::nips::nip19::ToBech32;
use serde_json::json;
use stentor_event::hexadecimal;

use crate::{output, secrets};

/// Makes keys.
#[derive(Debug, Subcommand)]
pub enum Keys {
    /// Makes a key pair and prints it; nothing is kept
    Generate {
        /// Prints one JSON object
        #[arg(long)]
        json: bool,
    },
}

impl Keys {
    pub fn run(self) -> anyhow::Result<()> {
        let Self::Generate { json } = self;
        let key = secrets::generate()?;
        let secret = hexadecimal::encode(&key.to_bytes());
        let public = key.public_key().to_string();
        let nsec = nostr::SecretKey::from_slice(&key.to_bytes())?.to_bech32()?;
        let npub = nostr::PublicKey::from_slice(key.public_key().as_bytes())?.to_bech32()?;
        if json {
            let pair =
                json!({ "secret_key": secret, "public_key": public, "nsec": nsec, "npub": npub });
            return Ok(output::json(&pair)?);
        }
        Ok(output::print(&format!(
            "public key  {public}\n            {npub}\nsecret key  {secret}\n            {nsec}\n"
        ))?)
    }
}
