//! `stentor admin`.

use std::fmt::Write as _;

use clap::{Args, Subcommand};
use serde_json::Value;
use stentor_relay::management::methods;

use super::letting::{Keys, Tenants};
use crate::cli::Common;
use crate::control::Job;
use crate::layout::Layout;
use crate::{access, output, records};

/// Manages the relay: the methods of NIP-86 and some more, without a key, as who is on the machine may do everything.
/// Every call leaves a line in the audit log.
#[derive(Debug, Args)]
#[command(after_help = METHODS_HELP.as_str(), args_conflicts_with_subcommands = true)]
pub struct Admin {
    #[command(subcommand)]
    letting: Option<Letting>,
    /// What to do; see the list below
    #[arg(value_name = "METHOD", required = true, value_parser = clap::builder::PossibleValuesParser::new(methods()), hide_possible_values = true)]
    method: Option<String>,
    /// What the method takes, in order; an empty text stands for what is left out
    #[arg(value_name = "PARAM")]
    params: Vec<String>,
    /// Prints JSON
    #[arg(long)]
    json: bool,
}

/// Who is let in to the gateway.
#[derive(Debug, Subcommand)]
enum Letting {
    /// API keys of the gateway
    Keys {
        #[command(subcommand)]
        keys: Keys,
        /// Prints JSON
        #[arg(long, global = true)]
        json: bool,
    },
    /// Tenants of the gateway
    Tenants {
        #[command(subcommand)]
        tenants: Tenants,
        /// Prints JSON
        #[arg(long, global = true)]
        json: bool,
    },
}

impl Letting {
    /// The job, and whether JSON is printed.
    fn job(self) -> (Job, bool) {
        let (job, json) = match self {
            Self::Keys { keys, json } => (keys.job(), json),
            Self::Tenants { tenants, json } => (tenants.job(), json),
        };
        (Job::Letting(job), json)
    }
}

/// The methods with what they take.
static METHODS_HELP: std::sync::LazyLock<String> = std::sync::LazyLock::new(|| {
    let mut text = "Methods:\n".to_owned();
    for (usage, does) in USAGE {
        let _ = writeln!(text, "  {usage:<52} {does}");
    }
    text
});

/// Each method with its parameters, and what it does. Keys are 64 hex digits or npub1….
const USAGE: [(&str, &str); 35] = [
    (
        "banpubkey KEY [REASON]",
        "removes what a key has written and takes no more of it",
    ),
    ("unbanpubkey KEY [REASON]", "takes events of it again"),
    ("listbannedpubkeys", ""),
    (
        "allowpubkey KEY [REASON]",
        "only keys on this list, and members, may write",
    ),
    (
        "unallowpubkey KEY [REASON]",
        "takes it off the list; an empty list restricts nobody",
    ),
    ("listallowedpubkeys", ""),
    (
        "banevent ID [REASON]",
        "removes an event and does not take it again",
    ),
    (
        "allowevent ID [REASON]",
        "takes it again, and out of the moderation queue for good",
    ),
    ("listbannedevents", ""),
    (
        "listeventsneedingmoderation",
        "the moderation queue, oldest first",
    ),
    ("allowkind KIND", "only kinds on this list are taken"),
    ("disallowkind KIND", "this kind is not taken"),
    ("forgetkind KIND", "forgets both about it"),
    ("listallowedkinds", ""),
    ("listkinds", "allowed and disallowed kinds"),
    (
        "blockip ADDRESS [REASON]",
        "an address or a network (CIDR) may not connect",
    ),
    ("unblockip ADDRESS", "it may again"),
    ("listblockedips", ""),
    (
        "createinvite [HOURS] [USES] [ROLE]",
        "prints the claim with which people join (NIP-43)",
    ),
    ("listinvites", ""),
    ("revokeinvite CLAIM", ""),
    ("addmember KEY", "makes a key a member"),
    ("removemember KEY", "it is a member no more"),
    ("listmembers", ""),
    (
        "createrole ID [LABEL] [DESCRIPTION] [COLOR] [ORDER]",
        "a role that members can have",
    ),
    ("editrole ID [LABEL] [DESCRIPTION] [COLOR] [ORDER]", ""),
    ("deleterole ID", ""),
    ("listroles", ""),
    (
        "assignrole KEY ID",
        "gives a key a role, and makes it a member",
    ),
    ("unassignrole KEY ID", ""),
    (
        "changerelayname NAME",
        "what NIP-11 says, in place of the configuration",
    ),
    ("changerelaydescription TEXT", "likewise"),
    ("changerelayicon URL", "likewise"),
    (
        "readaudit [BEFORE]",
        "the newest 1,000 lines of the audit log, before a line's id",
    ),
    ("supportedmethods", "the methods of NIP-86"),
];

impl Admin {
    pub async fn run(self, common: &Common) -> anyhow::Result<()> {
        let loaded = common.load()?;
        let layout = Layout::new(&common.data);
        // In a folder that was mistyped, the first ban would make a relay of its own.
        let make = records::file(&layout, &loaded.config).exists();
        let access = access::open(&layout, &loaded.config, make).await?;
        let param = |text: String| match text.as_str() {
            "" => Value::Null,
            _ => Value::String(text),
        };
        let (job, json) = match (self.letting, self.method) {
            (Some(letting), _) => letting.job(),
            (None, method) => {
                let method = method.unwrap_or_default();
                let params = self.params.into_iter().map(param).collect();
                (Job::Admin { method, params }, self.json)
            }
        };
        let result = access.begin(job, None).finish(|_| {}).await?;
        if json {
            return Ok(output::json(&result)?);
        }
        Ok(output::print(&shown(&result))?)
    }
}

/// A result for people: a list has one entry a line.
fn shown(result: &Value) -> String {
    match result {
        Value::Array(entries) => entries.iter().map(|entry| line(entry) + "\n").collect(),
        Value::Bool(true) => "done\n".to_owned(),
        other => line(other) + "\n",
    }
}

/// An entry: the values of its fields, the first bare, the others with their names.
fn line(entry: &Value) -> String {
    match entry {
        Value::Object(fields) => {
            let mut text = String::new();
            for (index, (name, value)) in fields.iter().enumerate() {
                if value.is_null() {
                    continue;
                }
                match index {
                    0 => text.push_str(&plain(value)),
                    _ => {
                        let _ = write!(text, "  {name}={}", plain(value));
                    }
                }
            }
            text
        }
        other => plain(other),
    }
}

/// A text without quotes, anything else as JSON.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r3_2_every_method_is_explained_and_none_is_made_up() {
        let mut explained: Vec<&str> = USAGE
            .iter()
            .filter_map(|(usage, _)| usage.split(' ').next())
            .collect();
        let mut known = methods();
        explained.sort_unstable();
        known.sort_unstable();
        assert_eq!(explained, known);
    }
}
