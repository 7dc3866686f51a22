//! What a decoding notes beside the value.

use std::cell::RefCell;

use super::zero::Dropped;

/// What a decoding noted on its way.
#[derive(Default)]
pub(in crate::decode) struct Report {
    pub(super) unknown: RefCell<Vec<String>>,
    pub(super) empty: RefCell<Vec<String>>,
    /// Values that Go would not write.
    pub(super) zeros: RefCell<Dropped>,
    /// Those that an earlier decoding found: their fields are passed over.
    pub(super) dropped: Dropped,
}

impl Report {
    /// The unknown fields, and the fields that hold nothing where Go writes that.
    pub(in crate::decode) fn into_parts(self) -> (Vec<String>, Vec<String>) {
        (self.unknown.into_inner(), self.empty.into_inner())
    }

    /// For another decoding without the values that Go would not write; `None` if there were none.
    ///
    /// Only a field's type tells which values are that, and serde lets it speak once.
    pub(in crate::decode) fn without_zeros(&self) -> Option<Self> {
        let dropped = self.zeros.take();
        (!dropped.is_empty()).then(|| Self {
            dropped,
            ..Self::default()
        })
    }
}
