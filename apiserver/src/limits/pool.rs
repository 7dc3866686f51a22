//! Permits that are taken while the server runs, and released on drop.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::shares::{Division, Holder, Shares};

/// Permits of one kind: requests in flight, or bytes in memory.
#[derive(Debug)]
pub struct Pool {
    shares: Mutex<Shares>,
    freed: Notify,
}

/// A number of permits that are held until this is dropped.
#[derive(Debug)]
pub struct Permit {
    pool: Arc<Pool>,
    holder: Holder,
    size: usize,
}

impl Pool {
    /// A pool with all permits free.
    pub fn new(division: Division) -> Arc<Self> {
        Arc::new(Self {
            shares: Mutex::new(Shares::new(division)),
            freed: Notify::new(),
        })
    }

    /// How many permits are taken.
    pub fn taken(&self) -> usize {
        self.shares.lock().taken()
    }

    /// Takes permits that are free now.
    pub fn try_take(self: &Arc<Self>, holder: &Holder, size: usize) -> Option<Permit> {
        let size = self.shares.lock().take(holder, size)?;
        Some(Permit {
            pool: self.clone(),
            holder: holder.clone(),
            size,
        })
    }

    /// Takes permits, and waits a while for them.
    pub async fn take(
        self: &Arc<Self>,
        holder: &Holder,
        size: usize,
        timeout: Duration,
    ) -> Option<Permit> {
        let taken = async {
            loop {
                let mut freed = std::pin::pin!(self.freed.notified());
                // Before the attempt, so that a release after it does not go unnoticed.
                freed.as_mut().enable();
                if let Some(permit) = self.try_take(holder, size) {
                    return permit;
                }
                freed.await;
            }
        };
        tokio::time::timeout(timeout, taken).await.ok()
    }

    fn give_back(&self, holder: &Holder, size: usize) {
        self.shares.lock().give_back(&holder.user, size);
        self.freed.notify_waiters();
    }
}

impl Permit {
    /// The number of permits.
    pub const fn size(&self) -> usize {
        self.size
    }

    /// Takes more of them; false if they are not free.
    pub fn grow(&mut self, size: usize) -> bool {
        let more = self.pool.shares.lock().take(&self.holder, size);
        self.size += more.unwrap_or(0);
        more == Some(size)
    }

    /// Releases all but so many.
    pub fn shrink(&mut self, size: usize) {
        let back = self.size.saturating_sub(size);
        self.size -= back;
        self.pool.give_back(&self.holder, back);
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.pool.give_back(&self.holder, self.size);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_waiter_gets_what_is_released_or_gives_up() {
        let pool = Pool::new(Division {
            total: 10,
            reserve: 0,
            factor: 1,
        });
        let holder = |user: &str| Holder {
            user: user.into(),
            system: false,
        };
        let mut first = pool.try_take(&holder("alice"), 4).unwrap();
        assert!(!first.grow(4) && first.grow(1) && first.size() == 5);
        let (bob, carol) = (holder("bob"), holder("carol"));
        let _fourth = pool.try_take(&holder("dave"), 1).unwrap();
        let denied = pool.take(&bob, 8, Duration::from_millis(1)).await;
        assert!(denied.is_none());
        let timeout = Duration::from_secs(60);
        let (taken, ()) = tokio::join!(pool.take(&carol, 8, timeout), async { drop(first) });
        let mut taken = taken.unwrap();
        taken.shrink(2);
        assert_eq!((taken.size(), pool.taken()), (2, 3));
        drop(taken);
        assert_eq!(pool.taken(), 1);
    }
}
