//! What "the latest" stands for: one read of the store's revision for all who ask meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::sync::{mpsc, oneshot};

use super::closed;
use crate::{Result, Revision, Storage};

/// How many may wait for the next read; more wait for a place.
const QUEUE: usize = 4096;

/// How many reads are on their way at once: with one, whoever comes just after it left waits for two.
const READS: usize = 2;
/// How often other tasks have their turn before a read leaves. Those who were answered together ask
/// again together; where nobody else has anything to do, this is no time.
const TURNS: usize = 6;

type Question = oneshot::Sender<Result<Revision>>;

/// How well reads of the store's revision are shared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReadCounts {
    /// How many requests needed the current revision of the store.
    pub requests: u64,
    /// How many reads were made for them.
    pub reads: u64,
}

/// Where to ask for the current revision.
pub(super) struct SharedRead {
    questions: mpsc::Sender<Question>,
    counts: Arc<Counts>,
}

/// The task that answers.
pub(super) struct Reader {
    upstream: Arc<dyn Storage>,
    questions: mpsc::Receiver<Question>,
    counts: Arc<Counts>,
}

#[derive(Default)]
struct Counts {
    requests: AtomicU64,
    reads: AtomicU64,
}

impl SharedRead {
    /// A place to ask, and the task that answers.
    pub(super) fn new(upstream: Arc<dyn Storage>) -> (Self, Reader) {
        let (sender, questions) = mpsc::channel(QUEUE);
        let counts = Arc::<Counts>::default();
        let reader = Reader {
            upstream,
            questions,
            counts: counts.clone(),
        };
        (
            Self {
                questions: sender,
                counts,
            },
            reader,
        )
    }

    /// A revision that was current after this call began.
    pub(super) async fn revision(&self) -> Result<Revision> {
        self.counts.requests.fetch_add(1, Ordering::Relaxed);
        let (question, answer) = oneshot::channel();
        self.questions.send(question).await.map_err(|_| closed())?;
        answer.await.map_err(|_| closed())?
    }

    pub(super) fn counts(&self) -> ReadCounts {
        ReadCounts {
            requests: self.counts.requests.load(Ordering::Relaxed),
            reads: self.counts.reads.load(Ordering::Relaxed),
        }
    }
}

impl Reader {
    /// Answers until nobody can ask any more.
    ///
    /// Whoever asks while a read is on its way is answered by a later one: the revision this one
    /// brings may be older than their question.
    pub(super) async fn run(mut self) {
        let mut reads = FuturesUnordered::new();
        loop {
            tokio::select! {
                first = self.questions.recv(), if reads.len() < READS => {
                    let Some(first) = first else { break };
                    let asked = self.with_others(first).await;
                    if !asked.is_empty() {
                        self.counts.reads.fetch_add(1, Ordering::Relaxed);
                        reads.push(answer(self.upstream.clone(), asked));
                    }
                }
                Some(()) = reads.next() => {}
            }
        }
        while reads.next().await.is_some() {}
    }

    /// All who have asked and still wait, a little after the first of them.
    async fn with_others(&mut self, first: Question) -> Vec<Question> {
        for _ in 0..TURNS {
            tokio::task::yield_now().await;
        }
        let mut asked = vec![first];
        while let Ok(another) = self.questions.try_recv() {
            asked.push(another);
        }
        asked.retain(|question| !question.is_closed());
        asked
    }
}

/// Reads the revision for all who asked.
async fn answer(upstream: Arc<dyn Storage>, asked: Vec<Question>) {
    let revision = upstream.revision().await;
    for question in asked {
        // Whoever gave up waiting needs no answer.
        let _ = question.send(revision.clone());
    }
}
