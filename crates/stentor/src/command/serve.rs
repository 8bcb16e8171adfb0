//! `stentor serve`.

use clap::Args;

use crate::cli::Common;
use crate::config::load;
use crate::layout::Layout;
use crate::service;

/// Starts the node. It prints one line with its addresses once it serves, logs to standard error, reads its configuration
/// again on SIGHUP, and stops in order on SIGTERM or SIGINT.
#[derive(Debug, Args)]
pub struct Serve {
    /// Address and port for everybody; port 0 lets the system choose
    #[arg(long, value_name = "ADDR:PORT")]
    listen: Option<String>,
    /// Address and port for health and metrics; an empty text switches them off
    #[arg(long, value_name = "ADDR:PORT")]
    ops_listen: Option<String>,
    /// Takes the place of the node that runs on the data folder: its listening sockets pass over, no connection is refused
    #[arg(long)]
    take_over: bool,
}

impl Serve {
    pub fn run(self, common: &Common) -> anyhow::Result<()> {
        let flags = [
            ("--listen", "server.listen", self.listen),
            ("--ops-listen", "server.ops_listen", self.ops_listen),
        ];
        let given = flags
            .into_iter()
            .filter_map(|(flag, key, value)| Some((flag.to_owned(), key.to_owned(), value?)));
        let sources = common.sources(given.collect());
        let layout = Layout::new(&common.data);
        service::run(load(&sources)?, sources, layout, self.take_over)
    }
}
