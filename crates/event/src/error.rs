//! Why an event is refused. The texts are fit for clients; the relay puts the NIP-01 prefix before them.

use thiserror::Error;

/// A place where the text is not the JSON that was expected; positions are byte offsets into what was parsed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SyntaxError {
    /// The text stops in the middle.
    #[error("the JSON ends too early")]
    End,
    /// A byte that cannot stand here.
    #[error("unexpected character at byte {0}")]
    Unexpected(usize),
    /// A control character that is not escaped.
    #[error("raw control character in a string at byte {0}")]
    ControlCharacter(usize),
    /// An escape that JSON does not know.
    #[error("bad escape in a string at byte {0}")]
    Escape(usize),
    /// Half of a surrogate pair.
    #[error("lone surrogate in a string at byte {0}")]
    LoneSurrogate(usize),
    /// Not an unsigned integer in range: a sign, fraction, exponent, leading zero, or too large.
    #[error("not an unsigned integer in range at byte {0}")]
    Number(usize),
    /// Arrays and objects nested too deeply.
    #[error("nested too deeply at byte {0}")]
    Depth(usize),
    /// More text after the end.
    #[error("unexpected text after the end at byte {0}")]
    Trailing(usize),
    /// The bytes are not UTF-8.
    #[error("not valid UTF-8")]
    Utf8,
}

/// Why bytes are not a valid event.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum EventError {
    /// Not well-formed JSON, or not the kind of value that belongs there.
    #[error("malformed event: {0}")]
    Syntax(#[from] SyntaxError),
    /// Not a JSON object.
    #[error("an event is a JSON object")]
    NotAnObject,
    /// A field of the event is absent.
    #[error("the field `{0}` is missing")]
    MissingField(&'static str),
    /// The same key appears twice.
    #[error("the field `{0}` appears twice")]
    DuplicateField(String),
    /// More fields that an event does not have than anybody needs.
    #[error("too many unknown fields")]
    TooManyFields,
    /// `id`, `pubkey` or `sig` is not lower-case hex of the right length.
    #[error("`{0}` is not lower-case hex of {1} digits")]
    Hex(&'static str, usize),
    /// `created_at` is not an integer from 0 to 2^63−1.
    #[error("`created_at` is not an integer from 0 to 9223372036854775807")]
    CreatedAt,
    /// `kind` is not an integer from 0 to 65535.
    #[error("`kind` is not an integer from 0 to 65535")]
    Kind,
    /// `tags` is not an array of non-empty arrays of strings.
    #[error("`tags` is not an array of non-empty arrays of strings")]
    Tags,
    /// `content` is not a string.
    #[error("`content` is not a string")]
    Content,
    /// More tags than allowed.
    #[error("more than {0} tags")]
    TooManyTags(usize),
    /// More bytes than allowed.
    #[error("larger than {0} bytes")]
    TooLarge(usize),
    /// The bytes are not in the canonical layout (stored events only).
    #[error("not in canonical form")]
    NotCanonical,
    /// The id is not the hash of the event.
    #[error("the id does not match the event")]
    IdMismatch,
    /// The key is not on the curve.
    #[error("the public key is not valid")]
    PublicKey,
    /// The signature is not one of this key for this id.
    #[error("the signature is wrong")]
    Signature,
}
