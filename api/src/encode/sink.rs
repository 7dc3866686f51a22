//! Where encoded text goes.

/// Takes bytes in order.
pub trait Sink {
    /// Takes the next ones.
    fn put(&mut self, bytes: &[u8]);
}

impl Sink for Vec<u8> {
    fn put(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

/// Counts bytes, so that a text's length is known before it is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Length(pub u64);

impl Sink for Length {
    fn put(&mut self, bytes: &[u8]) {
        self.0 += bytes.len() as u64;
    }
}
