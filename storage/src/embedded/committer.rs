//! The one thread that writes: it decides, makes durable, publishes and only then answers.
//!
//! Whatever arrived while one batch was being written is the next one, so that many writers share
//! a disk flush and a lone one never waits for company.

use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Instant;

use tokio::sync::mpsc::{self, error::TryRecvError};
use tokio::sync::oneshot;

use super::acknowledged::Acknowledged;
use super::change::{self, Answer, Write};
use super::disk::{Batch, DirLock, Disk};
use super::index::{FIRST, Garbage};
use super::recovery::Recovery;
use super::{OpenError, Shared, load};
use crate::{Error, Event, Result, Revision};

#[cfg(test)]
mod tests;

/// How many writers may be waiting for the thread; more wait for a place.
const QUEUE: usize = 1024;
/// How much one transaction takes up.
const BATCH_WRITES: usize = 512;
const BATCH_BYTES: usize = 8 << 20;
/// How many changes are forgotten in one go: a few milliseconds' work, so that no writer stalls.
const TRIM: usize = 256;
/// How many records that are to be removed from disk are enough for now.
const SWEEP: usize = 512;

/// What the thread is asked for.
pub(super) enum Command {
    Write(Write),
    Compact {
        revision: Revision,
        reply: oneshot::Sender<Result<()>>,
    },
    /// Finds out whether a store that could not be written can be.
    Probe {
        reply: oneshot::Sender<Result<()>>,
    },
    Close {
        reply: oneshot::Sender<()>,
    },
}

/// What the thread has open.
pub(super) struct Files {
    pub(super) dir: PathBuf,
    /// The file, or why there is none: after a failed write, until it could be opened again, and once
    /// the store is closed.
    pub(super) disk: Result<Disk>,
    pub(super) acknowledged: Acknowledged,
    /// What keeps others out, until the store is closed.
    pub(super) lock: Option<DirLock>,
}

/// The running thread; dropping this waits until it has written all it was asked to.
pub(super) struct Committer {
    commands: Option<mpsc::Sender<Command>>,
    thread: Option<JoinHandle<()>>,
}

impl Committer {
    /// Starts the thread.
    pub(super) fn start(
        shared: Arc<Shared>,
        files: Files,
        garbage: Garbage,
    ) -> std::io::Result<Self> {
        let (commands, queue) = mpsc::channel(QUEUE);
        let run = Run {
            shared,
            files,
            garbage,
            recovery: Recovery::default(),
            queue,
        };
        let run = move || run.run();
        let thread = std::thread::Builder::new()
            .name("store-committer".into())
            .spawn(run)?;
        Ok(Self {
            commands: Some(commands),
            thread: Some(thread),
        })
    }

    /// Hands the thread a command.
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

/// What every command gets once the store is closed.
pub(super) fn closed() -> Error {
    Error::Unavailable("the store is closed".into())
}

/// The thread's own state.
struct Run {
    shared: Arc<Shared>,
    files: Files,
    /// Records to be removed, when there is time.
    garbage: Garbage,
    recovery: Recovery,
    queue: mpsc::Receiver<Command>,
}

/// What one turn of the thread works on.
#[derive(Default)]
struct Turn {
    writes: Vec<Write>,
    compactions: Vec<(Revision, oneshot::Sender<Result<()>>)>,
    probes: Vec<oneshot::Sender<Result<()>>>,
    close: Option<oneshot::Sender<()>>,
    bytes: usize,
}

impl Run {
    fn run(mut self) {
        // However this ends, watches end with it.
        let _closed = self.shared.closed.clone().drop_guard();
        while let Some(mut turn) = self.next_turn() {
            let close = turn.close.take();
            self.take_turn(turn);
            if let Some(reply) = close {
                self.queue.close();
                self.drain();
                self.shared.closed.cancel();
                self.files.disk = Err(closed());
                self.files.acknowledged.flush();
                self.files.lock = None;
                // The caller may have given up waiting.
                let _ = reply.send(());
            }
        }
    }

    /// Waits for something to do; `None` when nothing will come any more.
    fn next_turn(&mut self) -> Option<Turn> {
        let mut turn = Turn::default();
        let idle = self.garbage.is_empty() && !self.shared.index.read().has_forgotten();
        if idle || self.files.disk.is_err() {
            turn.add(self.queue.blocking_recv()?);
        }
        while turn.has_room() {
            match self.queue.try_recv() {
                Ok(command) => turn.add(command),
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) if turn.is_empty() => return None,
                Err(TryRecvError::Disconnected) => break,
            }
        }
        Some(turn)
    }

    /// Answers what came in before the queue was closed.
    fn drain(&mut self) {
        while let Some(command) = self.queue.blocking_recv() {
            let mut turn = Turn::default();
            turn.add(command);
            let close = turn.close.take();
            self.take_turn(turn);
            if let Some(reply) = close {
                let _ = reply.send(());
            }
        }
    }

    fn take_turn(&mut self, turn: Turn) {
        if let Err(error) = self.ensure_disk() {
            return turn.refuse(&error);
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

    /// How far history is to be forgotten from now on.
    fn compaction_target(&self, asked: &[(Revision, oneshot::Sender<Result<()>>)]) -> Revision {
        let index = self.shared.index.read();
        let allowed = asked.iter().map(|(revision, _)| *revision);
        let asked = allowed.filter(|revision| *revision <= index.revision());
        let overfull = index.overfull(&self.shared.history);
        asked.chain(overfull).fold(index.compacted(), Revision::max)
    }

    fn collect_garbage(&mut self) {
        if self.garbage.len() < SWEEP {
            let trimmed = self.shared.index.write().trim(TRIM);
            self.garbage.extend(trimmed);
        }
    }

    fn commit(&mut self, changes: &[Arc<Event>], bytes: usize, compacted: Revision) -> Result<()> {
        let disk = self.files.disk.as_ref().map_err(Clone::clone)?;
        let forgets = compacted > self.shared.index.read().compacted();
        if changes.is_empty() && self.garbage.is_empty() && !forgets {
            return Ok(());
        }
        let batch = Batch {
            changes,
            compacted: forgets.then_some(compacted),
            garbage: &self.garbage,
        };
        let begun = Instant::now();
        match disk.commit(&batch) {
            Ok(removed) => {
                self.garbage.truncate(self.garbage.len() - removed);
                if let Some(last) = changes.last() {
                    self.files.acknowledged.note(last.revision());
                    self.succeeded();
                }
                Ok(())
            }
            Err(error) => Err(self.failed(&error, bytes, begun)),
        }
    }

    /// Tells those who ask whether the store can be written; finds out where it could not.
    fn probe(&mut self, asked: Vec<oneshot::Sender<Result<()>>>) {
        if asked.is_empty() {
            return;
        }
        let begun = Instant::now();
        let outcome = match (self.recovery.owed(), &self.files.disk) {
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
        for reply in asked {
            let _ = reply.send(outcome.clone());
        }
    }

    fn succeeded(&mut self) {
        if self.recovery.owed().is_some() {
            self.recovery.succeeded();
            self.shared.unwritable.set(None);
        }
    }

    /// Gives the file up: redb refuses everything after a failed write, and whether that one is on disk
    /// shows when the file is opened again.
    fn failed(&mut self, why: &impl std::fmt::Display, bytes: usize, begun: Instant) -> Error {
        let error = Error::Unavailable(format!("the store could not be written: {why}"));
        self.files.disk = Err(error.clone());
        self.shared.unwritable.set(Some(error.clone()));
        self.recovery.failed(error.clone(), bytes, begun.elapsed());
        error
    }

    fn publish(
        &self,
        events: Vec<Arc<Event>>,
        replies: Vec<Answer>,
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

    /// Opens the file again after a failure, and takes in what of the failed batch is in it. That it
    /// can be written again shows only when something is written.
    fn ensure_disk(&mut self) -> Result<()> {
        if self.files.disk.is_ok() {
            return Ok(());
        }
        if let Some(error) = self.recovery.refusal() {
            return Err(error.clone());
        }
        let begun = Instant::now();
        match self.open_again() {
            Ok(disk) => {
                self.files.disk = Ok(disk);
                Ok(())
            }
            Err(error) => Err(self.failed(&error, 0, begun)),
        }
    }

    fn open_again(&mut self) -> Result<Disk, OpenError> {
        let disk = Disk::open_again(&self.files.dir)?;
        let mut index = self.shared.index.write();
        let (found, acknowledged) = (disk.revision()?, index.revision());
        if found < acknowledged && acknowledged > FIRST {
            return Err(disk.corrupt(format!(
                "it ends at revision {found}, and revision {acknowledged} was acknowledged"
            )));
        }
        load::catch_up(&disk, &mut index)?;
        let current = index.revision();
        drop(index);
        self.files.acknowledged.note(current);
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

    fn has_room(&self) -> bool {
        self.writes.len() < BATCH_WRITES && self.bytes < BATCH_BYTES && self.close.is_none()
    }

    fn is_empty(&self) -> bool {
        self.writes.is_empty()
            && self.compactions.is_empty()
            && self.probes.is_empty()
            && self.close.is_none()
    }

    fn refuse(self, error: &Error) {
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
