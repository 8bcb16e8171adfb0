//! Shows every component with made-up data, on a port that the system chooses:
//! `cargo run -p stentor-console --example gallery`.
//!
//! The address is the first line on standard output. The figures change every other second, which the pages follow; with
//! `--still` they change by `POST /tick` only, for tests.

mod data;
mod pages;
mod relays;
mod server;

use std::io::Write;

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::io::Result<()> {
    let still = std::env::args().any(|argument| argument == "--still");
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "http://{}/", listener.local_addr()?)?;
    drop(out);
    axum::serve(listener, server::router(still)).await
}
