use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use bytes::Bytes;

use super::*;

#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

fn text(len: usize) -> OutFrame {
    OutFrame::Text(Bytes::from(vec![b'x'; len]))
}

fn outbox(frames: usize, bytes: usize, overflow: Overflow) -> Outbox {
    Outbox::new(OutboxLimits {
        frames,
        bytes,
        overflow,
    })
}

#[test]
fn r8_1_bounded_by_frames_and_by_bytes() {
    let by_frames = outbox(2, 0, Overflow::Drop);
    assert_eq!(by_frames.push_many((0..5).map(|_| text(1))), 2);
    assert_eq!(
        by_frames.pressure(),
        Pressure {
            frames: 2,
            bytes: 2,
            dropped: 3
        }
    );
    let by_bytes = outbox(0, 10, Overflow::Drop);
    assert!(by_bytes.push(text(6)).is_ok());
    assert_eq!(by_bytes.push(text(5)), Err(PushError::Full));
    assert!(by_bytes.push(text(4)).is_ok());
    let one_large = outbox(0, 10, Overflow::Drop);
    assert!(one_large.push(text(100)).is_ok());
}

#[test]
fn r8_1_overflow_closes_with_a_reason_and_frees() {
    let outbox = outbox(2, 0, Overflow::Close);
    assert_eq!(outbox.push_many((0..5).map(|_| text(1))), 2);
    assert!(outbox.is_closed());
    assert_eq!(outbox.pressure().frames, 0);
    let Some(Signal::Close(frame)) = outbox.take_signal() else {
        panic!("no close")
    };
    assert_eq!(frame.code.get(), 1008);
    assert!(frame.reason.contains("too slow"));
    assert_eq!(outbox.push(text(1)), Err(PushError::Closed));
}

#[test]
fn wakes_only_a_sleeping_task_that_wants_frames() {
    let outbox = outbox(0, 0, Overflow::Close);
    let count = Arc::new(Count::default());
    let waker = Waker::from(Arc::clone(&count));
    let cx = Context::from_waker(&waker);
    outbox.push(text(1)).unwrap();
    assert!(!outbox.park(&cx, Parked::Frames), "a frame waits");
    assert!(outbox.park(&cx, Parked::Signals));
    outbox.push(text(1)).unwrap();
    assert_eq!(count.0.load(Ordering::SeqCst), 0);
    outbox.close(CloseFrame::new(crate::CloseCode::NORMAL, ""));
    assert_eq!(count.0.load(Ordering::SeqCst), 1);
    let mut frames = Vec::new();
    outbox.take(usize::MAX, &mut frames);
    assert_eq!(frames.len(), 2);
}

#[test]
fn waits_for_room_until_half_empty() {
    let outbox = outbox(4, 0, Overflow::Drop);
    let count = Arc::new(Count::default());
    let waker = Waker::from(Arc::clone(&count));
    let mut cx = Context::from_waker(&waker);
    outbox.push_many((0..4).map(|_| text(10)));
    assert_eq!(outbox.poll_writable(&mut cx), Poll::Pending);
    assert_eq!(outbox.poll_writable(&mut cx), Poll::Pending);
    let mut frames = Vec::new();
    let taken = outbox.take(10, &mut frames);
    assert!(taken.bytes >= 10);
    assert_eq!(taken.left, 3);
    assert_eq!((frames.len(), count.0.load(Ordering::SeqCst)), (1, 0));
    outbox.take(10, &mut frames);
    assert_eq!((frames.len(), count.0.load(Ordering::SeqCst)), (2, 1));
    assert_eq!(outbox.poll_writable(&mut cx), Poll::Ready(()));
}

#[test]
fn discards_by_subscription() {
    let outbox = outbox(0, 0, Overflow::Drop);
    let (one, two): (Arc<[u8]>, Arc<[u8]>) = (Arc::from(&b"1"[..]), Arc::from(&b"1"[..]));
    for prefix in [&one, &two, &one] {
        outbox
            .push(OutFrame::Event {
                prefix: Arc::clone(prefix),
                body: Bytes::from_static(b"{}"),
            })
            .unwrap();
    }
    outbox.discard(&one);
    assert_eq!(
        outbox.pressure(),
        Pressure {
            frames: 1,
            bytes: 4,
            dropped: 0
        }
    );
}
