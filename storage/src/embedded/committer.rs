//! The one thread that writes: it checks the precondition of each write and gives it a revision, commits it, publishes
//! it, and then replies.
//!
//! Commands that arrive while a batch is being written form the next batch: concurrent writers
//! share a disk sync. No batch is held back for more of them, so that a single writer waits only for the disk.

use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Instant;

use tokio::sync::mpsc::{self, error::TryRecvError};
use tokio::sync::oneshot;

use super::acknowledged::Acknowledged;
use super::change::{self, Decision, Write};
use super::dir_lock::DirLock;
use super::disk::{Batch, Disk, SWEEP};
use super::file::Survives;
use super::index::{FIRST, Garbage};
use super::recovery::Recovery;
use super::{OpenError, Shared, load};
use crate::{Error, Event, Result, Revision};

#[cfg(test)]
mod tests;

/// The capacity of the command queue.
const QUEUE: usize = 1024;
/// The limits of one transaction.
const BATCH_WRITES: usize = 512;
const BATCH_BYTES: usize = 8 << 20;
/// How many changes are trimmed at once: a few milliseconds of work, so that no writer stalls.
const TRIM: usize = 256;

/// A request to the thread.
pub(super) enum Command {
    Write(Write),
    Compact {
        revision: Revision,
        reply: oneshot::Sender<Result<()>>,
    },
    /// Checks whether a store that failed to write is writable again.
    Probe {
        reply: oneshot::Sender<Result<()>>,
    },
    Close {
        reply: oneshot::Sender<()>,
    },
}

/// The files that the thread has open.
pub(super) struct Files {
    pub(super) dir: PathBuf,
    pub(super) survives: Survives,
    /// The file, or the error why it is not open: after a failed write until it is reopened, and
    /// once the store is closed.
    pub(super) disk: Result<Disk>,
    pub(super) acknowledged: Acknowledged,
    /// The lock of the directory, held until the store is closed.
    pub(super) lock: Option<DirLock>,
}

/// Handle of the thread; dropping it waits until all pending commands are complete.
pub(super) struct Committer {
    commands: Option<mpsc::Sender<Command>>,
    thread: Option<JoinHandle<()>>,
}

impl Committer {
    pub(super) fn start(
        shared: Arc<Shared>,
        files: Files,
        garbage: Garbage,
    ) -> std::io::Result<Self> {
        let (commands, queue) = mpsc::channel(QUEUE);
        let commits = CommitLoop {
            shared,
            files,
            garbage,
            recovery: Recovery::default(),
            queue,
        };
        let run = move || commits.run();
        let thread = std::thread::Builder::new()
            .name("store-committer".into())
            .spawn(run)?;
        Ok(Self {
            commands: Some(commands),
            thread: Some(thread),
        })
    }

    pub(super) async fn send(&self, command: Command) -> Result<()> {
        let commands = self.commands.as_ref().ok_or_else(closed)?;
        commands.send(command).await.map_err(|_| closed())
    }
}

impl Drop for Committer {
    fn drop(&mut self) {
        self.commands = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the store's committer thread panicked");
        }
    }
}

/// The error of every command once the store is closed.
pub(super) fn closed() -> Error {
    Error::Unavailable("the store is closed".into())
}

/// The state of the thread.
struct CommitLoop {
    shared: Arc<Shared>,
    files: Files,
    /// Records to remove from disk.
    garbage: Garbage,
    recovery: Recovery,
    queue: mpsc::Receiver<Command>,
}

/// The commands handled in one turn of the thread.
#[derive(Default)]
struct Turn {
    writes: Vec<Write>,
    compactions: Vec<(Revision, oneshot::Sender<Result<()>>)>,
    probes: Vec<oneshot::Sender<Result<()>>>,
    close: Option<oneshot::Sender<()>>,
    bytes: usize,
}

impl CommitLoop {
    fn run(mut self) {
        // Ends all watches, however this returns.
        let _closed = self.shared.closed.clone().drop_guard();
        while let Some(mut turn) = self.next_turn() {
            let close = turn.close.take();
            self.handle(turn);
            if let Some(reply) = close {
                self.queue.close();
                self.drain();
                self.shared.closed.cancel();
                self.settle();
                self.files.disk = Err(closed());
                self.files.acknowledged.sync();
                self.files.lock = None;
                // The caller may have given up waiting.
                let _ = reply.send(());
            }
        }
        self.settle();
    }

    /// Leaves all changes in redb. What cannot be moved stays in the journal.
    fn settle(&mut self) {
        if let Ok(disk) = &mut self.files.disk
            && let Err(error) = disk.settle()
        {
            tracing::warn!(%error, "the newest changes stay in the store's journal");
        }
    }

    /// Waits for commands or garbage to handle; `None` once the queue is closed and empty.
    fn next_turn(&mut self) -> Option<Turn> {
        let mut turn = Turn::default();
        let idle = self.garbage.is_empty() && !self.shared.index.read().has_garbage();
        if idle || self.files.disk.is_err() {
            turn.add(self.queue.blocking_recv()?);
        }
        while turn.has_capacity() {
            match self.queue.try_recv() {
                Ok(command) => turn.add(command),
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) if turn.is_empty() => return None,
                Err(TryRecvError::Disconnected) => break,
            }
        }
        Some(turn)
    }

    /// Handles commands that were sent before the queue was closed.
    fn drain(&mut self) {
        while let Some(command) = self.queue.blocking_recv() {
            let mut turn = Turn::default();
            turn.add(command);
            let close = turn.close.take();
            self.handle(turn);
            if let Some(reply) = close {
                let _ = reply.send(());
            }
        }
    }

    fn handle(&mut self, turn: Turn) {
        if let Err(error) = self.ensure_disk() {
            return turn.reject(&error);
        }
        self.probe(turn.probes);
        let (events, replies) = change::decide_all(&self.shared.index.read(), turn.writes);
        let compacted = self.compaction_target(&turn.compactions);
        self.collect_garbage();
        match self.commit(&events, turn.bytes, compacted) {
            Ok(()) => self.publish(events, replies, turn.compactions, compacted),
            Err(error) => {
                for (reply, _) in replies {
                    let _ = reply.send(Err(error.clone()));
                }
                for (_, reply) in turn.compactions {
                    let _ = reply.send(Err(error.clone()));
                }
            }
        }
    }

    /// The revision to compact to.
    fn compaction_target(&self, requests: &[(Revision, oneshot::Sender<Result<()>>)]) -> Revision {
        let index = self.shared.index.read();
        let allowed = requests.iter().map(|(revision, _)| *revision);
        let requests = allowed.filter(|revision| *revision <= index.revision());
        let over_limits = index.over_limits(&self.shared.limits);
        requests
            .chain(over_limits)
            .fold(index.compacted(), Revision::max)
    }

    fn collect_garbage(&mut self) {
        if self.garbage.len() < SWEEP {
            let trimmed = self.shared.index.write().trim(TRIM);
            self.garbage.extend(trimmed);
        }
    }

    fn commit(&mut self, changes: &[Arc<Event>], bytes: usize, compacted: Revision) -> Result<()> {
        let disk = self.files.disk.as_mut().map_err(|error| error.clone())?;
        let compacts = compacted > self.shared.index.read().compacted();
        if changes.is_empty() && self.garbage.is_empty() && !compacts {
            return Ok(());
        }
        let batch = Batch {
            changes,
            compacted: compacts.then_some(compacted),
            garbage: &self.garbage,
        };
        let begun = Instant::now();
        match disk.commit(&batch) {
            Ok(removed) => {
                self.garbage.truncate(self.garbage.len() - removed);
                if let Some(last) = changes.last() {
                    self.files.acknowledged.record(last.revision());
                    self.succeeded();
                }
                Ok(())
            }
            Err(error) => Err(self.failed(&error, bytes, begun)),
        }
    }

    /// Replies whether the store is writable; if the last write failed, by a test write.
    fn probe(&mut self, requests: Vec<oneshot::Sender<Result<()>>>) {
        if requests.is_empty() {
            return;
        }
        let begun = Instant::now();
        let outcome = match (self.recovery.failed_bytes(), &self.files.disk) {
            (None, _) => Ok(()),
            (Some(_), Err(why)) => Err(why.clone()),
            (Some(bytes), Ok(disk)) => match disk.probe(bytes) {
                Ok(()) => {
                    self.succeeded();
                    Ok(())
                }
                Err(error) => Err(self.failed(&error, bytes, begun)),
            },
        };
        for reply in requests {
            let _ = reply.send(outcome.clone());
        }
    }

    fn succeeded(&mut self) {
        if self.recovery.failed_bytes().is_some() {
            self.recovery.succeeded();
            self.shared.unwritable.set(None);
        }
    }

    /// Closes the file after a failed write: redb then rejects every operation, and whether the
    /// write was committed shows only once the file is reopened.
    fn failed(&mut self, why: &impl std::fmt::Display, bytes: usize, begun: Instant) -> Error {
        let error = Error::Unavailable(format!("cannot write to the store: {why}"));
        self.files.disk = Err(error.clone());
        self.shared.unwritable.set(Some(error.clone()));
        self.recovery.failed(error.clone(), bytes, begun.elapsed());
        error
    }

    fn publish(
        &self,
        events: Vec<Arc<Event>>,
        replies: Vec<Decision>,
        compactions: Vec<(Revision, oneshot::Sender<Result<()>>)>,
        compacted: Revision,
    ) {
        let current = {
            let mut index = self.shared.index.write();
            events.into_iter().for_each(|event| index.apply(event));
            index.compact(compacted);
            index.revision()
        };
        self.shared.publish(current);
        for (reply, outcome) in replies {
            let _ = reply.send(outcome);
        }
        for (requested, reply) in compactions {
            let done = if requested > current {
                Err(Error::TooNew { requested, current })
            } else {
                Ok(())
            };
            let _ = reply.send(done);
        }
    }

    /// Reopens the file after a failure, and applies what was committed of the failed batch.
    /// Whether it is writable shows only with the next write.
    fn ensure_disk(&mut self) -> Result<()> {
        if self.files.disk.is_ok() {
            return Ok(());
        }
        if let Some(error) = self.recovery.backing_off() {
            return Err(error.clone());
        }
        let begun = Instant::now();
        match self.reopen() {
            Ok(disk) => {
                self.files.disk = Ok(disk);
                Ok(())
            }
            Err(error) => Err(self.failed(&error, 0, begun)),
        }
    }

    fn reopen(&mut self) -> Result<Disk, OpenError> {
        let disk = Disk::reopen(&self.files.dir, self.files.survives)?;
        let mut index = self.shared.index.write();
        let (found, acknowledged) = (disk.revision()?, index.revision());
        if found < acknowledged && acknowledged > FIRST {
            return Err(disk.corrupt(format!(
                "it ends at revision {found}, but revision {acknowledged} was acknowledged"
            )));
        }
        load::catch_up(&disk, &mut index)?;
        let current = index.revision();
        drop(index);
        self.files.acknowledged.record(current);
        self.shared.publish(current);
        Ok(disk)
    }
}

impl Turn {
    fn add(&mut self, command: Command) {
        match command {
            Command::Write(write) => {
                self.bytes += write.bytes();
                self.writes.push(write);
            }
            Command::Compact { revision, reply } => self.compactions.push((revision, reply)),
            Command::Probe { reply } => self.probes.push(reply),
            Command::Close { reply } => self.close = Some(reply),
        }
    }

    fn has_capacity(&self) -> bool {
        self.writes.len() < BATCH_WRITES && self.bytes < BATCH_BYTES && self.close.is_none()
    }

    fn is_empty(&self) -> bool {
        self.writes.is_empty()
            && self.compactions.is_empty()
            && self.probes.is_empty()
            && self.close.is_none()
    }

    fn reject(self, error: &Error) {
        for write in self.writes {
            let _ = write.reply.send(Err(error.clone()));
        }
        for (_, reply) in self.compactions {
            let _ = reply.send(Err(error.clone()));
        }
        for reply in self.probes {
            let _ = reply.send(Err(error.clone()));
        }
    }
}
