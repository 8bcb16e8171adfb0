//! What a relay tells about itself (NIP-11), in its row.

use stentor_event::nip11::RelayInformation;
use stentor_sql::{Error, Transaction};

use super::change;
use super::entry::Entry;
use crate::check;

/// NIPs of one relay that are kept.
const MOST_NIPS: usize = 200;

/// Writes what a check has found of the document. `before`: the address of the one that was known.
pub(super) fn write(
    tx: &mut Transaction<'_>,
    entry: &Entry,
    before: Option<&[u8]>,
) -> Result<(), Error> {
    let after = match &entry.information {
        check::Known::Unknown => return Ok(()),
        check::Known::Absent => None,
        check::Known::Present(document) => Some(document.hash),
    };
    let after_bytes = after.as_ref().map(<[u8; 32]>::as_slice);
    if after_bytes == before {
        return Ok(());
    }
    let (relay, at) = (entry.relay, entry.at_ms);
    change::note(tx, relay, at, before, after_bytes)?;
    let empty = RelayInformation::default();
    let document = match &entry.findings.information {
        check::Known::Present(information) => &information.document,
        check::Known::Unknown | check::Known::Absent => &empty,
    };
    let nips = &document.supported_nips;
    let [name, software, version] = shown(document);
    let name_lower = name.as_deref().map(str::to_lowercase);
    tx.execute(
        "UPDATE observatory_relays SET document = ?, name = ?, name_lower = ?, software = ?, version = ?, negentropy = ? WHERE id = ?",
        (
            after,
            name,
            name_lower,
            software,
            version,
            (!nips.is_empty()).then(|| nips.contains(&77)),
            relay.0,
        ),
    )?;
    tx.execute("DELETE FROM observatory_nips WHERE relay = ?", (relay.0,))?;
    for nip in nips.iter().take(MOST_NIPS) {
        tx.execute(
            "INSERT INTO observatory_nips (relay, nip) VALUES (?, ?)",
            (relay.0, *nip),
        )?;
    }
    Ok(())
}

/// Name, software and version as they may be shown in a list.
pub(crate) fn shown(document: &RelayInformation) -> [Option<String>; 3] {
    let texts = [
        (&document.name, 200),
        (&document.software, 300),
        (&document.version, 100),
    ];
    texts.map(|(text, most)| {
        let text = check::clipped(text.as_deref()?, most);
        (!text.is_empty()).then_some(text)
    })
}
