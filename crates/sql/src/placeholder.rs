//! Parameters in the text of a statement: callers write `?`, PostgreSQL reads `$1`.
//!
//! A question mark in a string, a quoted identifier or a comment is none. Known are `'…'`, `E'…'`, `"…"`, `$tag$…$tag$`, `-- …`
//! and nested `/* … */`. What only SQLite has, identifiers in backticks and brackets, is not. An operator of PostgreSQL with
//! a question mark in it cannot be written; each has a function that does the same.

use std::borrow::Cow;

use crate::{Dialect, Error};

/// Finds the parameters: the text that the database of this dialect reads, and how many parameters it takes.
///
/// # Errors
/// [`Error::Statement`] when `?` and `?1` are mixed, or for `?0`, or when something quoted does not end.
pub fn rewrite(text: &str, dialect: Dialect) -> Result<(Cow<'_, str>, usize), Error> {
    let mut scanner = Scanner { text, at: 0 };
    let mut output = String::new();
    let mut copied = 0;
    let mut counted = 0_usize;
    let mut highest = 0_usize;
    while let Some(place) = scanner.parameter()? {
        match place.number {
            None => counted += 1,
            Some(0) => return Err(Error::statement("there is no parameter ?0")),
            Some(number) => highest = highest.max(number),
        }
        if counted > 0 && highest > 0 {
            return Err(Error::statement("`?` and `?1` in one statement"));
        }
        if dialect == Dialect::Postgres {
            output.push_str(text.get(copied..place.start).unwrap_or_default());
            output.push('$');
            output.push_str(&place.number.unwrap_or(counted).to_string());
            copied = scanner.at;
        }
    }
    let count = counted.max(highest);
    if copied == 0 {
        return Ok((Cow::Borrowed(text), count));
    }
    output.push_str(text.get(copied..).unwrap_or_default());
    Ok((Cow::Owned(output), count))
}

/// A parameter.
struct Place {
    /// Where its `?` is.
    start: usize,
    /// What follows it.
    number: Option<usize>,
}

struct Scanner<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Scanner<'t> {
    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// The next parameter, with the scanner behind it.
    fn parameter(&mut self) -> Result<Option<Place>, Error> {
        while let Some(skip) = self.rest().find(['?', '\'', '"', '$', '-', '/']) {
            let start = self.at + skip;
            self.at = start;
            let rest = self.rest();
            if rest.starts_with('?') {
                self.at += 1;
                return self.number(start).map(Some);
            } else if rest.starts_with("--") {
                self.at += rest.find('\n').unwrap_or(rest.len());
            } else if rest.starts_with("/*") {
                self.comment()?;
            } else if rest.starts_with('\'') {
                let escapes = self.follows_escape_mark();
                self.quoted('\'', escapes)?;
            } else if rest.starts_with('"') {
                self.quoted('"', false)?;
            } else if rest.starts_with('$') {
                self.dollar()?;
            } else {
                self.at += 1;
            }
        }
        Ok(None)
    }

    /// The digits behind a `?`.
    fn number(&mut self, start: usize) -> Result<Place, Error> {
        let rest = self.rest();
        let length = rest
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(rest.len());
        self.at += length;
        let digits = rest.get(..length).unwrap_or_default();
        if digits.is_empty() {
            return Ok(Place {
                start,
                number: None,
            });
        }
        // Both databases know fewer than 65,536 parameters.
        match digits.parse::<u16>() {
            Ok(number) => Ok(Place {
                start,
                number: Some(number.into()),
            }),
            Err(_) => Err(Error::statement(format!("there is no parameter ?{digits}"))),
        }
    }

    /// Whether what comes is an `E'…'`: an `E` before it that ends no word.
    fn follows_escape_mark(&self) -> bool {
        let mut before = self.text.get(..self.at).unwrap_or_default().chars().rev();
        matches!(before.next(), Some('e' | 'E')) && !before.next().is_some_and(is_word)
    }

    /// Behind the end of something quoted; a doubled quote does not end it.
    fn quoted(&mut self, quote: char, escapes: bool) -> Result<(), Error> {
        self.at += 1;
        while let Some(skip) = self.rest().find([quote, '\\']) {
            self.at += skip;
            let mut rest = self.rest().chars();
            let found = rest.next();
            self.at += 1;
            if found == Some(quote) {
                if rest.next() != Some(quote) {
                    return Ok(());
                }
                self.at += 1;
            } else if escapes {
                self.at += rest.next().map_or(0, char::len_utf8);
            }
        }
        Err(Error::statement("something quoted does not end"))
    }

    /// Behind the end of a comment, in which there may be others.
    fn comment(&mut self) -> Result<(), Error> {
        let mut depth = 0_usize;
        while let Some(skip) = self.rest().find(['/', '*']) {
            self.at += skip;
            if self.rest().starts_with("/*") {
                depth += 1;
                self.at += 2;
            } else if self.rest().starts_with("*/") {
                depth -= 1;
                self.at += 2;
                if depth == 0 {
                    return Ok(());
                }
            } else {
                self.at += 1;
            }
        }
        Err(Error::statement("a comment does not end"))
    }

    /// Behind the end of `$tag$…$tag$`, or behind a single `$`, which may be part of a word or of `$1`.
    fn dollar(&mut self) -> Result<(), Error> {
        let in_word = self.text.get(..self.at).unwrap_or_default();
        let in_word = in_word.chars().next_back().is_some_and(is_word);
        self.at += 1;
        let rest = self.rest();
        let length = rest.find(|c: char| !is_word(c)).unwrap_or(rest.len());
        let tag = rest.get(..length).unwrap_or_default();
        let opens = rest.get(length..).is_some_and(|rest| rest.starts_with('$'));
        if in_word || !opens || tag.starts_with(|c: char| c.is_ascii_digit()) {
            return Ok(());
        }
        self.at += length + 1;
        let end = format!("${tag}$");
        let Some(skip) = self.rest().find(&end) else {
            return Err(Error::statement("something quoted does not end"));
        };
        self.at += skip + end.len();
        Ok(())
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn postgres(text: &str) -> (String, usize) {
        let (text, count) = rewrite(text, Dialect::Postgres).unwrap();
        (text.into_owned(), count)
    }

    #[test]
    fn parameters_are_numbered() {
        let (text, count) = postgres("SELECT ? FROM a WHERE b=? AND c IN (?,?)");
        assert_eq!(text, "SELECT $1 FROM a WHERE b=$2 AND c IN ($3,$4)");
        assert_eq!(count, 4);
        assert_eq!(
            postgres("SELECT ?2, ?1, ?2"),
            ("SELECT $2, $1, $2".into(), 2)
        );
        assert_eq!(postgres("SELECT 1"), ("SELECT 1".into(), 0));
        assert_eq!(postgres("?"), ("$1".into(), 1));
    }

    #[test]
    fn sqlite_keeps_its_text_and_parameters_are_counted() {
        let text = "SELECT ?, '?', ? -- ?";
        let (same, count) = rewrite(text, Dialect::Sqlite).unwrap();
        assert!(matches!(same, Cow::Borrowed(same) if same == text));
        assert_eq!(count, 2);
    }

    #[test]
    fn what_is_quoted_or_a_comment_stays() {
        for text in [
            "SELECT 'a?''?' , x",
            r"SELECT '\' , x",
            r"SELECT E'\'?' , x",
            r"SELECT e'\\' , x",
            r#"SELECT "a?""?" , x"#,
            "SELECT $$?'$$ , x",
            "SELECT $a$ ? $b$ ? $$ ? $a$ , x",
            "SELECT /* ? /* ? */ ? */ x",
            "SELECT x -- it's ?",
            "SELECT x --?\n",
        ] {
            assert_eq!(postgres(text), (text.to_owned(), 0), "{text}");
            let (with, count) = postgres(&format!("{text}\n , ?"));
            assert_eq!((with, count), (format!("{text}\n , $1"), 1), "{text}");
        }
    }

    #[test]
    fn what_only_looks_like_a_quote_hides_nothing() {
        // The name ends on an E; the dollar belongs to a name.
        assert_eq!(postgres(r"SELECT name'\', ?").1, 1);
        assert_eq!(postgres("SELECT a$b$ , ? , c$b$").1, 1);
        assert_eq!(postgres("SELECT 1 - ? / ? * ?").1, 3);
        assert_eq!(postgres("SELECT $1$ , ?").1, 1);
    }

    #[test]
    fn faults_are_told() {
        for text in [
            "?0", "? ?1", "?1 ?", "?70000", "'", "'''", "\"", "/* /* */", "$a$ $b$", r"E'\'",
        ] {
            let error = rewrite(text, Dialect::Postgres);
            assert!(matches!(error, Err(Error::Statement { .. })), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_taken(text in "\\PC*") {
            let _ = rewrite(&text, Dialect::Postgres);
        }

        /// Pieces that mean the same wherever they are: the parameters among them are found, all else stays.
        #[test]
        fn pieces_keep_their_meaning(pieces in proptest::collection::vec(0..9_usize, 0..20)) {
            const PIECES: [&str; 8] =
                ["'?'", "\"?\"", "-- ?'\n", "/*'?*/", "$$?'$$", "E'\\'?'", " x ", "a$"];
            let mut written = String::new();
            let mut expected = String::new();
            let mut count = 0;
            for piece in pieces {
                match PIECES.get(piece) {
                    Some(piece) => {
                        written += piece;
                        expected += piece;
                    }
                    None => {
                        count += 1;
                        written += "?";
                        expected += &format!("${count}");
                    }
                }
                written.push(' ');
                expected.push(' ');
            }
            prop_assert_eq!(postgres(&written), (expected, count));
        }
    }
}
