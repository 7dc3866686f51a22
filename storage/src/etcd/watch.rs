//! Watches that outlive their connection.
//!
//! Each follows *all* keys and passes on those under its prefix, others as [`Event::Progress`].
//! That way it hears of every revision, and a reader who waits for one is not kept waiting because
//! the write was elsewhere. The other way to learn this, asking etcd for its progress, may be
//! answered too early before etcd 3.4.25 and 3.5.8 (etcd issue 15220).

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use etcd_client::{Event as WireEvent, EventType, WatchOptions, WatchResponse, WatchStream};
use futures_util::stream;
use tokio::time::Instant;

use portcullis_api::Backoff;

use super::pool::Pool;
use super::read::{entry, from_wire, header_revision, to_wire};
use crate::outage::{Outage, Sentences};
use crate::{Entry, Error, Event, Frame, Result, Revision, Watch};

/// How long to wait before connecting again: the first time, and at most.
const BACK_OFF: Backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(1));
/// How much longer than the configured time a member may be silent at most. The time doubles while
/// one member after the other is silent: they may all be busy with the same large past.
const PATIENCE: u32 = 8;
const SENTENCES: Sentences = Sentences {
    lost: "the watch on etcd was lost",
    still: "there is still no watch on etcd",
    over: "the watch on etcd goes on",
};
/// How long a member may lag behind what we have seen before we take etcd for a restored one.
const LAG: Duration = Duration::from_secs(3);

/// One watch.
struct Follower {
    pool: Arc<Pool>,
    prefix: String,
    /// Everything before this revision has been told, and `told` changes of it.
    next: Revision,
    told: usize,
    /// How many of `next`'s changes a new connection will repeat.
    repeated: usize,
    /// The highest revision that etcd was seen at.
    reached: Revision,
    connection: Option<Connection>,
    ready: VecDeque<Arc<Event>>,
    back_off: Backoff,
    /// How many times the configured time a member may be silent.
    patience: u32,
    behind_since: Option<Instant>,
    outage: Outage,
}

struct Connection {
    member: usize,
    stream: WatchStream,
}

impl Connection {
    /// The next response. A member from which nothing comes for `silence` is asked for its progress;
    /// one that does not answer that either has stalled, however well its connection looks.
    async fn message(&mut self, silence: Option<Duration>) -> Result<WatchResponse, Broken> {
        let Some(silence) = silence else {
            return told(self.stream.message().await);
        };
        if let Ok(message) = tokio::time::timeout(silence, self.stream.message()).await {
            return told(message);
        }
        let answer = async {
            self.stream.request_progress().await?;
            self.stream.message().await
        };
        match tokio::time::timeout(silence, answer).await {
            Ok(message) => told(message),
            Err(_) => Err(Broken::Silent),
        }
    }
}

/// Why nothing more comes from a connection.
#[derive(Debug, thiserror::Error)]
enum Broken {
    #[error("the stream ended")]
    Ended,
    #[error("the member does not answer on its watch stream")]
    Silent,
    #[error(transparent)]
    Failed(#[from] etcd_client::Error),
}

fn told(
    message: Result<Option<WatchResponse>, etcd_client::Error>,
) -> Result<WatchResponse, Broken> {
    message?.ok_or(Broken::Ended)
}

/// Follows `prefix` from the first change after `after`.
pub(super) async fn follow(pool: Arc<Pool>, prefix: &str, after: Revision) -> Result<Watch> {
    let mut follower = Follower {
        pool,
        prefix: prefix.into(),
        next: after + 1,
        told: 0,
        repeated: 0,
        reached: 0,
        connection: None,
        ready: VecDeque::new(),
        back_off: BACK_OFF,
        patience: 1,
        behind_since: None,
        outage: Outage::of(SENTENCES),
    };
    // Who asks while etcd is away should hear so at once; later the watch helps itself.
    follower.connect().await?;
    Ok(Box::pin(stream::unfold(Some(follower), |follower| async {
        let mut follower = follower?;
        match follower.next().await {
            Ok(event) => Some((Ok(event), Some(follower))),
            Err(error) => Some((Err(error), None)),
        }
    })))
}

impl Follower {
    async fn next(&mut self) -> Result<Arc<Event>> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Ok(event);
            }
            let Some(connection) = &mut self.connection else {
                self.reconnect().await;
                continue;
            };
            let silence = self.pool.silence().map(|time| time * self.patience);
            match connection.message(silence).await {
                Ok(response) => self.take(&response)?,
                Err(failure) => {
                    if matches!(failure, Broken::Silent) {
                        self.patience = (self.patience * 2).min(PATIENCE);
                    }
                    self.hang_up(&failure);
                }
            }
        }
    }

    async fn reconnect(&mut self) {
        tokio::time::sleep(self.back_off.pause()).await;
        if let Err(error) = self.connect().await {
            self.outage.failed(&error);
        }
    }

    async fn connect(&mut self) -> Result<()> {
        let (member, mut client) = self.pool.watcher();
        let options = WatchOptions::new()
            .with_all_keys()
            .with_prev_key()
            .with_fragment()
            .with_start_revision(to_wire(self.next));
        let watch = client.watch("", Some(options));
        let failure = match tokio::time::timeout(self.pool.time_of_one(), watch).await {
            Ok(Ok(stream)) => {
                self.repeated = self.told;
                self.connection = Some(Connection { member, stream });
                return Ok(());
            }
            Ok(Err(error)) => error.to_string(),
            Err(_) => "no answer in time".into(),
        };
        self.pool.leave(member);
        Err(Error::Unavailable(failure))
    }

    fn hang_up(&mut self, reason: &(impl std::fmt::Display + ?Sized)) {
        if let Some(connection) = self.connection.take() {
            self.outage.failed(reason);
            self.pool.leave(connection.member);
        }
    }

    fn take(&mut self, response: &WatchResponse) -> Result<()> {
        if response.canceled() {
            return self.canceled(response);
        }
        let current = header_revision(response.header());
        if response.created() {
            return self.created(current);
        }
        self.back_off.reset();
        self.patience = 1;
        self.reached = self.reached.max(current);
        let mut elsewhere = None;
        for wire in response.events() {
            let Some(revision) = self.unseen(wire) else {
                continue;
            };
            elsewhere = match self.translate(wire)? {
                Some(event) => {
                    self.ready.push_back(Arc::new(event));
                    None
                }
                None => Some(revision),
            };
        }
        self.ready
            .extend(elsewhere.map(|revision| Arc::new(Event::Progress(revision))));
        Ok(())
    }

    /// A new connection stands; is it to the same store, and not to an older copy?
    fn created(&mut self, current: Revision) -> Result<()> {
        if current >= self.reached {
            self.reached = current;
            self.behind_since = None;
            self.outage.over();
            return Ok(());
        }
        let since = *self.behind_since.get_or_insert_with(Instant::now);
        if since.elapsed() > LAG {
            return Err(Error::Compacted {
                requested: self.next - 1,
                oldest: current,
            });
        }
        self.hang_up(&format!(
            "at revision {current}, and was at {}",
            self.reached
        ));
        Ok(())
    }

    fn canceled(&mut self, response: &WatchResponse) -> Result<()> {
        if response.compact_revision() > 0 {
            let oldest = from_wire(response.compact_revision());
            return Err(Error::Compacted {
                requested: self.next - 1,
                oldest,
            });
        }
        self.hang_up(response.cancel_reason());
        Ok(())
    }

    /// The revision of a change that was not told before; counts it as told.
    fn unseen(&mut self, wire: &WireEvent) -> Option<Revision> {
        let revision = from_wire(wire.kv()?.mod_revision());
        if revision == self.next && self.repeated > 0 {
            self.repeated -= 1;
            return None;
        }
        if revision != self.next {
            (self.next, self.told, self.repeated) = (revision, 0, 0);
        }
        self.told += 1;
        Some(revision)
    }

    /// The change, if it is under the prefix.
    fn translate(&self, wire: &WireEvent) -> Result<Option<Event>> {
        let Some(kv) = wire.kv() else { return Ok(None) };
        if !kv.key().starts_with(self.prefix.as_bytes()) || kv.key_str().is_err() {
            return Ok(None);
        }
        let revision = from_wire(kv.mod_revision());
        let read = |kv: &etcd_client::KeyValue| -> Result<Arc<Entry>> {
            entry(kv.clone()).map_err(|failure| failure.into_error(revision))
        };
        let previous = wire.prev_kv().map(read).transpose()?;
        // What was before a change may be forgotten when the change itself is not yet.
        let forgotten = || Error::Compacted {
            requested: revision - 1,
            oldest: revision,
        };
        let frame = Frame::default();
        match wire.event_type() {
            EventType::Put if kv.version() > 1 && previous.is_none() => Err(forgotten()),
            EventType::Put => Ok(Some(Event::Put {
                entry: read(kv)?,
                previous,
                frame,
            })),
            EventType::Delete => {
                let previous = previous.ok_or_else(forgotten)?;
                Ok(Some(Event::Delete {
                    previous,
                    revision,
                    frame,
                }))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::etcd::EtcdOptions;
    use crate::etcd_server::EtcdServer;

    /// A member to which nothing happens is no member that has stalled.
    #[tokio::test]
    async fn a_silent_member_that_is_well_answers() {
        let server = EtcdServer::start();
        let pool = Pool::connect(&EtcdOptions::new([server.endpoint()]))
            .await
            .unwrap();
        let (member, mut client) = pool.watcher();
        let options = WatchOptions::new().with_all_keys();
        let stream = client.watch("", Some(options)).await.unwrap();
        let mut connection = Connection { member, stream };
        let silence = Some(Duration::from_secs(2));
        assert!(connection.message(silence).await.unwrap().created());
        for _ in 0..2 {
            let answer = connection.message(silence).await.unwrap();
            assert!(answer.events().is_empty() && !answer.canceled());
        }
    }
}
