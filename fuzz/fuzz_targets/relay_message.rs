//! Whatever is read as a relay's message is well-formed JSON, and what it says is written and read back the same.

#![no_main]

use libfuzzer_sys::fuzz_target;
use serde::de::IgnoredAny;
use stentor_event::{
    ParseLimits, RelayMessage, SubscriptionId, parse_relay_message, relay_message,
};

/// The message as our relay would write it; `None` when it never would.
fn written(message: &RelayMessage<'_>) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    match message {
        RelayMessage::Event { sub, event } => {
            relay_message::event(&mut out, &SubscriptionId::new(sub)?, event.view().json())
        }
        RelayMessage::Ok {
            id,
            accepted,
            reason,
        } => relay_message::ok(&mut out, id, *accepted, reason),
        RelayMessage::Eose { sub, hint } => {
            relay_message::eose(&mut out, &SubscriptionId::new(sub)?, *hint)
        }
        RelayMessage::Closed { sub, reason } => {
            relay_message::closed(&mut out, &SubscriptionId::new(sub)?, reason)
        }
        RelayMessage::Notice(text) => relay_message::notice(&mut out, text),
        RelayMessage::Auth(challenge) => relay_message::auth(&mut out, challenge),
        RelayMessage::Count {
            sub,
            count,
            approximate: false,
            registers,
        } => {
            relay_message::count(
                &mut out,
                &SubscriptionId::new(sub)?,
                *count,
                registers.as_deref(),
            );
        }
        RelayMessage::NegMsg { sub, message } => {
            relay_message::neg_msg(&mut out, &SubscriptionId::new(sub)?, message)
        }
        RelayMessage::NegErr { sub, reason } => {
            relay_message::neg_err(&mut out, &SubscriptionId::new(sub)?, reason, None)
        }
        RelayMessage::Count { .. } | RelayMessage::Unknown(_) => return None,
    }
    Some(out)
}

fuzz_target!(|bytes: &[u8]| {
    let _ = parse_relay_message(bytes, &ParseLimits::default());
    let Ok(message) = parse_relay_message(bytes, &ParseLimits::NONE) else {
        return;
    };
    assert!(serde_json::from_slice::<Vec<IgnoredAny>>(bytes).is_ok());
    if let Some(text) = written(&message) {
        assert_eq!(parse_relay_message(&text, &ParseLimits::NONE), Ok(message));
    }
});
