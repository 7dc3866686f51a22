//! What a connection is doing, and since when it is idle: the one place that ends connections whose clients
//! are silent, do not finish a request, or do not read.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::config::Deadlines;

/// How long after its deadline a response may remain unread before its connection ends.
const END_GRACE: Duration = Duration::from_secs(2);
/// How many bytes have to be written before a client counts as one that reads, or come before a body counts
/// as one that moves.
const READS: usize = 4 * 1024;
/// What is written at once and is not longer does not count: HTTP/2's pings, which a client takes that reads no answer.
const PING: usize = 100;

/// The state of a connection. Times are milliseconds since its start, plus one: zero is never.
#[derive(Debug)]
pub struct Progress {
    began: Epoch,
    /// How many requests have been read.
    requests: AtomicU64,
    /// How many of them have no response yet, or one that is still being sent.
    under_way: AtomicUsize,
    /// When that number last changed.
    changed: AtomicU64,
    /// Since when the head of a request has been arriving.
    head: AtomicU64,
    /// Since when the client has not accepted written bytes.
    blocked: AtomicU64,
    /// When the client last accepted some of them.
    taken: AtomicU64,
    /// How many it has accepted since.
    since_taken: AtomicUsize,
    /// How many responses may be read with pauses.
    unhurried: AtomicUsize,
    /// Whether the end of such a response may still be unsent.
    unhurried_end: AtomicBool,
    /// The user whose request was the first to be authorized.
    user: Arc<OnceLock<Arc<str>>>,
    /// Whether the client is still sending a discarded body.
    unread: AtomicBool,
    /// How many requests wait for more of their bodies.
    awaited: AtomicUsize,
    /// When a body last began to be waited for, or enough of one came.
    came: AtomicU64,
    /// How much has come since.
    since_came: AtomicUsize,
    answers: Mutex<HashMap<u64, Arc<Clock>>>,
    evicted: Notify,
}

/// The time of a response that is being sent.
#[derive(Debug)]
pub struct Clock {
    epoch: Epoch,
    /// Since when the client has been waited for.
    waits: AtomicU64,
    /// The response's deadline.
    end: Option<Instant>,
    /// Whether it may be read with pauses.
    unhurried: bool,
}

impl Clock {
    /// Notes whether the client is waited for from now on, or the server.
    pub fn waits(&self, waits: bool) {
        let time = if waits { self.epoch.now() } else { 0 };
        self.waits.store(time, Ordering::Relaxed);
    }

    /// The response's deadline.
    pub const fn end(&self) -> Option<Instant> {
        self.end
    }

    /// Whether the response's deadline has passed.
    pub fn is_over(&self) -> bool {
        self.end.is_some_and(|end| end <= Instant::now())
    }
}

/// The origin of times.
#[derive(Clone, Copy, Debug)]
struct Epoch(Instant);

impl Epoch {
    fn now(self) -> u64 {
        let since = self.0.elapsed().as_millis();
        u64::try_from(since).unwrap_or(u64::MAX - 1) + 1
    }

    fn at(self, time: u64) -> Option<Instant> {
        (time > 0).then(|| self.0 + Duration::from_millis(time - 1))
    }
}

/// The state of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// In time; to be checked again then.
    Fine(Instant),
    /// Idle for too long: it may end.
    Idle,
    /// It has to end immediately, with the reason.
    Overdue(&'static str),
}

/// The use of a connection when there are too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Worth {
    /// No request has been authorized; open since then.
    Unknown(Instant),
    /// No request is under way; since then.
    Idle(Instant),
    /// A request is under way.
    Busy,
}

impl Progress {
    /// A connection that starts now.
    pub fn begin() -> Arc<Self> {
        Arc::new(Self {
            began: Epoch(Instant::now()),
            requests: AtomicU64::new(0),
            under_way: AtomicUsize::new(0),
            changed: AtomicU64::new(0),
            head: AtomicU64::new(0),
            blocked: AtomicU64::new(0),
            taken: AtomicU64::new(0),
            since_taken: AtomicUsize::new(0),
            unhurried: AtomicUsize::new(0),
            unhurried_end: AtomicBool::new(false),
            user: Arc::default(),
            unread: AtomicBool::new(false),
            awaited: AtomicUsize::new(0),
            came: AtomicU64::new(0),
            since_came: AtomicUsize::new(0),
            answers: Mutex::default(),
            evicted: Notify::new(),
        })
    }

    /// The head of a request has been read.
    pub fn request(self: &Arc<Self>) -> UnderWay {
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        self.under_way.fetch_add(1, Ordering::Relaxed);
        self.changed.store(self.began.now(), Ordering::Relaxed);
        self.unread.store(false, Ordering::Relaxed);
        // Nothing more may arrive for as long as the request lasts.
        self.head_is_coming(false);
        UnderWay {
            progress: self.clone(),
            number,
        }
    }

    /// How many heads have been read, if no request is under way.
    pub fn heads(&self) -> Option<u64> {
        let none = self.under_way.load(Ordering::Relaxed) == 0;
        none.then(|| self.requests.load(Ordering::Relaxed))
    }

    /// Whether the server has nothing to do for it at a moment but to wait for its client: nothing is under
    /// way, or requests whose bodies do not come and whose responses are not read, for so long.
    pub fn is_at_rest(&self, now: Instant, still: Duration) -> bool {
        let is_over = |since: Option<Instant>| since.is_some_and(|since| since + still <= now);
        let blocked = self.began.at(self.blocked.load(Ordering::Relaxed));
        if blocked.is_some() && !is_over(blocked) {
            // The end of a response is being sent that counts as read.
            return false;
        }
        let came = self.began.at(self.came.load(Ordering::Relaxed));
        let bodies = match is_over(came) {
            true => self.awaited.load(Ordering::Relaxed),
            false => 0,
        };
        let answers = self.answers.lock();
        let unread = answers.values().filter(|c| is_over(self.unread_since(c)));
        self.under_way.load(Ordering::Relaxed) == bodies + unread.count()
    }

    /// Since when the client has read nothing, if it is waited for. An answer waits its turn while the client
    /// reads others, or what was written before.
    fn unread_since(&self, clock: &Clock) -> Option<Instant> {
        let waits = self.began.at(clock.waits.load(Ordering::Relaxed))?;
        let taken = self.began.at(self.taken.load(Ordering::Relaxed));
        Some(taken.map_or(waits, |taken| waits.max(taken)))
    }

    /// That a request begins to read its body.
    pub fn body_begins(&self) {
        self.came.store(self.began.now(), Ordering::Relaxed);
    }

    /// That a request waits for more of its body, or no longer.
    pub fn awaits_body(&self, awaits: bool) {
        if awaits {
            self.awaited.fetch_add(1, Ordering::Relaxed);
        } else {
            self.awaited.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// That so many bytes of a body have come.
    pub fn body_comes(&self, bytes: usize) {
        if self.since_came.fetch_add(bytes, Ordering::Relaxed) + bytes >= READS {
            self.since_came.store(0, Ordering::Relaxed);
            self.came.store(self.began.now(), Ordering::Relaxed);
        }
    }

    /// That the head of a request is coming, or no more.
    pub fn head_is_coming(&self, coming: bool) {
        self.since(&self.head, coming);
    }

    /// Notes whether the client does not accept written bytes, or has accepted all of them.
    pub fn is_blocked(&self, blocked: bool) {
        self.since(&self.blocked, blocked);
        if !blocked {
            self.unhurried_end.store(false, Ordering::Relaxed);
        }
    }

    /// Notes that the client has accepted so many bytes of those that are written.
    pub fn takes(&self, bytes: usize) {
        self.blocked.store(0, Ordering::Relaxed);
        self.is_taken(bytes);
    }

    /// Notes that the client has accepted so many bytes.
    pub fn is_taken(&self, bytes: usize) {
        if bytes <= PING {
            return;
        }
        if self.since_taken.fetch_add(bytes, Ordering::Relaxed) + bytes >= READS {
            self.since_taken.store(0, Ordering::Relaxed);
            self.taken.store(self.began.now(), Ordering::Relaxed);
        }
    }

    /// Whether it has accepted enough to count as one that reads.
    #[cfg(test)]
    pub fn has_taken(&self) -> bool {
        self.taken.load(Ordering::Relaxed) > 0
    }

    /// The user whose request was the first to be authorized, once there is one.
    pub const fn user(&self) -> &Arc<OnceLock<Arc<str>>> {
        &self.user
    }

    /// Notes that the client is still sending a body that is discarded.
    pub fn leaves_unread(&self) {
        self.unread.store(true, Ordering::Relaxed);
    }

    fn since(&self, what: &AtomicU64, goes_on: bool) {
        if !goes_on {
            what.store(0, Ordering::Relaxed);
        } else if what.load(Ordering::Relaxed) == 0 {
            what.store(self.began.now(), Ordering::Relaxed);
        }
    }

    /// Whether the client is still sending a discarded body.
    pub fn is_unread(&self) -> bool {
        self.unread.load(Ordering::Relaxed)
    }

    /// Closes it in favour of another connection.
    pub fn evict(&self) {
        self.evicted.notify_one();
    }

    /// Resolves when it is to be closed.
    pub async fn evicted(&self) {
        self.evicted.notified().await;
    }

    /// Its use when there are too many.
    pub fn worth(&self) -> Worth {
        if self.user.get().is_none() {
            return Worth::Unknown(self.began.0);
        }
        let blocked = self.blocked.load(Ordering::Relaxed) > 0;
        if blocked || self.under_way.load(Ordering::Relaxed) > 0 {
            return Worth::Busy;
        }
        let changed = self.began.at(self.changed.load(Ordering::Relaxed));
        Worth::Idle(changed.unwrap_or(self.began.0))
    }

    /// Its state at a moment.
    pub fn verdict(&self, now: Instant, deadlines: &Deadlines) -> Verdict {
        let load = |time: &AtomicU64| self.began.at(time.load(Ordering::Relaxed));
        let mut next = now + deadlines.shortest();
        let mut passed = |since: Option<Instant>, after: Duration| {
            let Some(end) = since.map(|since| since + after) else {
                return false;
            };
            next = next.min(end.max(now));
            end <= now
        };
        let taking = |unhurried| match unhurried {
            true => deadlines.paused,
            false => deadlines.stalled,
        };
        let unhurried = self.unhurried.load(Ordering::Relaxed) > 0
            || self.unhurried_end.load(Ordering::Relaxed);
        if passed(load(&self.blocked), taking(unhurried)) {
            return Verdict::Overdue("the client does not receive data");
        }
        if passed(load(&self.head), deadlines.head) {
            return Verdict::Overdue("the head of a request is incomplete");
        }
        for clock in self.answers.lock().values() {
            let waits = self.unread_since(clock);
            let end = clock.end.filter(|_| waits.is_some());
            if passed(waits, taking(clock.unhurried)) || passed(end, END_GRACE) {
                return Verdict::Overdue("the client does not read an answer");
            }
        }
        if self.under_way.load(Ordering::Relaxed) == 0 {
            match load(&self.changed) {
                None if passed(Some(self.began.0), deadlines.handshake + deadlines.first) => {
                    return Verdict::Overdue("no request arrived");
                }
                Some(since)
                    if load(&self.blocked).is_none() && passed(Some(since), deadlines.idle) =>
                {
                    return Verdict::Idle;
                }
                _ => {}
            }
        }
        Verdict::Fine(next)
    }
}

/// A request without a response, or with one that is still being sent.
#[derive(Debug)]
pub struct UnderWay {
    progress: Arc<Progress>,
    /// The number of the request on its connection.
    number: u64,
}

impl UnderWay {
    /// The response is ready; from now on the client is waited for, which may pause if it is `unhurried`.
    pub fn answer(&self, end: Option<Instant>, unhurried: bool) -> Arc<Clock> {
        let progress = &self.progress;
        let clock = Arc::new(Clock {
            epoch: progress.began,
            waits: AtomicU64::new(progress.began.now()),
            end,
            unhurried,
        });
        if unhurried {
            progress.unhurried.fetch_add(1, Ordering::Relaxed);
        }
        progress.answers.lock().insert(self.number, clock.clone());
        clock
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let progress = &self.progress;
        let answer = progress.answers.lock().remove(&self.number);
        if answer.is_some_and(|clock| clock.unhurried) {
            progress.unhurried_end.store(true, Ordering::Relaxed);
            progress.unhurried.fetch_sub(1, Ordering::Relaxed);
        }
        progress
            .changed
            .store(progress.began.now(), Ordering::Relaxed);
        progress.under_way.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests;
