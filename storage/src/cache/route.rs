//! Which reads can be served from memory, and when.

use crate::{ReadAt, Revision};

/// How a read is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Route {
    /// From memory at once.
    Memory,
    /// From memory, once it has reached the store's current revision.
    Current,
    /// From memory, once it has reached a revision that a client has seen.
    Reach(Revision),
    /// By the store, as memory has the latest snapshot only.
    Upstream,
}

/// Routes a read; `reached` is the revision of memory.
pub(super) fn route(at: ReadAt, reached: Revision) -> Route {
    match at {
        ReadAt::Latest => Route::Current,
        ReadAt::NotOlderThan(least) if least <= reached => Route::Memory,
        ReadAt::NotOlderThan(least) => Route::Reach(least),
        ReadAt::Exactly(exactly) if exactly == reached => Route::Memory,
        ReadAt::Exactly(_) => Route::Upstream,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_are_routed_by_freshness() {
        for (at, expected) in [
            (ReadAt::Latest, Route::Current),
            (ReadAt::NotOlderThan(0), Route::Memory),
            (ReadAt::NotOlderThan(7), Route::Memory),
            (ReadAt::NotOlderThan(8), Route::Reach(8)),
            (ReadAt::Exactly(7), Route::Memory),
            (ReadAt::Exactly(6), Route::Upstream),
            (ReadAt::Exactly(8), Route::Upstream),
        ] {
            assert_eq!(route(at, 7), expected, "{at:?}");
        }
    }
}
