//! Which reads memory can answer, and when.

use crate::{ReadAt, Revision};

/// What a read has to wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Route {
    /// Nothing: memory will do as it is.
    Memory,
    /// Until memory has what is current now.
    Current,
    /// Until memory has reached a revision that a client has seen somewhere.
    Reach(Revision),
    /// Memory has only the present; the store knows the past.
    Upstream,
}

/// Routes a read, when memory has reached `reached`.
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
    fn reads_find_their_way() {
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
