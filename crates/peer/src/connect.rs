//! From a URL to an open WebSocket.

use std::time::Duration;

use futures_util::TryFutureExt;
use stentor_net::dial::{Dialer, Family, Stream, Target, Trust};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::http::header::USER_AGENT;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{self, Error as WsError};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use crate::config::Config;
use crate::error::PeerError;

/// An open WebSocket.
pub(crate) type Socket = WebSocketStream<Stream>;

const OWN_NAME: &str = concat!("stentor/", env!("CARGO_PKG_VERSION"));
/// What is read from the socket at once.
const READ_BUFFER: usize = 32 * 1024;

/// Judges, dials and shakes hands.
pub(crate) async fn connect(
    dialer: &Dialer,
    url: &str,
    trust: Trust,
    config: &Config,
) -> Result<(Socket, Target), PeerError> {
    let target = dialer.admit(url, Family::Relay, trust)?;
    let stream = dialer.dial(&target).await?;
    let socket = shake_hands(stream, &target, config).await?;
    Ok((socket, target))
}

/// Shakes hands on a connection that was dialed.
pub(crate) async fn shake_hands(
    stream: Stream,
    target: &Target,
    config: &Config,
) -> Result<Socket, PeerError> {
    let request = request(target).map_err(|error| PeerError::Handshake(error.to_string()))?;
    let handshake = client_async_with_config(request, stream, Some(limits(config)))
        .map_ok(|(socket, _)| socket)
        .map_err(refused);
    let limit = Duration::from_secs(config.handshake_seconds);
    tokio::time::timeout(limit, handshake)
        .await
        .unwrap_or(Err(PeerError::Timeout))
}

fn request(target: &Target) -> Result<tungstenite::handshake::client::Request, WsError> {
    let mut request = target.url().into_client_request()?;
    let headers = request.headers_mut();
    headers.insert(USER_AGENT, HeaderValue::from_static(OWN_NAME));
    Ok(request)
}

fn limits(config: &Config) -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .max_message_size(Some(config.message_bytes))
        .max_frame_size(Some(config.message_bytes))
}

/// The status instead of the whole answer.
fn refused(error: WsError) -> PeerError {
    match error {
        WsError::Http(response) => PeerError::Status(response.status().as_u16()),
        other => PeerError::Handshake(other.to_string()),
    }
}
