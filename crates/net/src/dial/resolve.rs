//! Names to addresses: once for each connection, in limited time.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{
    ConnectionConfig, LookupIpStrategy, NameServerConfig, ResolverConfig, ResolverOpts,
};
use hickory_resolver::lookup::Lookup as Answer;
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};
use hickory_resolver::system_conf::read_system_conf;
use parking_lot::Mutex;

use super::error::Failure;
use super::facts::Lookup;
use super::target::Trust;

/// Answers that are remembered, each for as long as it allows and at most [`MAX_TTL`].
const CACHED_ANSWERS: u64 = 4_096;
const MAX_TTL: Duration = Duration::from_secs(300);
/// How often the system's configuration is read again: a machine may change its network.
const REREAD: Duration = Duration::from_secs(30);

/// Looks names up.
pub(super) struct Names {
    fixed: Vec<NameServerConfig>,
    limit: Duration,
    /// Whether answers are remembered.
    remembers: bool,
    current: Mutex<Option<Current>>,
}

/// A resolver and what it was made from.
struct Current {
    resolver: TokioResolver,
    made_from: String,
    read: Instant,
}

impl Names {
    /// With these name servers, or the system's when there are none; a look-up takes at most `limit`.
    pub(super) fn new(servers: &[SocketAddr], limit: Duration) -> Self {
        Self {
            fixed: servers.iter().map(|server| name_server(*server)).collect(),
            limit,
            remembers: true,
            current: Mutex::new(None),
        }
    }

    /// The same, but each look-up asks the name servers, and tells for how long they let it be remembered.
    pub(super) fn without_memory(self) -> Self {
        Self {
            remembers: false,
            ..self
        }
    }

    /// All addresses of a name, IPv6 first, and how it leads to them. For strangers the name is complete as it is; an operator's name may be completed by the
    /// search list of the system.
    ///
    /// # Errors
    /// [`Failure::Lookup`] and [`Failure::Timeout`].
    pub(super) async fn look_up(&self, name: &str, trust: Trust) -> Result<Lookup, Failure> {
        let start = Instant::now();
        let failed = |error: &dyn std::fmt::Display| Failure::Lookup(error.to_string());
        let mut name = Name::from_ascii(name).map_err(|error| failed(&error))?;
        name.set_fqdn(trust == Trust::Stranger);
        let resolver = self.resolver()?;
        let asked = async {
            match trust {
                Trust::Stranger => both_kinds(&resolver, name).await,
                Trust::Operator => one_name(&resolver, name).await,
            }
        };
        let found = tokio::time::timeout(self.limit, asked)
            .await
            .map_err(|_| Failure::Timeout)?
            .map_err(|error| failed(&error))?;
        let answers = found.answers.as_slice();
        let addresses: Vec<IpAddr> = addresses(answers).collect();
        if addresses.is_empty() {
            return Err(Failure::Lookup("the name has no address".to_owned()));
        }
        Ok(Lookup {
            addresses,
            knows_v4: found.knows_v4,
            knows_v6: found.knows_v6,
            aliases: aliases(answers),
            ttl: answers.iter().map(|record| record.ttl).min(),
            took: start.elapsed(),
        })
    }

    /// The resolver, made anew when the system's configuration has changed.
    fn resolver(&self) -> Result<TokioResolver, Failure> {
        let mut current = self.current.lock();
        if let Some(current) = &*current
            && (!self.fixed.is_empty() || current.read.elapsed() < REREAD)
        {
            return Ok(current.resolver.clone());
        }
        let (config, options) = self.configuration()?;
        let made_from = format!("{config:?}");
        let resolver = match current.take() {
            Some(same) if same.made_from == made_from => same.resolver,
            _ => build(config, options)?,
        };
        *current = Some(Current {
            resolver: resolver.clone(),
            made_from,
            read: Instant::now(),
        });
        Ok(resolver)
    }

    fn configuration(&self) -> Result<(ResolverConfig, ResolverOpts), Failure> {
        let (config, mut options) = if self.fixed.is_empty() {
            read_system_conf().map_err(|error| Failure::Lookup(error.to_string()))?
        } else {
            let config = ResolverConfig::from_parts(None, Vec::new(), self.fixed.clone());
            (config, ResolverOpts::default())
        };
        // Both kinds of address, always: one that is not looked up is one that is not checked.
        options.ip_strategy = LookupIpStrategy::Ipv6AndIpv4;
        options.preserve_intermediates = true;
        options.cache_size = if self.remembers { CACHED_ANSWERS } else { 0 };
        options.positive_max_ttl = Some(MAX_TTL).filter(|_| self.remembers);
        options.negative_max_ttl = Some(MAX_TTL);
        // One try and one more fit into the limit: a server that is silent about one kind of address does not hide the other.
        options.timeout = options.timeout.min(self.limit / 3);
        options.attempts = options.attempts.min(1);
        Ok((config, options))
    }
}

fn build(config: ResolverConfig, options: ResolverOpts) -> Result<TokioResolver, Failure> {
    let mut builder = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
    *builder.options_mut() = options;
    builder
        .build()
        .map_err(|error| Failure::Lookup(error.to_string()))
}

/// Answers for both kinds of address, those for IPv6 first, and which of the questions had one.
struct Found {
    answers: Vec<Record>,
    knows_v4: bool,
    knows_v6: bool,
}

/// Asks for each kind of address, so that no answer for one is told from the answer that there is none. At least one has an answer.
async fn both_kinds(resolver: &TokioResolver, name: Name) -> Result<Found, NetError> {
    let (six, four) = tokio::join!(
        resolver.lookup(name.clone(), RecordType::AAAA),
        resolver.lookup(name, RecordType::A),
    );
    let (six, four) = match (of_kind(six), of_kind(four)) {
        (Err(error), Err(_)) => return Err(error),
        (six, four) => (six.ok(), four.ok()),
    };
    let (knows_v6, knows_v4) = (six.is_some(), four.is_some());
    Ok(Found {
        answers: six.into_iter().chain(four).flatten().collect(),
        knows_v4,
        knows_v6,
    })
}

/// That there is no such record is an answer, too.
fn of_kind(found: Result<Answer, NetError>) -> Result<Vec<Record>, NetError> {
    match found {
        Ok(found) => Ok(found.answers().to_vec()),
        Err(error) if error.is_no_records_found() => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// Asks for both kinds of address of the first completion of a name that has any: two questions could find different ones. That there
/// is none of a kind is not known then.
async fn one_name(resolver: &TokioResolver, name: Name) -> Result<Found, NetError> {
    let found = resolver.lookup_ip(name).await?;
    let answers = found.as_lookup().answers();
    Ok(Found {
        knows_v4: addresses(answers).any(|address| address.is_ipv4()),
        knows_v6: addresses(answers).any(|address| address.is_ipv6()),
        answers: answers.to_vec(),
    })
}

fn addresses(answers: &[Record]) -> impl Iterator<Item = IpAddr> {
    let found = answers.iter().filter_map(|record| record.data.ip_addr());
    found.map(|address| address.to_canonical())
}

/// The names that lead to the addresses, once each: the answers for both kinds of address have them.
fn aliases(answers: &[Record]) -> Vec<String> {
    let mut aliases = Vec::new();
    for record in answers {
        if let RData::CNAME(name) = &record.data {
            let name = name.to_ascii().trim_end_matches('.').to_lowercase();
            if !aliases.contains(&name) {
                aliases.push(name);
            }
        }
    }
    aliases
}

fn name_server(address: SocketAddr) -> NameServerConfig {
    let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut connection| {
        connection.port = address.port();
        connection
    });
    NameServerConfig::new(address.ip(), true, connections.into())
}
