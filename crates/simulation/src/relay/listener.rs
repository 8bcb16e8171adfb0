//! The port of a relay: open, closed, cut and restored.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use super::connection;
use super::shared::Shared;
use crate::manners::{Door, Pause, Reads};
use crate::wire::{Profile, Response, information, read_head, switch};

/// Connections that wait to be accepted.
const BACKLOG: u32 = 1_024;
/// The pause after an error of accepting, such as no free file descriptors.
const AFTER_ERROR: Duration = Duration::from_millis(20);
/// What is sent where a TLS handshake belongs.
const GARBAGE: [u8; 64] = [0x5a; 64];

/// A port that is taken and not listened at: connections are refused.
pub(crate) fn reserve(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    // A port whose last listener has just gone can be taken again.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

/// Holds the port for as long as the relay lives: listens while it is to be online.
pub(super) async fn run(shared: Arc<Shared>, mut reserved: TcpSocket) {
    let mut offline = shared.offline.subscribe();
    loop {
        if shared.manners().door == Door::Closed {
            return std::future::pending().await;
        }
        if offline.wait_for(|offline| !*offline).await.is_err() {
            return;
        }
        match reserved.listen(BACKLOG) {
            Ok(listener) => accept(&shared, listener).await,
            Err(_) => tokio::time::sleep(AFTER_ERROR).await,
        }
        reserved = again(shared.birth.address).await;
    }
}

/// Takes the port back at once, so that nobody else gets it while the relay is offline; where somebody was faster, waits for them.
async fn again(address: SocketAddr) -> TcpSocket {
    loop {
        match reserve(address) {
            Ok(socket) => return socket,
            Err(_) => tokio::time::sleep(AFTER_ERROR).await,
        }
    }
}

/// Accepts connections until the relay is to be offline.
async fn accept(shared: &Arc<Shared>, listener: TcpListener) {
    shared.set_listening(true);
    loop {
        let accepted = tokio::select! {
            biased;
            _ = shared.cut() => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => {
                let number = shared.log.connected();
                let shared = shared.clone();
                tokio::spawn(async move {
                    tokio::select! {
                        _ = shared.cut() => {}
                        _ = serve(&shared, stream, number) => {}
                    }
                });
            }
            Err(_) => tokio::time::sleep(AFTER_ERROR).await,
        }
    }
    drop(listener);
    shared.set_listening(false);
}

/// One connection, from its first byte on.
async fn serve(shared: &Arc<Shared>, mut stream: TcpStream, number: u64) -> io::Result<()> {
    // What is small is to arrive at once; a socket that cannot do so works all the same.
    let _ = stream.set_nodelay(true);
    match shared.manners().door {
        Door::Silent => std::future::pending().await,
        Door::Garbage => {
            if stream.read(&mut [0; 1_024]).await? == 0 {
                return Ok(());
            }
            stream.write_all(&GARBAGE).await?;
            linger(&mut stream).await
        }
        Door::Relay | Door::Http(_) | Door::Closed => match &shared.birth.acceptor {
            Some(acceptor) => http(shared, acceptor.accept(stream).await?, number).await,
            None => http(shared, stream, number).await,
        },
    }
}

/// Reads until the client goes.
async fn linger(stream: &mut TcpStream) -> io::Result<()> {
    tokio::io::copy(stream, &mut tokio::io::sink()).await?;
    Ok(())
}

async fn http<S>(shared: &Arc<Shared>, mut stream: S, number: u64) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let Some(head) = read_head(&mut stream).await else {
        return Ok(());
    };
    if let Door::Http(status) = shared.manners().door {
        let page = format!("<!doctype html><title>{status}</title><h1>Not a relay</h1>\n");
        return Response::new(status, "text/html", page)
            .write(&mut stream)
            .await;
    }
    if let Some(key) = head.websocket_key() {
        if shared.manners().pause == Pause::BeforeOpen {
            tokio::time::sleep(shared.birth.pause).await;
        }
        switch(&mut stream, key).await?;
        return connection::run(shared.clone(), stream, head.rest, number).await;
    }
    respond(shared, head.wants_information(), number)
        .write(&mut stream)
        .await
}

fn respond(shared: &Shared, wants_information: bool, number: u64) -> Response {
    // A mute relay is mute in every respect but the handshake.
    if !wants_information || shared.manners().reads == Reads::Mute {
        return Response::new(404, "text/plain", "a relay: use a Nostr client\n");
    }
    shared.log.ask(number, super::Asked::Information);
    information(&Profile {
        character: shared.birth.character,
        manners: shared.manners(),
        elsewhere: &shared.birth.elsewhere,
        mentions: &shared.birth.mentions,
    })
}
