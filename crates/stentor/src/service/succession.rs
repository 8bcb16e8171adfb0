//! Taking the place of the node that runs on the data folder.

use std::time::Duration;

use tracing::info;

use super::sockets::Sockets;
use crate::control::{self, Succession};
use crate::layout::Layout;

/// The node that runs on the data folder and is to be taken over from, with its sockets.
///
/// # Errors
/// When it does not pass them.
pub async fn predecessor(layout: &Layout, take_over: bool) -> anyhow::Result<Option<Succession>> {
    if !take_over {
        return Ok(None);
    }
    match control::connect(&layout.control_socket()).await? {
        Some(client) => client.take_over().await.map(Some),
        None => {
            info!("no node runs here: starting as the first");
            Ok(None)
        }
    }
}

/// Has the predecessor, if there is one, end. From here on there is no way back. Gives how much longer its store may have to be
/// waited for.
///
/// # Errors
/// When it does not end.
pub async fn begin(
    predecessor: Option<Succession>,
    sockets: &mut Sockets,
) -> anyhow::Result<Duration> {
    let Some(predecessor) = predecessor else {
        return Ok(Duration::ZERO);
    };
    let (files, ending) = (predecessor.files.clone(), predecessor.ending);
    predecessor.begin(&sockets.names()).await?;
    sockets.adopt(&files);
    Ok(ending)
}
