//! Events as lines of a file, or of standard output.
//!
//! Upstream: `k8s.io/apiserver/plugin/pkg/audit/log`. Files are written by a thread of their own: a disk that
//! hangs delays only the requests that must wait for it.

mod backups;
mod rotation;

use std::io::{self, Write as _};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::{mpsc, oneshot};

use super::budget::Memory;
use super::event::{Event, Format};
use super::losses::Losses;
use super::output::Output;

pub use self::backups::Backups;
pub use self::rotation::RotatedFile;

/// How many writes may wait for the thread; further writers wait themselves.
const WAITING: usize = 1024;
/// How many bytes are written together.
const TOGETHER: usize = 256 * 1024;
/// How long an event that no request waits for may wait for others: to wake the thread takes longer than to write
/// one.
const MOMENT: Duration = Duration::from_millis(1);

/// The destination of lines.
pub enum Destination {
    /// Standard output.
    Stdout,
    /// A file.
    File(RotatedFile),
}

/// A log.
pub struct Log {
    jobs: mpsc::Sender<Job>,
}

enum Job {
    Write {
        events: Vec<Event>,
        /// Resolved when the event is written.
        done: Option<Done>,
    },
    /// An event that no request waits for.
    Gather(Event, Memory),
    End(oneshot::Sender<()>),
}

type Done = oneshot::Sender<Result<(), String>>;

impl Log {
    /// Starts the thread that writes.
    ///
    /// # Errors
    /// The system's error, if the thread cannot be started.
    pub fn start(
        destination: Destination,
        format: Format,
        losses: Arc<Losses>,
    ) -> io::Result<Self> {
        let (jobs, waiting) = mpsc::channel(WAITING);
        let writer = Writer {
            destination,
            format,
            losses,
            lines: Vec::new(),
            unwatched: 0,
            memory: Vec::new(),
            done: Vec::new(),
        };
        let thread = thread::Builder::new().name("audit-log".to_owned());
        thread.spawn(move || writer.run(waiting))?;
        Ok(Self { jobs })
    }

    async fn send(&self, job: Job) -> Result<(), String> {
        let sent = self.jobs.send(job).await;
        sent.map_err(|_| "audit backend shut down".to_owned())
    }
}

#[async_trait]
impl Output for Log {
    async fn write(&self, events: Vec<Event>) -> Result<(), String> {
        let (done, written) = oneshot::channel();
        let done = Some(done);
        self.send(Job::Write { events, done }).await?;
        let ended = |_| Err("the writer of the audit log has ended".to_owned());
        written.await.unwrap_or_else(ended)
    }

    async fn accept(&self, event: Event) -> Result<(), String> {
        let events = vec![event];
        self.send(Job::Write { events, done: None }).await
    }

    fn gathers(&self) -> bool {
        true
    }

    async fn gather(&self, event: Event, memory: Memory) -> Result<(), String> {
        self.send(Job::Gather(event, memory)).await
    }

    async fn close(&self) {
        let (ended, wait) = oneshot::channel();
        if self.send(Job::End(ended)).await.is_ok() {
            let _ = wait.await;
        }
    }
}

/// The state of the thread. Lines that wait at the same time are written together.
struct Writer {
    destination: Destination,
    format: Format,
    losses: Arc<Losses>,
    lines: Vec<u8>,
    /// How many of the lines have no waiting request.
    unwatched: usize,
    /// That of gathered events.
    memory: Vec<Memory>,
    /// The requests that wait for the other lines.
    done: Vec<Done>,
}

impl Writer {
    fn run(mut self, mut jobs: mpsc::Receiver<Job>) {
        while let Some(job) = jobs.blocking_recv() {
            if matches!(job, Job::Gather(..)) {
                thread::sleep(MOMENT);
            }
            let mut next = Some(job);
            while let Some(job) = next.take() {
                match job {
                    Job::Gather(event, memory) => {
                        self.add(vec![event], None);
                        self.memory.push(memory);
                    }
                    Job::Write { events, done } => self.add(events, done),
                    Job::End(ended) => return self.end(ended),
                }
                if self.lines.len() < TOGETHER {
                    next = jobs.try_recv().ok();
                }
            }
            let _ = self.flush();
        }
    }

    fn add(&mut self, events: Vec<Event>, done: Option<Done>) {
        // how many lines of these events have not been written
        let mut own = 0;
        for event in events {
            let before = self.lines.len();
            event.write_line(self.format, &mut self.lines);
            if !self.destination.has_room(self.lines.len()) {
                let line = self.lines.split_off(before);
                if let Err(why) = self.flush()
                    && done.is_some()
                    && own > 0
                {
                    self.losses.add(own, &why);
                }
                self.destination.rotate();
                (self.lines, own) = (line, 0);
            }
            own += 1;
            self.unwatched += usize::from(done.is_none());
        }
        self.done.extend(done);
    }

    /// Writes the lines, and notifies the waiting requests. Those count their own losses.
    fn flush(&mut self) -> Result<(), String> {
        let written = self.destination.write(&self.lines);
        let written = written.map_err(|error| error.to_string());
        let unwatched = std::mem::take(&mut self.unwatched);
        if let Err(why) = &written
            && unwatched > 0
        {
            self.losses.add(unwatched, why);
        }
        for done in self.done.drain(..) {
            let _ = done.send(written.clone());
        }
        self.memory.clear();
        self.lines.clear();
        self.lines.shrink_to(TOGETHER);
        written
    }

    fn end(mut self, ended: oneshot::Sender<()>) {
        let _ = self.flush();
        drop(self.destination);
        let _ = ended.send(());
    }
}

impl Destination {
    /// Whether so many bytes fit.
    fn has_room(&self, bytes: usize) -> bool {
        match self {
            Self::Stdout => true,
            Self::File(file) => file.has_room(bytes),
        }
    }

    fn rotate(&mut self) {
        if let Self::File(file) = self {
            file.rotate();
        }
    }

    fn write(&mut self, lines: &[u8]) -> io::Result<()> {
        match self {
            _ if lines.is_empty() => Ok(()),
            Self::File(file) => file.write(lines),
            Self::Stdout => {
                let mut out = io::stdout().lock();
                out.write_all(lines)?;
                out.flush()
            }
        }
    }
}
