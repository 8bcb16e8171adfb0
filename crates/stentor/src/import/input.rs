//! Opens what is imported: a file or standard input, plain, gzip or zstd.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes handed out at once by the decompressors' buffers.
const BUFFER: usize = 256 * 1024;
/// The largest window of a zstd frame that is accepted, as a power of two: 128 MiB, what `zstd --long` writes.
const ZSTD_WINDOW_LOG: u32 = 27;

/// Raw bytes to import.
pub struct Input {
    /// The bytes, still compressed.
    pub reader: Box<dyn Read + Send>,
    /// How many there are, where that is known.
    pub size: Option<u64>,
    /// How many have been read.
    pub read: Arc<AtomicU64>,
}

impl Input {
    /// Opens a file; `-` is standard input.
    ///
    /// # Errors
    /// When the file cannot be opened.
    pub fn open(path: &Path) -> io::Result<Self> {
        if path.as_os_str() == "-" {
            return Ok(Self::new(io::stdin(), None));
        }
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        let size = Some(metadata.len()).filter(|_| metadata.is_file());
        Ok(Self::new(file, size))
    }

    /// Wraps any source of bytes.
    pub fn new(reader: impl Read + Send + 'static, size: Option<u64>) -> Self {
        let read = Arc::new(AtomicU64::new(0));
        let reader = Box::new(Counted {
            inner: reader,
            read: Arc::clone(&read),
        });
        Self { reader, size, read }
    }
}

struct Counted<R> {
    inner: R,
    read: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.read.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

/// Decompresses by what the first bytes say; names are not looked at.
///
/// # Errors
/// When the first bytes cannot be read.
pub fn decompress(mut reader: Box<dyn Read + Send>) -> io::Result<Box<dyn Read + Send>> {
    let mut magic = Vec::with_capacity(4);
    reader.by_ref().take(4).read_to_end(&mut magic)?;
    let kind = Compression::of(&magic);
    let whole = io::BufReader::with_capacity(BUFFER, io::Cursor::new(magic).chain(reader));
    Ok(match kind {
        Compression::None => Box::new(whole),
        Compression::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(whole)),
        Compression::Zstd => {
            let mut decoder = zstd::stream::read::Decoder::with_buffer(whole)?;
            decoder.window_log_max(ZSTD_WINDOW_LOG)?;
            Box::new(decoder)
        }
    })
}

/// How bytes are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    None,
    /// RFC 1952.
    Gzip,
    /// RFC 8878.
    Zstd,
}

impl Compression {
    /// By the first bytes.
    pub fn of(magic: &[u8]) -> Self {
        match magic {
            [0x1f, 0x8b, ..] => Self::Gzip,
            // A frame, or one of the skippable frames with which seekable archives begin.
            [0x28, 0xb5, 0x2f, 0xfd] | [0x50..=0x5f, 0x2a, 0x4d, 0x18] => Self::Zstd,
            _ => Self::None,
        }
    }

    /// By the end of a file's name.
    pub fn by_name(path: &Path) -> Self {
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("gz") => Self::Gzip,
            Some("zst" | "zstd") => Self::Zstd,
            _ => Self::None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn unpack(bytes: Vec<u8>) -> Vec<u8> {
        let mut out = Vec::new();
        decompress(Box::new(io::Cursor::new(bytes)))
            .unwrap()
            .read_to_end(&mut out)
            .unwrap();
        out
    }

    #[test]
    fn r5_4_compression_is_known_by_its_first_bytes() {
        let text = b"{\"a\":1}\n{\"b\":2}\n".repeat(1_000);
        assert_eq!(unpack(text.clone()), text);
        assert_eq!(unpack(zstd::encode_all(&text[..], 3).unwrap()), text);
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(&text).unwrap();
        let gzip = gzip.finish().unwrap();
        assert_eq!(unpack(gzip.clone()), text);
        // Archives appended to each other are one archive.
        assert_eq!(
            unpack([gzip.clone(), gzip].concat()),
            [text.clone(), text].concat()
        );
    }

    #[test]
    fn short_inputs_are_plain() {
        assert_eq!(unpack(Vec::new()), b"");
        assert_eq!(unpack(b"{}".to_vec()), b"{}");
    }
}
