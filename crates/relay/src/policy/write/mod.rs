//! The third stage: is this event taken? What depends on other events of its author is decided by the store.

mod bursts;
mod keys;
mod kinds;
mod marmot;
mod newcomers;
mod nip05;
mod plugins;
pub(super) mod protocol;
mod recipients;
mod sizes;
mod source;
#[cfg(test)]
mod tests;
mod time;
mod trust;
mod words;
mod work;

use std::borrow::Cow;
use std::sync::Arc;

use futures_util::future::join_all;
use stentor_auth::{Keys, Place};
use stentor_event::{Event, PublicKey, Timestamp};
use stentor_store::BoxFuture;

use super::{Policy, Rejection, Standing, Tally, Verdict};
use crate::config::{self, Config, ConfigError, Entrance, WriteRule as Name};
use crate::state::Surroundings;

pub use source::Source;

/// A rule about events.
pub(crate) trait WriteRule: Send + Sync {
    /// What it says of an event whose id is right. Must not wait.
    fn judge(&self, writing: &Writing<'_>) -> Verdict;

    /// Asked after [`Verdict::Ask`], when the signature has been verified and the event is known to be new. May take
    /// its time, within limits of its own.
    fn ask(&self, asked: &Asked) -> BoxFuture<'static, Verdict> {
        let _ = asked;
        Box::pin(std::future::ready(Verdict::Pass))
    }

    /// Ends what it has running beside the relay, in order, before the relay ends.
    fn end(&self) -> BoxFuture<'static, ()> {
        Box::pin(std::future::ready(()))
    }
}

/// An event with what is known when it is judged.
#[derive(Clone, Copy)]
pub(crate) struct Writing<'a> {
    pub(crate) event: &'a Event,
    /// The keys of the connection.
    pub(crate) keys: &'a Keys,
    /// Where the connection has arrived.
    pub(crate) place: Place<'a>,
    pub(crate) standing: Standing<'a>,
    pub(crate) entrance: Entrance,
    pub(crate) now: Timestamp,
}

/// An event about which somebody is asked.
#[derive(Clone)]
pub(crate) struct Asked {
    pub(crate) event: Event,
    pub(crate) source: Source,
    /// The first key that the connection has proven.
    pub(crate) authed: Option<PublicKey>,
    pub(crate) now: Timestamp,
}

/// What the stage says of an event.
pub(crate) enum Judgement {
    /// It goes on to the store; the reasons are those for looking at it.
    Taken(Vec<Cow<'static, str>>),
    /// It is not taken.
    Refused(Rejection),
    /// It is answered as if it had been taken, and thrown away.
    Shadowed,
    /// The rule at this place has to be asked; what has been found for review so far goes along.
    Waits(usize, Vec<Cow<'static, str>>),
}

/// The rules of the stage, in order.
pub(crate) struct Stage {
    rules: Vec<Placed>,
}

#[derive(Clone)]
struct Placed {
    name: Name,
    rule: Arc<dyn WriteRule>,
    tally: Tally,
}

impl Stage {
    pub(super) fn new(
        config: &Config,
        surroundings: &Surroundings,
        before: Option<(&Config, &Policy)>,
    ) -> Result<Self, ConfigError> {
        let mut rules = Vec::new();
        for name in &config.policy.write {
            let old = before.and_then(|(old, policy)| {
                (!changed(*name, old, config)).then(|| policy.write.named(*name).cloned())
            });
            match old {
                Some(old) => rules.extend(old),
                None if *name == Name::Plugins => rules.extend(with_plugins(config, before)),
                None => rules.extend(make(*name, config, surroundings)?),
            }
        }
        Ok(Self { rules })
    }

    /// Whether there is a rule of this name that has something to refuse.
    pub(crate) fn has(&self, name: Name) -> bool {
        self.named(name).next().is_some()
    }

    /// The rules of this name.
    fn named(&self, name: Name) -> impl Iterator<Item = &Placed> {
        self.rules.iter().filter(move |placed| placed.name == name)
    }

    /// Asks the rules from this place on.
    pub(crate) fn go_on(
        &self,
        writing: &Writing<'_>,
        from: usize,
        mut reviews: Vec<Cow<'static, str>>,
    ) -> Judgement {
        for (place, placed) in self.rules.iter().enumerate().skip(from) {
            let verdict = placed.rule.judge(writing);
            placed.tally.count(&verdict);
            match verdict {
                Verdict::Pass => {}
                Verdict::Review(reason) => reviews.push(reason),
                Verdict::Refuse(rejection) => return Judgement::Refused(rejection),
                Verdict::Shadow => return Judgement::Shadowed,
                Verdict::Ask => return Judgement::Waits(place, reviews),
            }
        }
        Judgement::Taken(reviews)
    }

    /// Asks the plugins about an event that no client has sent, up to the first that has something against it.
    pub(crate) async fn ask_plugins(&self, asked: &Asked) -> Verdict {
        for placed in self.named(Name::Plugins) {
            let verdict = placed.rule.ask(asked).await;
            placed.tally.count(&verdict);
            if verdict != Verdict::Pass {
                return verdict;
            }
        }
        Verdict::Pass
    }

    /// Ends what the rules have running.
    pub(crate) async fn end(&self) {
        join_all(self.rules.iter().map(|placed| placed.rule.end())).await;
    }

    /// Asks the rule at this place.
    pub(crate) fn ask(&self, place: usize, asked: &Asked) -> BoxFuture<'static, Verdict> {
        match self.rules.get(place) {
            Some(placed) => {
                let (answer, tally) = (placed.rule.ask(asked), placed.tally.clone());
                Box::pin(async move {
                    let verdict = answer.await;
                    tally.count(&verdict);
                    verdict
                })
            }
            None => Box::pin(std::future::ready(Verdict::Pass)),
        }
    }
}

/// Whether a rule has to be made anew. Files with words may have changed in any case.
fn changed(name: Name, old: &Config, new: &Config) -> bool {
    let (old, new, old_config, new_config) = (&old.policy, &new.policy, old, new);
    match name {
        Name::Bursts => old.bursts != new.bursts,
        Name::Newcomers => old.newcomers != new.newcomers,
        Name::Trust => old.trust != new.trust,
        Name::Nip05 => old.nip05 != new.nip05,
        Name::Plugins => old.plugins != new.plugins,
        Name::Recipients => old.recipients != new.recipients || old_config.urls != new_config.urls,
        Name::Time
        | Name::Keys
        | Name::Kinds
        | Name::Sizes
        | Name::Work
        | Name::Marmot
        | Name::Words => true,
    }
}

/// Makes the rules of a name; none where it has nothing to refuse.
fn make(
    name: Name,
    config: &Config,
    surroundings: &Surroundings,
) -> Result<Vec<Placed>, ConfigError> {
    let policy = &config.policy;
    let placed = |label: &str, rule: Arc<dyn WriteRule>| Placed {
        name,
        rule,
        tally: Tally::new("write", label),
    };
    let one = |rule: Option<Arc<dyn WriteRule>>| -> Vec<Placed> {
        rule.map(|rule| placed(name.label(), rule))
            .into_iter()
            .collect()
    };
    Ok(match name {
        Name::Time => one(time::rule(&policy.time)),
        Name::Keys => one(keys::rule(policy)?),
        Name::Kinds => one(kinds::rule(&policy.kinds)),
        Name::Sizes => one(sizes::rule(&policy.sizes)),
        Name::Work => one(work::rule(&policy.work)),
        Name::Marmot => one(marmot::rule(&config.marmot)),
        Name::Words => one(words::rule(&policy.words)?),
        Name::Bursts => one(bursts::rule(&policy.bursts)),
        Name::Trust => one(trust::rule(&policy.trust, surroundings)),
        Name::Recipients => one(recipients::rule(config, surroundings)?),
        Name::Newcomers => one(newcomers::rule(&policy.newcomers, surroundings)),
        Name::Nip05 => one(nip05::rule(&policy.nip05, surroundings)),
        Name::Plugins => with_plugins(config, None),
    })
}

/// The rules for the plugins. One whose own section is as it was `before` stays what it was, and its processes run on.
fn with_plugins(config: &Config, before: Option<(&Config, &Policy)>) -> Vec<Placed> {
    let old: Vec<(&config::Plugin, &Placed)> = before
        .into_iter()
        .flat_map(|(old, policy)| {
            let rules = policy.write.named(Name::Plugins);
            old.policy.plugins.iter().zip(rules)
        })
        .collect();
    let rule = |plugin: &config::Plugin| match old.iter().find(|(old, _)| *old == plugin) {
        Some((_, placed)) => (*placed).clone(),
        None => Placed {
            name: Name::Plugins,
            rule: plugins::rule(plugin),
            tally: Tally::new("write", &plugin.name),
        },
    };
    config.policy.plugins.iter().map(rule).collect()
}

impl config::WriteRule {
    /// Its name in metrics.
    const fn label(self) -> &'static str {
        match self {
            Self::Time => "time",
            Self::Keys => "keys",
            Self::Kinds => "kinds",
            Self::Sizes => "sizes",
            Self::Work => "work",
            Self::Marmot => "marmot",
            Self::Words => "words",
            Self::Bursts => "bursts",
            Self::Trust => "trust",
            Self::Recipients => "recipients",
            Self::Newcomers => "newcomers",
            Self::Nip05 => "nip05",
            Self::Plugins => "plugins",
        }
    }
}
