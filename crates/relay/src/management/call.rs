//! What each method does.

use std::sync::Arc;

use serde_json::{Value, json};
use stentor_event::{EventId, Filter, Timestamp};
use stentor_store::{EventStore, StoreError};

use super::params::Params;
use super::{METHODS, SHELL_METHODS};
use crate::access::{Access, AccessError, Actor, Change, NewInvite, to_the_end};
use crate::holdings::newest;
use crate::moderation::queue::{self, Waiting};
use crate::moderation::{remove_authors, remove_events, stays};

/// Events in the queue that are listed at once.
const LISTED: usize = 1_000;
/// Lines of the audit log that are read at once.
const LINES: usize = 1_000;

/// Does what methods ask for.
#[derive(Clone)]
pub struct Management {
    access: Arc<Access>,
    store: Arc<dyn EventStore>,
}

/// Why a call failed; the texts are fit to be told to the caller.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// There is no such method.
    #[error("there is no method {0:?} here")]
    Method(String),
    /// The parameters are not what the method takes.
    #[error("{0}")]
    Params(String),
    /// A request to vanish is kept (NIP-62).
    #[error("this event is a request to vanish (NIP-62), which stays")]
    Stays,
    /// The access lists are against it.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// The store.
    #[error("the store: {0}")]
    Store(#[from] StoreError),
}

impl From<stentor_sql::Error> for CallError {
    fn from(error: stentor_sql::Error) -> Self {
        Self::Access(error.into())
    }
}

impl Management {
    /// Over these lists and this store.
    pub fn new(access: Arc<Access>, store: Arc<dyn EventStore>) -> Self {
        Self { access, store }
    }

    /// Calls a method; every call leaves a line in the audit log. `shell` opens the methods that are not for the network.
    /// What has begun is done with all that follows from it, and written down, whether or not somebody waits for it.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn call(
        &self,
        method: &str,
        params: &[Value],
        by: &Actor,
        shell: bool,
        now: Timestamp,
    ) -> Result<Value, CallError> {
        let (own, by) = (self.clone(), by.clone());
        let (method, params) = (method.to_owned(), params.to_vec());
        to_the_end(async move { own.answer(&method, &params, &by, shell, now).await }).await
    }

    async fn answer(
        &self,
        method: &str,
        params: &[Value],
        by: &Actor,
        shell: bool,
        now: Timestamp,
    ) -> Result<Value, CallError> {
        let known = METHODS.contains(&method) || (shell && SHELL_METHODS.contains(&method));
        let done = if known {
            self.dispatch(method, Params(params), by, shell, now).await
        } else {
            Err(CallError::Method(method.chars().take(40).collect()))
        };
        match done {
            Ok(Done::Changed(value)) => Ok(value),
            Ok(Done::Read(value)) => {
                self.note(method, params, by, "ok", now).await?;
                Ok(value)
            }
            Err(error) => {
                self.note(method, params, by, &error.to_string(), now)
                    .await?;
                Err(error)
            }
        }
    }

    /// Writes a line into the audit log.
    pub(super) async fn note(
        &self,
        method: &str,
        params: &[Value],
        by: &Actor,
        outcome: &str,
        now: Timestamp,
    ) -> Result<(), CallError> {
        let method: String = method.chars().take(64).collect();
        let params = Value::from(params).to_string();
        let params: String = params.chars().take(2_000).collect();
        let log = self.access.log();
        log.write(by, &method, &params, outcome, now.0).await?;
        Ok(())
    }

    async fn dispatch(
        &self,
        method: &str,
        params: Params<'_>,
        by: &Actor,
        shell: bool,
        now: Timestamp,
    ) -> Result<Done, CallError> {
        if let Some(change) = change(method, params, shell)? {
            self.make(change, by, now).await?;
            return Ok(Done::Changed(Value::Bool(true)));
        }
        if let Some(list) = self.list(method) {
            params.at_most(0)?;
            return Ok(Done::Read(list));
        }
        match method {
            "supportedmethods" => Ok(Done::Read(json!(METHODS.get(1..)))),
            "listeventsneedingmoderation" => Ok(Done::Read(self.queue(shell, now).await?)),
            "createinvite" => self.create_invite(params, by, now).await,
            "listinvites" => Ok(Done::Read(json!(self.access.invites().await?))),
            "revokeinvite" => {
                let claim = params.at_most(1)?.text(0)?;
                self.access.revoke(&claim, by, now.0).await?;
                Ok(Done::Changed(Value::Bool(true)))
            }
            "readaudit" => {
                let before = params.at_most(1)?.number(0)?;
                let lines = self.access.log().read(before, LINES).await?;
                Ok(Done::Read(json!(lines)))
            }
            other => Err(CallError::Method(other.to_owned())),
        }
    }

    /// Makes a change, and what follows from it for what is stored.
    async fn make(&self, change: Change, by: &Actor, now: Timestamp) -> Result<(), CallError> {
        if let Change::BanEvent(id, _) = change
            && stays(&self.store, id).await?
        {
            return Err(CallError::Stays);
        }
        self.access.apply(change.clone(), by, now.0).await?;
        match change {
            Change::BanKey(key, _) => {
                remove_authors(&self.store, &[key]).await?;
            }
            Change::BanEvent(id, _) => {
                remove_events(&self.store, &[id]).await?;
            }
            _ => {}
        }
        Ok(())
    }

    /// What is on a list.
    fn list(&self, method: &str) -> Option<Value> {
        let lists = self.access.lists();
        Some(match method {
            "listbannedpubkeys" => reasons("pubkey", &lists.banned_keys),
            "listallowedpubkeys" => reasons("pubkey", &lists.allowed_keys),
            "listbannedevents" => reasons("id", &lists.banned_events),
            "listblockedips" => reasons("ip", lists.blocked.reasons()),
            "listallowedkinds" => {
                let allowed = lists.allowed_kinds.difference(&lists.denied_kinds);
                json!(allowed.collect::<Vec<_>>())
            }
            "listkinds" => json!({ "allowed": lists.allowed_kinds, "denied": lists.denied_kinds }),
            "listmembers" => {
                let mut members: Vec<Value> = lists
                    .members
                    .iter()
                    .map(
                        |(key, member)| json!({ "pubkey": key.to_string(), "roles": member.roles }),
                    )
                    .collect();
                members.sort_by_key(|member| member.to_string());
                Value::Array(members)
            }
            "listroles" => lists
                .roles
                .values()
                .map(|role| {
                    json!({ "id": role.id, "label": role.label, "description": role.description,
                            "color": role.color, "order": role.order })
                })
                .collect(),
            _ => return None,
        })
    }

    /// The moderation queue. What is not there any more leaves it. The shell is told more than the NIP has fields for.
    async fn queue(&self, shell: bool, now: Timestamp) -> Result<Value, CallError> {
        let records = self.access.records();
        let (mut listed, mut after): (Vec<Value>, Option<Waiting>) = (Vec::new(), None);
        while listed.len() < LISTED {
            let mut waiting = queue::list(records, after.as_ref(), LISTED).await?;
            let ids = waiting.iter().map(|waiting| waiting.id).collect();
            let here = self.present(ids, now).await?;
            let gone = waiting.iter().map(|waiting| waiting.id);
            let gone: Vec<EventId> = gone.filter(|id| !here.contains(id)).collect();
            if !gone.is_empty() {
                queue::forget(&self.access, gone).await?;
            }
            let end = waiting.len() < LISTED;
            after = waiting.last().cloned();
            waiting.retain(|waiting| here.contains(&waiting.id));
            listed.extend(waiting.iter().map(|waiting| entry(waiting, shell)));
            if end {
                break;
            }
        }
        listed.truncate(LISTED);
        Ok(Value::Array(listed))
    }

    /// Those of these events that the store holds.
    async fn present(
        &self,
        ids: Vec<EventId>,
        now: Timestamp,
    ) -> Result<std::collections::HashSet<EventId>, CallError> {
        let mut ids = ids;
        ids.sort_unstable();
        ids.dedup();
        let most = ids.len();
        let filter = Filter {
            ids: Some(ids),
            ..Filter::default()
        };
        let found = newest(&self.store, filter, most, now).await?;
        Ok(found.iter().map(|event| event.id()).collect())
    }

    /// Makes an invite: hours it lasts, how many may join by it, role of those; each may be left out.
    async fn create_invite(
        &self,
        params: Params<'_>,
        by: &Actor,
        now: Timestamp,
    ) -> Result<Done, CallError> {
        let params = params.at_most(3)?;
        let new = NewInvite {
            seconds: params.count(0)?.map(|hours| hours.saturating_mul(3_600)),
            most: params.count(1)?,
            role: params.reason(2)?,
            ..NewInvite::default()
        };
        let claim = self.access.invite(new, now.0).await?;
        self.note("createinvite", params.0, by, "ok", now).await?;
        Ok(Done::Changed(json!(claim)))
    }
}

/// How a call ended.
enum Done {
    /// With a change, which has left its line in the audit log.
    Changed(Value),
    /// With nothing changed.
    Read(Value),
}

/// An event in the moderation queue, as it is listed.
fn entry(waiting: &Waiting, shell: bool) -> Value {
    let mut entry = json!({ "id": waiting.id.to_string(), "reason": waiting.reason });
    if let Some(fields) = entry.as_object_mut().filter(|_| shell) {
        fields.insert("reporters".into(), waiting.reporters.into());
        fields.insert("since".into(), waiting.first_at.into());
    }
    entry
}

/// The change that a method makes; none when it makes none.
fn change(method: &str, params: Params<'_>, shell: bool) -> Result<Option<Change>, CallError> {
    let two = params.at_most(2);
    let one = params.at_most(1);
    Ok(Some(match method {
        "banpubkey" => Change::BanKey(two?.key(0)?, params.reason(1)?),
        "unbanpubkey" => Change::UnbanKey(two?.key(0)?, params.reason(1)?),
        "allowpubkey" => Change::AllowKey(two?.key(0)?, params.reason(1)?),
        "unallowpubkey" if shell => Change::ReleaseKey(two?.key(0)?, params.reason(1)?),
        "unallowpubkey" => Change::UnallowKey(two?.key(0)?, params.reason(1)?),
        "banevent" => Change::BanEvent(two?.event(0)?, params.reason(1)?),
        "allowevent" => Change::AllowEvent(two?.event(0)?, params.reason(1)?),
        "allowkind" => Change::AllowKind(one?.kind(0)?),
        "disallowkind" => Change::DisallowKind(one?.kind(0)?),
        "forgetkind" => Change::ForgetKind(one?.kind(0)?),
        "blockip" => Change::Block(two?.network(0)?, params.reason(1)?),
        "unblockip" => Change::Unblock(one?.network(0)?),
        "changerelayname" => Change::Name(one?.text(0)?),
        "changerelaydescription" => Change::Description(one?.text(0)?),
        "changerelayicon" => Change::Icon(one?.text(0)?),
        "createrole" => Change::CreateRole(params.at_most(5)?.role()?),
        "editrole" => Change::EditRole(params.at_most(5)?.role()?),
        "deleterole" => Change::DeleteRole(one?.text(0)?),
        "assignrole" => Change::AssignRole(two?.key(0)?, params.text(1)?),
        "unassignrole" => Change::UnassignRole(two?.key(0)?, params.text(1)?),
        "addmember" => Change::AddMember(one?.key(0)?),
        "removemember" => Change::RemoveMember(one?.key(0)?),
        _ => return Ok(None),
    }))
}

/// A list with reasons, as NIP-86 writes it.
fn reasons<K: std::fmt::Display>(
    name: &str,
    list: &std::collections::HashMap<K, Option<String>>,
) -> Value {
    let mut entries: Vec<(String, Value)> = list
        .iter()
        .map(|(key, reason)| {
            let key = key.to_string();
            let entry = match reason {
                Some(reason) => json!({ name: key, "reason": reason }),
                None => json!({ name: key }),
            };
            (key, entry)
        })
        .collect();
    entries.sort_by(|left, right| left.0.cmp(&right.0));
    entries.into_iter().map(|(_, entry)| entry).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::FutureExt;
    use stentor_event::{EventBuilder, Kind, SecretKey};
    use stentor_store::{Keep, RelayScope, Submission, memory};

    use super::*;

    const NOW: Timestamp = Timestamp(1_700_000_000);

    /// Whoever goes away in the middle leaves nothing half done: neither events of a banned key, nor a call without its line.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn r3_2_a_call_that_nobody_waits_for_is_done_with_all_that_follows() {
        let folder = tempfile::tempdir().unwrap();
        let config = stentor_sql::DatabaseConfig {
            path: folder.path().join("records.sqlite"),
            ..Default::default()
        };
        let records = stentor_sql::Database::open(&config).await.unwrap();
        let access = Arc::new(Access::open(records).await.unwrap());
        let store: Arc<dyn EventStore> =
            Arc::new(memory::Store::new(Keep::Current, RelayScope::default()));
        let secret = SecretKey::from_bytes([7; 32]).unwrap();
        let event = EventBuilder::new(Kind(1), NOW).sign(&secret);
        let submission = Submission {
            event,
            verified: true,
        };
        store.submit(vec![submission], NOW).await.unwrap();
        let management = Management::new(Arc::clone(&access), Arc::clone(&store));
        let shell = Actor::shell();
        let begin = async |method: &str, params: &[Value]| {
            let mut begun = Box::pin(management.call(method, params, &shell, true, NOW));
            assert!((&mut begun).now_or_never().is_none());
        };
        begin("banpubkey", &[json!(secret.public_key().to_string())]).await;
        begin("createinvite", &[]).await;
        let done = async {
            loop {
                let lines = access.log().read(None, 10).await.unwrap();
                let here = newest(&store, Filter::default(), 1, NOW).await.unwrap();
                if here.is_empty() && lines.len() == 2 {
                    return;
                }
                tokio::task::yield_now().await;
            }
        };
        let done = tokio::time::timeout(Duration::from_secs(20), done).await;
        done.expect("done to its end");
        assert!(access.lists().bans(&secret.public_key()));
    }
}
