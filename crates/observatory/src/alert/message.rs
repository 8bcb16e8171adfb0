//! A private message (NIP-17): the text in a rumor, sealed by the monitor's key (NIP-44, NIP-59), in a wrap of a key that is used once.

use nostr::{JsonUtil, Keys};
use stentor_event::{Event, EventError, PublicKey, SecretKey, Timestamp};
use thiserror::Error;

/// Why there is no message. Says nothing of what is in it.
#[derive(Debug, Error)]
pub(super) enum MessageError {
    /// The recipient's key is not a point of the curve, or the sender's no secret.
    #[error("the key: {0}")]
    Key(#[from] nostr::key::Error),
    /// It cannot be encrypted or signed.
    #[error("the wrap: {0}")]
    Wrap(#[from] nostr::event::builder::Error),
    /// What came out is no event as we read them.
    #[error("the event: {0}")]
    Event(#[from] EventError),
}

/// Wraps a text for its recipient. What says when and by whom it was written is inside; the wrap shows neither. The rumor of one text
/// and moment is the same each time, so that a reader who gets it in two wraps shows it once.
pub(super) async fn wrap(
    sender: &SecretKey,
    recipient: &PublicKey,
    text: &str,
    written: Timestamp,
) -> Result<Event, MessageError> {
    let keys = Keys::new(nostr::SecretKey::from_slice(&sender.to_bytes())?);
    let receiver = nostr::PublicKey::from_slice(recipient.as_bytes())?;
    let rumor = nostr::EventBuilder::private_msg_rumor(receiver, text)
        .custom_created_at(nostr::Timestamp::from(written.0))
        .build(keys.public_key());
    let wrap = nostr::EventBuilder::gift_wrap(&keys, &receiver, rumor, []).await?;
    Ok(Event::parse(wrap.as_json().as_bytes())?)
}

#[cfg(test)]
mod tests {
    use nostr::nips::nip59::UnwrappedGift;
    use stentor_event::Kind;

    use super::*;
    use crate::testing::key;

    fn keys(key: &SecretKey) -> Keys {
        Keys::new(nostr::SecretKey::from_slice(&key.to_bytes()).unwrap())
    }

    #[tokio::test]
    async fn o4_5_a_message_is_read_by_its_recipient_alone() {
        let (sender, recipient, stranger) = (key(1), key(7), key(8));
        let written = Timestamp(1_700_000_000);
        let to = recipient.public_key();
        let event = wrap(&sender, &to, "it is down", written).await.unwrap();
        assert_eq!(event.check_id(), Ok(()));
        assert_eq!(event.verify_signature(), Ok(()));
        assert_eq!(event.kind(), Kind::GIFT_WRAP);
        assert_ne!(event.pubkey(), sender.public_key());
        assert!(event.view().names(&to));
        let text = std::str::from_utf8(event.json()).unwrap();
        assert!(!text.contains("down") && !text.contains(&sender.public_key().to_string()));

        let sealed = nostr::Event::from_json(text).unwrap();
        let reader = keys(&recipient);
        let gift = UnwrappedGift::from_gift_wrap(&reader, &sealed);
        let gift = gift.await.unwrap();
        assert_eq!(gift.sender.to_hex(), sender.public_key().to_string());
        assert_eq!(gift.rumor.content, "it is down");
        assert_eq!(gift.rumor.kind.as_u16(), 14);
        assert_eq!(gift.rumor.created_at.as_secs(), written.0);
        let other = UnwrappedGift::from_gift_wrap(&keys(&stranger), &sealed).await;
        assert!(other.is_err());

        // Wrapped once more it is another wrap of the same message.
        let again = wrap(&sender, &to, "it is down", written).await.unwrap();
        assert_ne!(again.id(), event.id());
        let again = nostr::Event::from_json(std::str::from_utf8(again.json()).unwrap()).unwrap();
        let again = UnwrappedGift::from_gift_wrap(&reader, &again);
        assert_eq!(again.await.unwrap().rumor.id, gift.rumor.id);
    }

    #[tokio::test]
    async fn o4_5_a_key_that_is_none_gets_no_message() {
        let none = PublicKey([0xff; 32]);
        let wrapped = wrap(&key(1), &none, "x", Timestamp(1)).await;
        assert!(wrapped.is_err());
    }
}
