//! Invites, and joining by them (NIP-43, R3.1).

use std::sync::Arc;

use serde::Serialize;
use stentor_bus::append;
use stentor_event::{PublicKey, hexadecimal};
use stentor_sql::{Error, Transaction};

use super::audit::{Actor, Entry};
use super::change::{add_member, assign};
use super::{Access, AccessError, Change, Shared, to_the_end, told};

/// Random bytes of a claim.
const CLAIM_BYTES: usize = 16;
/// Invites that are listed at once.
const LISTED: i64 = 1_000;

/// An invite.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Invite {
    /// What a join request has to say.
    pub claim: String,
    /// Who made it, in hex; none: the shell.
    pub creator: Option<String>,
    /// When it was made, in Unix seconds.
    pub created_at: i64,
    /// When it ends, in Unix seconds; none: never.
    pub expires_at: Option<i64>,
    /// How many may join by it; none: any number.
    pub most: Option<i64>,
    /// How many have.
    pub uses: i64,
    /// The role of who joins by it.
    pub role: Option<String>,
}

/// What came of a join request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Joined {
    /// The key is a member now.
    Welcome,
    /// It was one before.
    Already,
    /// There is no such invite.
    Unknown,
    /// The invite has ended.
    Expired,
    /// As many as may have joined by it.
    UsedUp,
}

/// What a new invite is to be like.
#[derive(Debug, Clone, Default)]
pub struct NewInvite {
    /// Who makes it; none: the shell.
    pub creator: Option<PublicKey>,
    /// How long it lasts, in seconds; none: for ever.
    pub seconds: Option<u64>,
    /// How many may join by it; none: any number.
    pub most: Option<u64>,
    /// The role of who joins by it.
    pub role: Option<String>,
    /// Open invites that its creator may have; none: any number.
    pub open: Option<u64>,
}

impl Access {
    /// Makes an invite and returns its claim.
    ///
    /// # Errors
    /// [`AccessError::TooManyInvites`], [`AccessError::NoRole`], and those of the database.
    pub async fn invite(&self, new: NewInvite, now: u64) -> Result<String, AccessError> {
        if let Some(role) = &new.role
            && !self.lists().roles.contains_key(role)
        {
            return Err(AccessError::NoRole(role.clone()));
        }
        let mut random = [0; CLAIM_BYTES];
        getrandom::fill(&mut random).map_err(|_| AccessError::NoRandomness)?;
        let claim = hexadecimal::encode(&random);
        let own = claim.clone();
        self.records()
            .write(move |tx| insert(tx, &own, &new, now as i64))
            .await?;
        Ok(claim)
    }

    /// The newest invites, those that have ended or are used up included.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn invites(&self) -> Result<Vec<Invite>, AccessError> {
        type Row = (
            String,
            Option<[u8; 32]>,
            i64,
            Option<i64>,
            Option<i64>,
            i64,
            Option<String>,
        );
        let rows: Vec<Row> = self
            .records()
            .fetch_all(
                "SELECT claim, creator, created_at, expires_at, most, uses, role
                 FROM relay_invites ORDER BY created_at DESC, claim LIMIT ?",
                (LISTED,),
            )
            .await?;
        let invite = |(claim, creator, created_at, expires_at, most, uses, role): Row| Invite {
            claim,
            creator: creator.map(|key| PublicKey(key).to_string()),
            created_at,
            expires_at,
            most,
            uses,
            role,
        };
        Ok(rows.into_iter().map(invite).collect())
    }

    /// Takes an invite back.
    ///
    /// # Errors
    /// [`AccessError::NoInvite`], and those of the database.
    pub async fn revoke(&self, claim: &str, by: &Actor, now: u64) -> Result<(), AccessError> {
        let claim = claim.to_owned();
        let entry = self.log().entry(by, "revokeinvite", "[]", "ok", now);
        self.records()
            .write(move |tx| {
                let gone = tx.execute(
                    "DELETE FROM relay_invites WHERE claim = ?",
                    (claim.as_str(),),
                )?;
                if gone == 0 {
                    return Err(AccessError::NoInvite);
                }
                entry.write(tx)?;
                Ok(())
            })
            .await
    }

    /// A key asks to join with a claim; `by` is whom the audit log names. Once it has begun it is done, whether or not
    /// somebody waits for it.
    ///
    /// # Errors
    /// Those of the database, and [`AccessError::Interrupted`].
    pub async fn join(
        &self,
        key: PublicKey,
        claim: &str,
        by: &Actor,
        now: u64,
    ) -> Result<Joined, AccessError> {
        let (shared, claim, by) = (Arc::clone(&self.shared), claim.to_owned(), by.clone());
        to_the_end(async move { shared.join(key, claim, &by, now).await }).await
    }
}

impl Shared {
    async fn join(
        &self,
        key: PublicKey,
        claim: String,
        by: &Actor,
        now: u64,
    ) -> Result<Joined, AccessError> {
        let _turn = self.changing.lock().await;
        if self.lists.load().members.contains_key(&key) {
            return Ok(Joined::Already);
        }
        let entry = self.log.entry(by, "join", "[]", "ok", now);
        let by = by.clone();
        let (joined, role) = self
            .records
            .write(move |tx| {
                let used = use_claim(tx, &key, &claim, &entry, now as i64)?;
                if let (Joined::Welcome, role) = &used {
                    append(tx, &told::joined(&key, role.as_ref(), &by), now * 1_000)?;
                }
                Ok::<_, AccessError>(used)
            })
            .await?;
        if joined == Joined::Welcome {
            self.update(|lists| {
                Change::AddMember(key).make(lists);
                if let Some(role) = role {
                    Change::AssignRole(key, role).make(lists);
                }
            });
        }
        Ok(joined)
    }
}

/// Writes an invite; what has ended or is used up makes room for it.
fn insert(
    tx: &mut Transaction<'_>,
    claim: &str,
    new: &NewInvite,
    now: i64,
) -> Result<(), AccessError> {
    tx.execute(
        "DELETE FROM relay_invites WHERE expires_at < ? OR uses >= most",
        (now,),
    )?;
    if let (Some(creator), Some(open)) = (&new.creator, new.open) {
        let (own,): (u64,) = tx.fetch_one(
            "SELECT COUNT(*) FROM relay_invites WHERE creator = ?",
            (creator.0,),
        )?;
        if own >= open {
            return Err(AccessError::TooManyInvites(open));
        }
    }
    let expires = new
        .seconds
        .map(|seconds| now.saturating_add(seconds as i64));
    tx.execute(
        "INSERT INTO relay_invites (claim, creator, created_at, expires_at, most, uses, role)
         VALUES (?, ?, ?, ?, ?, 0, ?)",
        (
            claim,
            new.creator.map(|key| key.0),
            now,
            expires,
            new.most.map(|most| most as i64),
            new.role.as_deref(),
        ),
    )?;
    Ok(())
}

/// Joins by a claim; tells the role that comes with it.
fn use_claim(
    tx: &mut Transaction<'_>,
    key: &PublicKey,
    claim: &str,
    entry: &Entry,
    now: i64,
) -> Result<(Joined, Option<String>), Error> {
    type Row = (Option<i64>, Option<i64>, i64, Option<String>);
    let invite: Option<Row> = tx.fetch_optional(
        "SELECT expires_at, most, uses, role FROM relay_invites WHERE claim = ?",
        (claim,),
    )?;
    let Some((expires_at, most, uses, role)) = invite else {
        return Ok((Joined::Unknown, None));
    };
    if expires_at.is_some_and(|end| end < now) {
        return Ok((Joined::Expired, None));
    }
    if most.is_some_and(|most| uses >= most) {
        return Ok((Joined::UsedUp, None));
    }
    tx.execute(
        "UPDATE relay_invites SET uses = uses + 1 WHERE claim = ?",
        (claim,),
    )?;
    add_member(tx, key, Some(claim), now)?;
    if let Some(role) = &role {
        assign(tx, key, role)?;
    }
    entry.write(tx)?;
    Ok((Joined::Welcome, role))
}
