//! Evaluations that take long keep no other request waiting.

use std::sync::{Arc, LazyLock};
use std::thread::available_parallelism;

use tokio::sync::Semaphore;

/// The work that is done on the thread of the request: about a millisecond.
const QUICK_WORK: u64 = 100_000;
/// The work that an evaluation may do on a thread of its own: some seconds. Expressions as people write
/// them reach the limit of cost first.
const WORK: u64 = 200_000_000;

/// How many long evaluations run at once; others wait.
static LONG: LazyLock<Arc<Semaphore>> = LazyLock::new(|| {
    let threads = available_parallelism().map_or(1, std::num::NonZero::get);
    Arc::new(Semaphore::new(threads))
});

/// More work is needed than is allowed here.
pub(crate) struct Unfinished;

/// What an evaluation finds, which is told how much work it may do. `None` if it needs more than any may.
pub(crate) async fn finish<T: Send + 'static>(
    evaluate: impl Fn(u64) -> Result<T, Unfinished> + Send + 'static,
) -> Option<T> {
    if let Ok(found) = evaluate(QUICK_WORK) {
        return Some(found);
    }
    let permit = Arc::clone(&LONG).acquire_owned().await;
    let evaluated = tokio::task::spawn_blocking(move || {
        let found = evaluate(WORK);
        drop(permit);
        found.ok()
    });
    evaluated.await.ok().flatten()
}
