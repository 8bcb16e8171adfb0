//! Filters as JSON.

use super::Filter;
use crate::hex;
use crate::text::quote_into;

impl Filter {
    /// The filter as a JSON object, with the lists in sorted order.
    pub fn to_json(&self) -> String {
        let mut out = Vec::new();
        self.write_json(&mut out);
        String::from_utf8(out).unwrap_or_default()
    }

    /// Appends the filter as a JSON object.
    pub fn write_json(&self, out: &mut Vec<u8>) {
        let mut fields = Fields { out, any: false };
        if let Some(ids) = &self.ids {
            fields.list("ids", ids, |id, out| hex_string(&id.0, out));
        }
        if let Some(authors) = &self.authors {
            fields.list("authors", authors, |author, out| hex_string(&author.0, out));
        }
        if let Some(kinds) = &self.kinds {
            fields.list("kinds", kinds, |kind, out| {
                out.extend_from_slice(kind.to_string().as_bytes())
            });
        }
        for tag in &self.tags {
            // What was sent first goes first again.
            let rest = tag
                .values
                .iter()
                .enumerate()
                .filter(|(index, _)| *index != tag.first)
                .map(|(_, value)| value);
            let values = tag.values.get(tag.first).into_iter().chain(rest);
            fields.list(
                &format!("#{}", char::from(tag.letter)),
                values,
                |value, out| quote_into(value, out),
            );
        }
        for (name, value) in [
            ("since", self.since.map(|time| time.0)),
            ("until", self.until.map(|time| time.0)),
            ("limit", self.limit),
        ] {
            if let Some(value) = value {
                fields
                    .key(name)
                    .extend_from_slice(value.to_string().as_bytes());
            }
        }
        if let Some(search) = &self.search {
            quote_into(search.as_bytes(), fields.key("search"));
        }
        fields.end();
    }
}

fn hex_string(bytes: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    hex::encode_into(bytes, out);
    out.push(b'"');
}

struct Fields<'a> {
    out: &'a mut Vec<u8>,
    any: bool,
}

impl Fields<'_> {
    fn key(&mut self, name: &str) -> &mut Vec<u8> {
        self.out
            .extend_from_slice(if self.any { b",\"" } else { b"{\"" });
        self.any = true;
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
        self.out
    }

    fn list<T>(
        &mut self,
        name: &str,
        items: impl IntoIterator<Item = T>,
        mut write: impl FnMut(T, &mut Vec<u8>),
    ) {
        let out = self.key(name);
        out.push(b'[');
        for (index, item) in items.into_iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            write(item, out);
        }
        out.push(b']');
    }

    fn end(self) {
        self.out
            .extend_from_slice(if self.any { b"}" } else { b"{}" });
    }
}
