//! Answers to the question what is in a bucket (`ListObjectsV2`).

use rusty_s3::actions::ListObjectsV2;

/// The namespace of the answers, and the one that Google Cloud Storage has for the same.
const AMAZON: &str = "http://s3.amazonaws.com/doc/2006-03-01/";
const GOOGLE: &str = "http://doc.s3.amazonaws.com/2006-03-01";

/// Some of the objects.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Page {
    /// Their names, and their lengths.
    pub objects: Vec<(String, u64)>,
    /// By what the next page is asked for, if there is one.
    pub next: Option<String>,
}

impl Page {
    /// Reads an answer; `None` when it is none.
    pub fn parse(xml: &[u8]) -> Option<Self> {
        let xml = std::str::from_utf8(xml).ok()?.replacen(GOOGLE, AMAZON, 1);
        if !xml.trim_end().ends_with("</ListBucketResult>") {
            // It would be read as a shorter list.
            return None;
        }
        let list = ListObjectsV2::parse_response(&xml).ok()?;
        let objects = list.contents.into_iter();
        let objects = objects.map(|object| Some((object.key, object.size?)));
        Some(Self {
            objects: objects.collect::<Option<_>>()?,
            next: list.next_continuation_token,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn o4_3_what_is_in_a_bucket_is_read() {
        let xml = br#"<?xml version="1.0" encoding="UTF-8"?>
            <ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>b</Name><IsTruncated>true</IsTruncated>
            <NextContinuationToken>1&amp;2==</NextContinuationToken>
            <Contents><Key>a b/&lt;&#13;&#x1F980;/relays.parquet</Key><Size>12</Size></Contents>
            <Contents><ETag>&quot;x&quot;</ETag><Size>0</Size><Key>c</Key></Contents></ListBucketResult>"#;
        let objects = vec![
            ("a b/<\r\u{1f980}/relays.parquet".to_owned(), 12),
            ("c".to_owned(), 0),
        ];
        let next = Some("1&2==".to_owned());
        assert_eq!(Page::parse(xml), Some(Page { objects, next }));
        for namespace in [AMAZON, GOOGLE] {
            let last = format!(
                "<ListBucketResult xmlns=\"{namespace}\"><IsTruncated>false</IsTruncated></ListBucketResult>"
            );
            let page = Page::parse(last.as_bytes()).unwrap();
            assert_eq!((page.objects.len(), page.next), (0, None));
        }
    }

    #[test]
    fn o4_3_what_is_no_list_is_refused() {
        for xml in [
            "",
            "<html>Welcome</html>",
            // More, and not a word of where.
            "<ListBucketResult NS><IsTruncated>true</IsTruncated></ListBucketResult>",
            "<ListBucketResult NS><Contents><Key>a</Key></Contents></ListBucketResult>",
            "<ListBucketResult NS><Contents><Key>a</Key><Size>-1</Size></Contents></ListBucketResult>",
            "<ListBucketResult NS><Contents><Key>&what;</Key><Size>1</Size></Contents></ListBucketResult>",
            "<ListBucketResult NS><Contents><Key>a</Key><Size>1</Size>",
        ] {
            let xml = xml.replace("NS", &format!("xmlns=\"{AMAZON}\""));
            assert_eq!(Page::parse(xml.as_bytes()), None, "{xml}");
        }
    }

    proptest! {
        #[test]
        fn o4_3_no_answer_panics(text in "(<ListBucketResult|<Contents>|</Contents>|<Key>|</Key>|<Size>|</Size>|&|#x?|;|[0-9a-f]|\\PC){0,40}") {
            let _ = Page::parse(text.as_bytes());
        }
    }
}
