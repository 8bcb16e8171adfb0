//! Rule `sizes`: sizes of events that are not a matter of parsing (R4.2).

use std::sync::Arc;

use stentor_event::EventView;

use super::super::Verdict;
use super::{WriteRule, Writing};
use crate::config;

struct Sizes(config::Sizes);

/// The rule; none when nothing is limited.
pub(super) fn rule(config: &config::Sizes) -> Option<Arc<dyn WriteRule>> {
    (*config != config::Sizes::default()).then(|| Arc::new(Sizes(config.clone())) as _)
}

impl WriteRule for Sizes {
    fn judge(&self, writing: &Writing<'_>) -> Verdict {
        let view = writing.event.view();
        match self.too_large(&view) {
            None => Verdict::Pass,
            Some((what, most)) => {
                Verdict::invalid(format!("invalid: an event may have at most {most} {what}"))
            }
        }
    }
}

impl Sizes {
    /// What there is too much of, and the most of it.
    fn too_large(&self, view: &EventView<'_>) -> Option<(&'static str, usize)> {
        let sizes = &self.0;
        let above = |most: usize, size: &dyn Fn() -> usize| most > 0 && size() > most;
        let tags = |name: &'static [u8]| view.tags().filter(move |tag| tag.name().is(name)).count();
        let longest = || {
            let values = view.tags().flat_map(|tag| tag.iter());
            values
                .map(|value| value.unescape().len())
                .max()
                .unwrap_or(0)
        };
        if above(sizes.content_chars, &|| characters(&view.content())) {
            return Some(("characters in its content", sizes.content_chars));
        }
        if above(sizes.mentions, &|| tags(b"p")) {
            return Some(("p tags", sizes.mentions));
        }
        if above(sizes.hashtags, &|| tags(b"t")) {
            return Some(("t tags", sizes.hashtags));
        }
        if above(sizes.tag_value_bytes, &longest) {
            return Some(("bytes in a value of a tag", sizes.tag_value_bytes));
        }
        None
    }
}

/// Unicode characters of UTF-8 text.
fn characters(text: &[u8]) -> usize {
    text.iter().filter(|byte| (**byte & 0xc0) != 0x80).count()
}
