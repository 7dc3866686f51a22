//! Memory of incomplete heads of requests: what a client can make the server keep before it is identified.

use std::sync::Arc;

use crate::limits::pool::{Permit, Pool};
use crate::limits::shares::{Division, Holder};

/// How much of a head each connection may keep, in bytes, regardless of the others. Few heads are larger.
const FREE: usize = 16 * 1024;
/// How much memory is taken at a time beyond that.
const STEP: usize = 64 * 1024;
/// The length of HTTP/2's connection preface.
const PREFACE: usize = 24;
/// The length of a frame's header.
const FRAME_HEAD: usize = 9;
const HEADERS: u8 = 1;
const CONTINUATION: u8 = 9;
const END_HEADERS: u8 = 4;

/// Memory for large heads, in bytes.
#[derive(Clone, Debug)]
pub struct Heads(Arc<Pool>);

impl Heads {
    /// The limit for all connections together.
    pub fn new(bytes: usize) -> Self {
        Self(Pool::new(Division {
            total: bytes,
            reserve: 0,
            factor: usize::MAX,
        }))
    }
}

/// The part of a head that has arrived on one connection.
#[derive(Debug)]
pub struct Head {
    memory: Heads,
    taken: Option<Permit>,
    came: usize,
    form: Form,
}

#[derive(Debug)]
enum Form {
    /// How many heads had been read when this one began.
    Http1(u64),
    Http2(Frames),
}

impl Head {
    /// A connection on which nothing has arrived yet.
    pub fn new(memory: &Heads, http2: bool) -> Self {
        Self {
            memory: memory.clone(),
            taken: None,
            came: 0,
            form: if http2 {
                Form::Http2(Frames::default())
            } else {
                Form::Http1(0)
            },
        }
    }

    /// More bytes have arrived. `read` is how many heads have been read, if nothing but a head can be
    /// arriving.
    pub fn comes(&mut self, bytes: &[u8], read: Option<u64>) {
        match (&mut self.form, read) {
            (Form::Http2(frames), _) => frames.read(bytes, &mut self.came),
            // the body of a request
            (Form::Http1(_), None) => self.came = 0,
            (Form::Http1(before), Some(now)) => {
                if *before != now {
                    *before = now;
                    self.came = 0;
                }
                self.came += bytes.len();
            }
        }
        if self.came == 0 {
            self.taken = None;
        }
    }

    /// Whether a head has begun and not ended.
    pub const fn is_coming(&self) -> bool {
        self.came > 0
    }

    /// Takes memory for the bytes that have arrived; false if there is none left.
    pub fn take(&mut self) -> bool {
        let covered = FREE + self.taken.as_ref().map_or(0, Permit::size);
        let Some(missing) = self.came.checked_sub(covered).filter(|more| *more > 0) else {
            return true;
        };
        let more = missing.next_multiple_of(STEP);
        if let Some(taken) = &mut self.taken {
            return taken.grow(more);
        }
        // the user is not known before the head is complete
        let holder = Holder {
            user: "".into(),
            system: false,
        };
        self.taken = self.memory.0.try_take(&holder, more);
        self.taken.is_some()
    }
}

/// Follows the frames of an HTTP/2 connection.
#[derive(Debug)]
struct Frames {
    /// How many bytes of the preface are outstanding.
    preface: usize,
    head: Vec<u8>,
    /// How many bytes of the frame are outstanding.
    rest: usize,
    in_head: bool,
    ends_head: bool,
}

impl Default for Frames {
    fn default() -> Self {
        Self {
            preface: PREFACE,
            head: Vec::with_capacity(FRAME_HEAD),
            rest: 0,
            in_head: false,
            ends_head: false,
        }
    }
}

impl Frames {
    /// Counts the bytes of frames that belong to a request's head.
    fn read(&mut self, mut bytes: &[u8], came: &mut usize) {
        loop {
            bytes = skip(bytes, &mut self.preface);
            let before = bytes.len();
            bytes = skip(bytes, &mut self.rest);
            if self.in_head {
                *came += before - bytes.len();
            }
            if self.rest == 0 && self.ends_head {
                (*came, self.in_head, self.ends_head) = (0, false, false);
            }
            let (now, later) = bytes.split_at(bytes.len().min(FRAME_HEAD - self.head.len()));
            self.head.extend_from_slice(now);
            bytes = later;
            let [a, b, c, kind, flags, ..] = *self.head.as_slice() else {
                return;
            };
            if self.head.len() < FRAME_HEAD {
                return;
            }
            self.head.clear();
            self.rest = [a, b, c]
                .iter()
                .fold(0, |n, byte| n << 8 | usize::from(*byte));
            self.in_head = matches!(kind, HEADERS | CONTINUATION);
            self.ends_head = self.in_head && flags & END_HEADERS != 0;
            if self.in_head {
                *came += FRAME_HEAD;
            }
        }
    }
}

/// The bytes after the outstanding ones.
fn skip<'b>(bytes: &'b [u8], still: &mut usize) -> &'b [u8] {
    let (skipped, after) = bytes.split_at(bytes.len().min(*still));
    *still -= skipped.len();
    after
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, flags: u8, size: usize) -> Vec<u8> {
        let [.., a, b, c] = size.to_be_bytes();
        let mut frame = vec![a, b, c, kind, flags, 0, 0, 0, 1];
        frame.resize(FRAME_HEAD + size, 0);
        frame
    }

    /// For any division into reads.
    #[test]
    fn only_unfinished_heads_of_http2_count() {
        let mut all = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
        for (kind, flags, size) in [
            (4, 0, 12),
            (HEADERS, END_HEADERS, 500),
            (0, 0, 10_000),
            (8, 0, 4),
            (HEADERS, 0, 300),
            (CONTINUATION, 0, 200),
        ] {
            all.extend(frame(kind, flags, size));
        }
        for size in [1, 2, 7, 9, 100, 1000, all.len()] {
            let mut head = Head::new(&Heads::new(0), true);
            for piece in all.chunks(size) {
                head.comes(piece, None);
            }
            assert_eq!(head.came, 500 + 2 * FRAME_HEAD, "in pieces of {size}");
            head.comes(&frame(CONTINUATION, END_HEADERS, 0), None);
            assert!(!head.is_coming());
        }
    }

    #[test]
    fn a_head_of_http1_ends_where_its_request_begins() {
        let mut head = Head::new(&Heads::new(0), false);
        head.comes(b"GET / HTTP/1.1\r\n", Some(0));
        assert!(head.is_coming());
        head.comes(&[0; 100_000], None);
        assert!(!head.is_coming(), "a body");
        head.comes(b"GET ", Some(1));
        assert_eq!(head.came, 4);
        head.comes(b"GET ", Some(2));
        assert_eq!(head.came, 4, "another request was read in between");
    }

    #[test]
    fn large_heads_share_memory_and_small_ones_need_none() {
        let memory = Heads::new(4 * STEP);
        let of = |size: usize| {
            let mut head = Head::new(&memory, false);
            head.comes(&vec![0; size], Some(0));
            (head.take(), head)
        };
        let (taken, mut large) = of(FREE + 3 * STEP + 1);
        assert!(taken && large.take());
        assert!(of(FREE).0 && !of(FREE + 1).0);
        large.comes(b"", None);
        assert!(of(FREE + 1).0, "it was given back");
    }
}
