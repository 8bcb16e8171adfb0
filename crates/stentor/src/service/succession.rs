//! Taking the place of the node that runs on the data folder.

use std::time::{Duration, Instant};

use anyhow::bail;
use tracing::info;

use super::sockets::Sockets;
use crate::config::ServerConfig;
use crate::control::{self, Named, Succession};
use crate::heir::Claim;
use crate::layout::Layout;

/// How long another who is about to take the store is waited for.
const PATIENCE: Duration = Duration::from_secs(15);
const PAUSE: Duration = Duration::from_millis(50);

/// The node that runs on the data folder and is to be taken over from.
pub struct Predecessor {
    node: Succession,
    /// Keeps the store for this process while neither has it.
    claim: Claim,
}

impl Predecessor {
    /// Its sockets, which are given once.
    pub fn sockets(&mut self) -> Vec<Named> {
        std::mem::take(&mut self.node.sockets)
    }
}

/// The node that runs on the data folder, if there is one that is to be taken over from, with its sockets.
///
/// # Errors
/// When it does not pass them, or another is its successor.
pub async fn predecessor(layout: &Layout, take_over: bool) -> anyhow::Result<Option<Predecessor>> {
    if !take_over {
        return Ok(None);
    }
    let begun = Instant::now();
    let claim = loop {
        match Claim::alone(layout)? {
            Some(claim) => break claim,
            None if begun.elapsed() < PATIENCE => tokio::time::sleep(PAUSE).await,
            None => bail!("another node or command is about to take the store"),
        }
    };
    match control::connect(&layout.control_socket()).await? {
        Some(client) => {
            let node = client.take_over().await?;
            Ok(Some(Predecessor { node, claim }))
        }
        None => {
            info!("no node runs here: starting as the first");
            Ok(None)
        }
    }
}

/// What a successor has, once its predecessor ends.
pub struct Handover {
    /// Held until the store is: nobody else gets it.
    _claim: Claim,
    /// How much longer the store may have to be waited for.
    pub ending: Duration,
}

/// Has the predecessor end. From here on there is no way back: whatever else can fail is to be done before.
///
/// # Errors
/// When it does not end.
pub async fn begin(
    predecessor: Predecessor,
    sockets: &mut Sockets,
    config: &ServerConfig,
) -> anyhow::Result<Handover> {
    let Predecessor { node, claim } = predecessor;
    let (files, ending) = (node.files.clone(), node.ending);
    node.begin(&sockets.names()).await?;
    sockets.adopt(&files, config);
    Ok(Handover {
        _claim: claim,
        ending,
    })
}
