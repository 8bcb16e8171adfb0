//! The fields of the index.

use std::collections::VecDeque;

use stentor_event::{EventId, EventView, PublicKey};
use tantivy::schema::{
    FAST, Field, INDEXED, IndexRecordOption, STRING, Schema, TextFieldIndexing, TextOptions,
};
use tantivy::tokenizer::{Token, TokenStream, Tokenizer, TokenizerManager};
use tantivy::{TantivyDocument, Term};

use super::atoms::Atoms;
use super::document::{Document, claimed_name, is_nsfw};
use super::language::Language;
use crate::EventNumber;

/// Changes whenever an index made by an older program would answer otherwise than one made anew: fields, tokenizer, texts
/// that are searched, languages.
pub(super) const VERSION: u32 = 1;

/// The name of the tokenizer in the index.
const TOKENIZER: &str = "stentor";

/// Name of the field with the number of the event.
pub(super) const NUMBER: &str = "number";
/// Name of the field with its time.
pub(super) const CREATED_AT: &str = "created_at";
/// Name of the field with the first eight bytes of its id.
pub(super) const ID: &str = "id";
/// Name of the field with its kind.
pub(super) const KIND: &str = "kind";

/// The schema with its fields.
#[derive(Debug, Clone)]
pub(super) struct Fields {
    pub(super) schema: Schema,
    pub(super) number: Field,
    pub(super) created_at: Field,
    pub(super) id: Field,
    pub(super) kind: Field,
    pub(super) author: Field,
    pub(super) language: Field,
    pub(super) nsfw: Field,
    pub(super) domain: Field,
    pub(super) title: Field,
    pub(super) body: Field,
}

impl Fields {
    pub(super) fn new() -> Self {
        let mut schema = Schema::builder();
        // Positions are not kept: the order of words is checked on the event itself, which halves the index.
        let indexing = TextFieldIndexing::default()
            .set_tokenizer(TOKENIZER)
            .set_fieldnorms(true)
            .set_index_option(IndexRecordOption::WithFreqs);
        let text = TextOptions::default().set_indexing_options(indexing);
        Self {
            number: schema.add_u64_field(NUMBER, INDEXED | FAST),
            created_at: schema.add_u64_field(CREATED_AT, FAST),
            id: schema.add_u64_field(ID, INDEXED | FAST),
            kind: schema.add_u64_field(KIND, INDEXED | FAST),
            author: schema.add_u64_field("author", INDEXED),
            language: schema.add_u64_field("language", INDEXED),
            nsfw: schema.add_u64_field("nsfw", INDEXED),
            domain: schema.add_text_field("domain", STRING),
            title: schema.add_text_field("title", text.clone()),
            body: schema.add_text_field("body", text),
            schema: schema.build(),
        }
    }

    /// What is indexed of an event.
    pub(super) fn document(&self, number: EventNumber, event: &EventView<'_>) -> TantivyDocument {
        let Document { title, body } = Document::of(event);
        let mut document = TantivyDocument::default();
        document.add_u64(self.number, number.0);
        document.add_u64(self.created_at, event.created_at().0);
        document.add_u64(self.id, of_id(&event.id()));
        document.add_u64(self.kind, u64::from(event.kind().0));
        document.add_u64(self.author, of_author(&event.pubkey()));
        if let Some(language) = Language::of(&body) {
            document.add_u64(self.language, language.number());
        }
        if is_nsfw(event) {
            document.add_u64(self.nsfw, 1);
        }
        if let Some((_, domain)) = claimed_name(event) {
            document.add_text(self.domain, domain);
        }
        document.add_text(self.title, title);
        document.add_text(self.body, body);
        document
    }

    /// The term of an event's number.
    pub(super) fn number_term(&self, number: EventNumber) -> Term {
        Term::from_field_u64(self.number, number.0)
    }
}

/// An id in the index: its beginning, which tells nearly all apart; what is found is compared with the filter.
pub(super) fn of_id(id: &EventId) -> u64 {
    prefix(&id.0)
}

/// An author in the index, likewise.
pub(super) fn of_author(author: &PublicKey) -> u64 {
    prefix(&author.0)
}

fn prefix(bytes: &[u8; 32]) -> u64 {
    bytes
        .first_chunk()
        .map_or(0, |word| u64::from_be_bytes(*word))
}

/// The tokenizers that the fields name.
pub(super) fn tokenizers() -> TokenizerManager {
    let manager = TokenizerManager::default();
    manager.register(TOKENIZER, AtomTokenizer);
    manager
}

/// [`Atoms`] as the index wants them.
#[derive(Debug, Clone)]
struct AtomTokenizer;

struct AtomStream {
    waiting: VecDeque<String>,
    token: Token,
}

impl Tokenizer for AtomTokenizer {
    type TokenStream<'a> = AtomStream;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> AtomStream {
        AtomStream {
            waiting: Atoms::of(text).tokens().map(str::to_owned).collect(),
            token: Token::default(),
        }
    }
}

impl TokenStream for AtomStream {
    fn advance(&mut self) -> bool {
        let Some(text) = self.waiting.pop_front() else {
            return false;
        };
        self.token.position = self.token.position.wrapping_add(1);
        self.token.text = text;
        true
    }

    fn token(&self) -> &Token {
        &self.token
    }

    fn token_mut(&mut self) -> &mut Token {
        &mut self.token
    }
}
