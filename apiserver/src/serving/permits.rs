//! What a response holds until it has been sent.

use std::sync::Arc;

use bytes::Bytes;

use super::progress::UnderWay;
use crate::limits::in_flight::InFlight;

/// The permits of a response, which are released with the last reference to them.
#[derive(Clone)]
pub(super) struct Permits {
    _all: Arc<Both>,
}

struct Both {
    _in_flight: Option<Arc<InFlight>>,
    _under_way: UnderWay,
}

impl Permits {
    pub(super) fn new(in_flight: Option<Arc<InFlight>>, under_way: UnderWay) -> Self {
        let all = Both {
            _in_flight: in_flight,
            _under_way: under_way,
        };
        Self {
            _all: Arc::new(all),
        }
    }

    /// The bytes, which hold the permits until the last of them has been sent.
    pub(super) fn held_by(&self, bytes: Bytes) -> Bytes {
        Bytes::from_owner(Held {
            bytes,
            _permits: self.clone(),
        })
    }
}

struct Held {
    bytes: Bytes,
    _permits: Permits,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}
