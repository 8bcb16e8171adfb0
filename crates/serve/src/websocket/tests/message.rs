use proptest::prelude::*;

use super::client_frame;
use crate::websocket::close::{CloseCode, CloseFrame};
use crate::websocket::deflate::{Deflater, Inflater};
use crate::websocket::message::{Decoder, Step};

const MASK: [u8; 4] = [0x12, 0x34, 0x56, 0x78];

#[derive(Debug, Clone, PartialEq, Eq)]
enum Got {
    Text(String),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Close(Option<CloseFrame>),
    Refused(CloseCode),
}

/// Feeds the stream in pieces, as a socket would, and collects what comes out.
fn decode(stream: &[u8], cuts: &[usize], max: usize, deflate: bool) -> Vec<Got> {
    let (mut decoder, mut inflater) = (Decoder::new(max, deflate), Inflater::default());
    let (mut got, mut buffer, mut from) = (Vec::new(), Vec::new(), 0);
    let mut ends: Vec<usize> = cuts.iter().map(|cut| cut % (stream.len() + 1)).collect();
    ends.sort_unstable();
    ends.push(stream.len());
    for end in ends {
        buffer.extend_from_slice(&stream[from..end]);
        from = end;
        loop {
            let (consumed, one) = match decoder.next(&mut buffer, &mut inflater) {
                Ok((0, _)) => break,
                Ok((consumed, step)) => {
                    let one = match step {
                        Step::Incomplete | Step::Nothing => None,
                        Step::Text(text) => Some(Got::Text(text.to_owned())),
                        Step::Binary(data) => Some(Got::Binary(data.to_vec())),
                        Step::Ping(data) => Some(Got::Ping(data.to_vec())),
                        Step::Close(frame) => Some(Got::Close(frame)),
                    };
                    (consumed, one)
                }
                Err(frame) => {
                    got.push(Got::Refused(frame.code));
                    return got;
                }
            };
            buffer.drain(..consumed);
            got.extend(one);
        }
    }
    got
}

fn refused(frames: &[(u8, &[u8])], max: usize, deflate: bool) -> Option<u16> {
    let stream: Vec<u8> = frames
        .iter()
        .flat_map(|(first, payload)| client_frame(*first, payload, MASK))
        .collect();
    match decode(&stream, &[], max, deflate).last() {
        Some(Got::Refused(code)) => Some(code.get()),
        _ => None,
    }
}

#[test]
fn malformed_streams_have_their_codes() {
    assert_eq!(
        refused(&[(0x80, b"x")], 0, false),
        Some(1002),
        "continuation of nothing"
    );
    assert_eq!(
        refused(&[(0x01, b"x"), (0x81, b"y")], 0, false),
        Some(1002),
        "text inside text"
    );
    assert_eq!(
        refused(&[(0xc1, b"x")], 0, false),
        Some(1002),
        "compressed without agreement"
    );
    assert_eq!(
        refused(&[(0x01, b"x"), (0xc0, b"y")], 0, true),
        Some(1002),
        "compressed continuation"
    );
    assert_eq!(
        refused(&[(0x81, b"\xff")], 0, false),
        Some(1007),
        "not UTF-8"
    );
    assert_eq!(
        refused(&[(0xc1, b"\x07\xff\xff")], 0, true),
        Some(1007),
        "does not inflate"
    );
    assert_eq!(
        refused(&[(0x88, b"\x03")], 0, false),
        Some(1002),
        "close of one byte"
    );
    assert_eq!(
        refused(&[(0x88, &1005u16.to_be_bytes())], 0, false),
        Some(1002),
        "reserved close code"
    );
    assert_eq!(
        refused(&[(0x81, b"\xed\xa0\x80")], 0, false),
        Some(1007),
        "surrogate"
    );
}

#[test]
fn r4_5_size_is_bounded_whole_and_in_fragments() {
    assert_eq!(refused(&[(0x81, &[b'a'; 100])], 100, false), None);
    assert_eq!(refused(&[(0x81, &[b'a'; 101])], 100, false), Some(1009));
    assert_eq!(
        refused(&[(0x01, &[b'a'; 60]), (0x80, &[b'a'; 40])], 100, false),
        None
    );
    assert_eq!(
        refused(&[(0x01, &[b'a'; 60]), (0x80, &[b'a'; 41])], 100, false),
        Some(1009)
    );
    // Refused from its header, before any payload is there.
    let mut header = client_frame(0x81, &[], MASK);
    header[1] = 0xff;
    header.splice(2..2, (1u64 << 62).to_be_bytes());
    assert_eq!(
        decode(&header, &[], 100, false),
        [Got::Refused(CloseCode::TOO_BIG)]
    );
    let bomb = Deflater::default()
        .deflate(9, &[&[b'a'; 10_000]])
        .unwrap()
        .to_vec();
    assert_eq!(refused(&[(0xc1, &bomb)], 1000, true), Some(1009));
    assert_eq!(refused(&[(0xc1, &bomb)], 10_000, true), None);
}

#[test]
fn utf8_fails_in_the_fragment_that_breaks_it() {
    // A character in three fragments is whole; one that cannot become whole fails before the message ends.
    let split = [(0x01, &b"\xe2"[..]), (0x00, b"\x82"), (0x80, b"\xac")];
    assert_eq!(refused(&split, 0, false), None);
    assert_eq!(
        refused(&[(0x01, b"ok\xe2"), (0x00, b"x")], 0, false),
        Some(1007)
    );
    assert_eq!(
        refused(&[(0x01, b"ok\xe2"), (0x80, b"")], 0, false),
        Some(1007)
    );
}

#[test]
fn control_frames_interleave() {
    let stream = [
        client_frame(0x01, b"Hel", MASK),
        client_frame(0x89, b"ping", MASK),
        client_frame(0x8a, b"pong", MASK),
        client_frame(0x80, b"lo", MASK),
        client_frame(0x88, b"", MASK),
    ];
    let got = decode(&stream.concat(), &[], 0, false);
    assert_eq!(
        got,
        [
            Got::Ping(b"ping".to_vec()),
            Got::Text("Hello".to_owned()),
            Got::Close(None)
        ]
    );
}

#[derive(Debug, Clone)]
struct Sent {
    text: String,
    binary: bool,
    compressed: bool,
    cuts: Vec<usize>,
    ping: bool,
}

fn sent() -> impl Strategy<Value = Sent> {
    let text = prop_oneof!["\\PC{0,60}", "[ab🦀é]{100,400}"];
    (
        text,
        any::<bool>(),
        any::<bool>(),
        prop::collection::vec(any::<usize>(), 0..4),
        any::<bool>(),
    )
        .prop_map(|(text, binary, compressed, cuts, ping)| Sent {
            text,
            binary,
            compressed,
            cuts,
            ping,
        })
}

fn encode(sent: &Sent, mask: [u8; 4], deflater: &mut Deflater) -> Vec<u8> {
    let (data, rsv) = match deflater
        .deflate(6, &[sent.text.as_bytes()])
        .filter(|_| sent.compressed)
    {
        Some(small) => (small.to_vec(), 0x40),
        None => (sent.text.clone().into_bytes(), 0),
    };
    let mut cuts: Vec<usize> = sent.cuts.iter().map(|cut| cut % (data.len() + 1)).collect();
    cuts.sort_unstable();
    cuts.push(data.len());
    let (mut stream, mut from) = (Vec::new(), 0);
    for (index, end) in cuts.iter().enumerate() {
        let fin = if index + 1 == cuts.len() { 0x80 } else { 0 };
        let first = if index > 0 {
            0
        } else {
            rsv | if sent.binary { 2 } else { 1 }
        };
        stream.extend(client_frame(fin | first, &data[from..*end], mask));
        from = *end;
        if sent.ping {
            stream.extend(client_frame(0x89, b"p", mask));
        }
    }
    stream
}

fn messages(got: Vec<Got>) -> Vec<Got> {
    got.into_iter()
        .filter(|one| !matches!(one, Got::Ping(_)))
        .collect()
}

proptest! {
    /// Any split of the stream and any fragmentation gives the messages that were sent.
    #[test]
    fn splits_do_not_matter(all in prop::collection::vec(sent(), 1..6), splits in prop::collection::vec(any::<usize>(), 0..20), mask: [u8; 4]) {
        let mut deflater = Deflater::default();
        let stream: Vec<u8> = all.iter().flat_map(|sent| encode(sent, mask, &mut deflater)).collect();
        let expected: Vec<Got> = all.into_iter().map(|sent| {
            if sent.binary { Got::Binary(sent.text.into_bytes()) } else { Got::Text(sent.text) }
        }).collect();
        prop_assert_eq!(messages(decode(&stream, &splits, 1 << 20, true)), expected.clone());
        let bytewise: Vec<usize> = (0..stream.len()).collect();
        prop_assert_eq!(messages(decode(&stream, &bytewise, 1 << 20, true)), expected);
    }

    /// Garbage gives a close code or nothing, never a panic, and the same in whatever pieces it comes.
    #[test]
    fn garbage_is_refused(stream in prop::collection::vec(any::<u8>(), 0..200), splits in prop::collection::vec(any::<usize>(), 0..10), deflate: bool) {
        prop_assert_eq!(decode(&stream, &splits, 1000, deflate), decode(&stream, &[], 1000, deflate));
    }

    /// Damage to a valid stream, likewise.
    #[test]
    fn damage_is_refused(all in prop::collection::vec(sent(), 1..4), at: usize, bits in 1u8.., splits in prop::collection::vec(any::<usize>(), 0..10)) {
        let mut deflater = Deflater::default();
        let mut stream: Vec<u8> = all.iter().flat_map(|sent| encode(sent, MASK, &mut deflater)).collect();
        let at = at % stream.len();
        stream[at] ^= bits;
        prop_assert_eq!(decode(&stream, &splits, 1000, true), decode(&stream, &[], 1000, true));
    }
}
