//! Watches that survive the loss of their connection.
//!
//! Each watches *all* keys, delivers changes under its prefix, and reports others as
//! [`Event::Progress`], so that it learns of every revision: a read that waits for one is not
//! delayed because the write was elsewhere. The alternative, etcd's progress requests, may be
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
use crate::outage::{Messages, Outage};
use crate::{Entry, Error, Event, Frame, Result, Revision, Watch};

/// The pause before a reconnect: initial and maximum.
const BACK_OFF: Backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(1));
/// The maximum factor of the idle timeout. It doubles while one member after another times out:
/// they may all be busy with the same large history.
const MAX_IDLE_FACTOR: u32 = 8;
const MESSAGES: Messages = Messages {
    started: "the watch on etcd was lost",
    ongoing: "the watch on etcd is still down",
    ended: "the watch on etcd resumed",
};
/// How long a member may be behind the highest revision seen before etcd is considered restored
/// from a backup.
const MAX_LAG: Duration = Duration::from_secs(3);

struct Follower {
    pool: Arc<Pool>,
    prefix: String,
    /// Everything before this revision has been delivered, and `delivered` changes of it.
    next: Revision,
    delivered: usize,
    /// How many changes of `next` the new connection will repeat.
    repeated: usize,
    /// The highest revision seen.
    reached: Revision,
    connection: Option<Connection>,
    ready: VecDeque<Arc<Event>>,
    back_off: Backoff,
    /// The current factor of the idle timeout.
    idle_factor: u32,
    behind_since: Option<Instant>,
    outage: Outage,
}

struct Connection {
    member: usize,
    stream: WatchStream,
}

impl Connection {
    /// The next response. After `idle_timeout` without one, requests progress; a member that does
    /// not respond to that has stalled, even if its connection looks healthy.
    async fn message(
        &mut self,
        idle_timeout: Option<Duration>,
    ) -> Result<WatchResponse, Disconnected> {
        let Some(idle_timeout) = idle_timeout else {
            return received(self.stream.message().await);
        };
        if let Ok(message) = tokio::time::timeout(idle_timeout, self.stream.message()).await {
            return received(message);
        }
        let progress = async {
            self.stream.request_progress().await?;
            self.stream.message().await
        };
        match tokio::time::timeout(idle_timeout, progress).await {
            Ok(message) => received(message),
            Err(_) => Err(Disconnected::Stalled),
        }
    }
}

/// Why a connection is given up.
#[derive(Debug, thiserror::Error)]
enum Disconnected {
    #[error("the stream ended")]
    Ended,
    #[error("the member does not respond on its watch stream")]
    Stalled,
    #[error(transparent)]
    Failed(#[from] etcd_client::Error),
}

fn received(
    message: Result<Option<WatchResponse>, etcd_client::Error>,
) -> Result<WatchResponse, Disconnected> {
    message?.ok_or(Disconnected::Ended)
}

/// Watches `prefix` from the first change after `after`.
pub(super) async fn follow(pool: Arc<Pool>, prefix: &str, after: Revision) -> Result<Watch> {
    let mut follower = Follower {
        pool,
        prefix: prefix.into(),
        next: after + 1,
        delivered: 0,
        repeated: 0,
        reached: 0,
        connection: None,
        ready: VecDeque::new(),
        back_off: BACK_OFF,
        idle_factor: 1,
        behind_since: None,
        outage: Outage::new(MESSAGES),
    };
    // A new watch fails at once if etcd is unavailable; an established one reconnects.
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
            let idle_timeout = self.pool.idle_timeout().map(|time| time * self.idle_factor);
            match connection.message(idle_timeout).await {
                Ok(response) => self.handle(&response)?,
                Err(failure) => {
                    if matches!(failure, Disconnected::Stalled) {
                        self.idle_factor = (self.idle_factor * 2).min(MAX_IDLE_FACTOR);
                    }
                    self.disconnect(&failure);
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
        let failure = match tokio::time::timeout(self.pool.watch_timeout(), watch).await {
            Ok(Ok(stream)) => {
                self.repeated = self.delivered;
                self.connection = Some(Connection { member, stream });
                return Ok(());
            }
            Ok(Err(error)) => error.to_string(),
            Err(_) => "timed out".into(),
        };
        self.pool.switch_from(member);
        Err(Error::Unavailable(failure))
    }

    fn disconnect(&mut self, reason: &(impl std::fmt::Display + ?Sized)) {
        if let Some(connection) = self.connection.take() {
            self.outage.failed(reason);
            self.pool.switch_from(connection.member);
        }
    }

    fn handle(&mut self, response: &WatchResponse) -> Result<()> {
        if response.canceled() {
            return self.canceled(response);
        }
        let current = header_revision(response.header());
        if response.created() {
            return self.created(current);
        }
        self.back_off.reset();
        self.idle_factor = 1;
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

    /// Checks that a new connection is to the same store, and not to an older copy of it.
    fn created(&mut self, current: Revision) -> Result<()> {
        if current >= self.reached {
            self.reached = current;
            self.behind_since = None;
            self.outage.recovered();
            return Ok(());
        }
        let since = *self.behind_since.get_or_insert_with(Instant::now);
        if since.elapsed() > MAX_LAG {
            return Err(Error::Compacted {
                requested: self.next - 1,
                oldest: current,
            });
        }
        self.disconnect(&format!(
            "the member is at revision {current}, behind {}",
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
        self.disconnect(response.cancel_reason());
        Ok(())
    }

    /// The revision of a change that was not delivered before, which is then counted as delivered.
    fn unseen(&mut self, wire: &WireEvent) -> Option<Revision> {
        let revision = from_wire(wire.kv()?.mod_revision());
        if revision == self.next && self.repeated > 0 {
            self.repeated -= 1;
            return None;
        }
        if revision != self.next {
            (self.next, self.delivered, self.repeated) = (revision, 0, 0);
        }
        self.delivered += 1;
        Some(revision)
    }

    /// Converts a change under the prefix; `None` for others.
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
        // The previous value may have been compacted when the change itself has not.
        let compacted = || Error::Compacted {
            requested: revision - 1,
            oldest: revision,
        };
        let frame = Frame::default();
        match wire.event_type() {
            EventType::Put if kv.version() > 1 && previous.is_none() => Err(compacted()),
            EventType::Put => Ok(Some(Event::Put {
                entry: read(kv)?,
                previous,
                frame,
            })),
            EventType::Delete => {
                let previous = previous.ok_or_else(compacted)?;
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

    /// An idle member must not be mistaken for a stalled one.
    #[tokio::test]
    async fn an_idle_member_responds_to_progress_requests() {
        let server = EtcdServer::start();
        let pool = Pool::connect(&EtcdOptions::new([server.endpoint()]))
            .await
            .unwrap();
        let (member, mut client) = pool.watcher();
        let options = WatchOptions::new().with_all_keys();
        let stream = client.watch("", Some(options)).await.unwrap();
        let mut connection = Connection { member, stream };
        let idle_timeout = Some(Duration::from_secs(2));
        assert!(connection.message(idle_timeout).await.unwrap().created());
        for _ in 0..2 {
            let progress = connection.message(idle_timeout).await.unwrap();
            assert!(progress.events().is_empty() && !progress.canceled());
        }
    }
}
