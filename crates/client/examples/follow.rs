//! Prints what happens in a node: `cargo run -p stentor-client --example follow -- https://relay.example.com stk_… [TYPE]…`

use stentor_client::{Dialer, DialerConfig, Feed, Options, Told};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let usage = "usage: follow URL KEY [TYPE]…";
    let (url, key) = (args.next().ok_or(usage)?, args.next().ok_or(usage)?);
    let dialer = Dialer::new(&DialerConfig::default())?;
    let options = Options::new(url).with_token(key).with_types(args);
    let mut feed = Feed::new(dialer, options)?;
    loop {
        match feed.next().await? {
            Told::Event(event) => println!("{} {}", event.envelope.kind, event.envelope.data),
            Told::Gap(gap) => eprintln!("{gap:?}"),
            Told::End(reason) => eprintln!("the node has ended the stream: {reason}"),
        }
    }
}
