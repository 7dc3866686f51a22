//! How many connections there may be, by how many files this program may open.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// The most connections of clients, even if the system allows more; each takes some kilobytes.
const CONNECTIONS: usize = 4096;
/// The most streams.
const STREAMS: usize = 1024;
/// Descriptors for everything else: the store, the log, connections that begin or end.
const OTHERS: u64 = 128;
/// The fewest of each.
const LEAST: usize = 16;

/// How the descriptors are divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Descriptors {
    /// Connections of clients.
    pub connections: usize,
    /// Connections to nodes, pods and services, one for each forwarded request.
    pub streams: usize,
}

impl Descriptors {
    /// The system's limit, after this program has raised it as far as it may.
    pub fn possible() -> Self {
        let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
        let raised = Rlimit {
            current: maximum,
            maximum,
        };
        if current != maximum
            && let Err(error) = setrlimit(Resource::Nofile, raised)
        {
            tracing::warn!(%error, "the limit of open files cannot be raised");
        }
        Self::of(getrlimit(Resource::Nofile).current)
    }

    /// Divides a limit; `None` is no limit.
    fn of(limit: Option<u64>) -> Self {
        let usable = limit.map_or(usize::MAX, |limit| {
            usize::try_from(limit.saturating_sub(OTHERS)).unwrap_or(usize::MAX)
        });
        let streams = (usable / 4).clamp(LEAST, STREAMS);
        Self {
            connections: usable.saturating_sub(streams).clamp(LEAST, CONNECTIONS),
            streams,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptors_are_asked_for() {
        let possible = Descriptors::possible();
        assert!((LEAST..=CONNECTIONS).contains(&possible.connections));
        let limit = getrlimit(Resource::Nofile);
        assert_eq!(limit.current, limit.maximum);
    }

    #[test]
    fn a_quarter_is_for_streams() {
        for (limit, connections, streams) in [
            (None, 4096, 1024),
            (Some(1 << 20), 4096, 1024),
            (Some(4096 + 128), 3072, 1024),
            (Some(1024), 672, 224),
            (Some(64), 16, 16),
        ] {
            let expected = Descriptors {
                connections,
                streams,
            };
            assert_eq!(Descriptors::of(limit), expected, "{limit:?}");
        }
    }
}
