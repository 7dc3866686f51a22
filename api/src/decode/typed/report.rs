//! What decoding reports besides the value.

use std::cell::RefCell;

use super::zero::Dropped;

/// What decoding a document recorded.
#[derive(Default)]
pub(in crate::decode) struct Report {
    pub(super) unknown: RefCell<Vec<String>>,
    pub(super) empty: RefCell<Vec<String>>,
    /// Values that Go omits.
    pub(super) zeros: RefCell<Dropped>,
    /// Those of an earlier pass, which are skipped.
    pub(super) dropped: Dropped,
}

impl Report {
    /// The unknown fields, and the empty lists and maps in fields that are always written.
    pub(in crate::decode) fn into_parts(self) -> (Vec<String>, Vec<String>) {
        (self.unknown.into_inner(), self.empty.into_inner())
    }

    /// For a second pass without the values that Go omits; `None` if there were none.
    ///
    /// Which values these are depends on the field's type, which is known only once serde requests
    /// it.
    pub(in crate::decode) fn without_zeros(&self) -> Option<Self> {
        let dropped = self.zeros.take();
        (!dropped.is_empty()).then(|| Self {
            dropped,
            ..Self::default()
        })
    }
}
