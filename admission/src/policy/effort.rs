//! Long evaluations, which must not delay other requests.

use std::sync::{Arc, LazyLock};
use std::thread::available_parallelism;

use tokio::sync::Semaphore;

use crate::expressions::input::Input;

/// The work that is done on the thread of the request: about a millisecond.
const QUICK_WORK: u64 = 100_000;
/// The work that an evaluation may do on a thread of its own: some seconds. Usual expressions reach the cost
/// limit first.
const WORK: u64 = 200_000_000;

/// How many long evaluations run at the same time; others wait.
static LONG: LazyLock<Arc<Semaphore>> = LazyLock::new(|| {
    let threads = available_parallelism().map_or(1, std::num::NonZero::get);
    Arc::new(Semaphore::new(threads))
});

/// The evaluation needs more work than the given limit.
pub(crate) struct Unfinished;

/// The result of an evaluation of a policy, which gets a limit of its work. `None` if it needs more than the
/// highest limit. Only an evaluation that moves to another thread copies what it needs.
pub(crate) async fn finish<P, T>(
    policy: &Arc<P>,
    input: &Input,
    evaluate: impl Fn(&P, &Input, u64) -> Result<T, Unfinished> + Send + 'static,
) -> Option<T>
where
    P: Send + Sync + 'static,
    T: Send + 'static,
{
    if let Ok(found) = evaluate(policy, input, QUICK_WORK) {
        return Some(found);
    }
    let permit = Arc::clone(&LONG).acquire_owned().await;
    let (policy, input) = (Arc::clone(policy), input.clone());
    let evaluated = tokio::task::spawn_blocking(move || {
        let found = evaluate(&policy, &input, WORK);
        drop(permit);
        found.ok()
    });
    evaluated.await.ok().flatten()
}
