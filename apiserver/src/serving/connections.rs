//! All connections: their number, and which one is closed in favour of a new one.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use super::progress::{Progress, Worth};

/// How long a client may take until its first authorized request, when others need its connection.
const PATIENCE: Duration = Duration::from_secs(2);

/// All connections.
#[derive(Debug)]
pub struct Connections {
    most: usize,
    next: AtomicU64,
    open: Mutex<HashMap<u64, Arc<Progress>>>,
}

/// An open connection, until it is dropped.
#[derive(Debug)]
pub struct Open {
    all: Arc<Connections>,
    number: u64,
}

impl Connections {
    /// No connections yet, and a limit for them.
    pub fn new(most: usize) -> Arc<Self> {
        Arc::new(Self {
            most,
            next: AtomicU64::new(0),
            open: Mutex::default(),
        })
    }

    /// Admits a connection. If there are too many, a less useful one is closed; if all are at work, one of a
    /// user who has a large share of them. If there is no such user, the new one is rejected.
    pub fn take(self: &Arc<Self>, progress: &Arc<Progress>) -> Option<Open> {
        let mut open = self.open.lock();
        if open.len() >= self.most {
            let now = Instant::now();
            let ranked = open.iter().filter_map(|(number, progress)| {
                let rank = rank(progress.worth(), now)?;
                Some((rank, *number))
            });
            let victim = ranked.min().map(|(_, victim)| victim);
            let victim = victim.or_else(|| of_greediest(&open, self.most))?;
            if let Some(victim) = open.remove(&victim) {
                victim.evict();
            }
        }
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        open.insert(number, progress.clone());
        Some(Open {
            all: self.clone(),
            number,
        })
    }
}

/// The order of closing: clients that have been silent for a while, then idle connections, then those that
/// have just begun; the oldest of each first.
fn rank(worth: Worth, now: Instant) -> Option<(u8, Instant)> {
    match worth {
        Worth::Unknown(since) if now.duration_since(since) > PATIENCE => Some((0, since)),
        Worth::Idle(since) => Some((1, since)),
        Worth::Unknown(since) => Some((2, since)),
        Worth::Busy => None,
    }
}

/// The oldest connection of the user with the most, if those are more than a quarter of the limit.
fn of_greediest(open: &HashMap<u64, Arc<Progress>>, most: usize) -> Option<u64> {
    let mut by_user: HashMap<&Arc<str>, (usize, u64)> = HashMap::new();
    for (number, progress) in open {
        if let Some(user) = progress.user().get() {
            let (count, oldest) = by_user.entry(user).or_insert((0, *number));
            *count += 1;
            *oldest = (*oldest).min(*number);
        }
    }
    let (count, oldest) = by_user.into_values().max()?;
    (count > most / 4).then_some(oldest)
}

impl Drop for Open {
    fn drop(&mut self) {
        self.all.open.lock().remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::serving::progress::UnderWay;

    /// A connection at work for a user.
    fn working(all: &Arc<Connections>, user: &str) -> (Arc<Progress>, UnderWay, Open) {
        let progress = Progress::begin();
        let request = progress.request();
        progress.user().get_or_init(|| user.into());
        let open = all.take(&progress).unwrap();
        (progress, request, open)
    }

    #[tokio::test]
    async fn a_user_who_has_many_gives_one_up() {
        let all = Connections::new(8);
        let held: Vec<_> = [
            "alice", "bob", "bob", "carol", "alice", "alice", "dave", "eve",
        ]
        .into_iter()
        .map(|user| working(&all, user))
        .collect();
        let _frank = working(&all, "frank");
        let (oldest, ..) = &held[0];
        oldest.evicted().await;
        let rejected = all.take(&Progress::begin());
        assert!(rejected.is_none(), "two of eight are not many");
    }

    #[tokio::test]
    async fn the_least_useful_is_closed_first() {
        let all = Connections::new(8);
        let _others: Vec<_> = (0..6).map(|n| working(&all, &n.to_string())).collect();
        let (busy, idle) = (Progress::begin(), Progress::begin());
        let at_work = busy.request();
        busy.user().get_or_init(|| "alice".into());
        at_work.answer(None, false);
        idle.user().get_or_init(|| "bob".into());
        idle.request().answer(None, false);
        let _busy = all.take(&busy).unwrap();
        let of_idle = all.take(&idle).unwrap();
        let new = Progress::begin();
        let of_new = all.take(&new).unwrap();
        idle.evicted().await;
        drop(of_idle);
        let newer = Progress::begin();
        let _newer = all.take(&newer).unwrap();
        new.evicted().await;
        drop(of_new);
        assert_eq!(all.open.lock().len(), 8);
        let at_work_too = newer.request();
        newer.user().get_or_init(|| "carol".into());
        at_work_too.answer(None, false);
        assert!(all.take(&Progress::begin()).is_none(), "all are at work");
    }

    #[test]
    fn silence_is_worth_less_than_rest_and_rest_less_than_a_beginning() {
        let now = Instant::now() + Duration::from_secs(3600);
        let ago = |seconds| now - Duration::from_secs(seconds);
        let order = [
            Worth::Unknown(ago(10)),
            Worth::Unknown(ago(3)),
            Worth::Idle(ago(80)),
            Worth::Idle(ago(1)),
            Worth::Unknown(ago(1)),
        ];
        let ranks: Vec<_> = order.iter().map(|worth| rank(*worth, now)).collect();
        assert!(ranks.is_sorted() && ranks.iter().all(Option::is_some));
        assert_eq!(rank(Worth::Busy, now), None);
    }
}
