//! Data kept with an entry of a custom kind.

use std::any::Any;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use parking_lot::Mutex;
use portcullis_kinds::custom::CustomKind;
use portcullis_storage::Entry;
use tokio::sync::OnceCell;

use super::failure::Failure;

/// The view of an entry in a version, once it has been made.
pub(super) type View = Arc<ViewSlot>;

/// A view that is made at most once, and the last failure to make it.
#[derive(Debug, Default)]
pub(super) struct ViewSlot {
    cell: OnceCell<Arc<Entry>>,
    /// When making it last failed, and why.
    failed: Mutex<Option<(Instant, Failure)>>,
}

impl ViewSlot {
    pub(super) fn get(&self) -> Option<&Arc<Entry>> {
        self.cell.get()
    }

    /// Keeps a view, unless there is one or it is being made.
    pub(super) fn set(&self, view: Arc<Entry>) {
        // then the other one is equivalent
        let _ = self.cell.set(view);
    }

    /// Returns the view, which one of the waiting requests makes. If that fails all of them fail: otherwise
    /// each would wait for its own attempt after those of the others.
    pub(super) async fn get_or_make(
        &self,
        make: impl Future<Output = Result<Arc<Entry>, Failure>>,
    ) -> Result<Arc<Entry>, Failure> {
        let began = Instant::now();
        let made = self.cell.get_or_try_init(|| async {
            let failed = self.failed.lock().clone();
            if let Some((_, failure)) = failed.filter(|(at, _)| *at >= began) {
                return Err(failure);
            }
            let made = make.await;
            if let Err(failure) = &made {
                *self.failed.lock() = Some((Instant::now(), failure.clone()));
            }
            made
        });
        made.await.cloned()
    }
}

/// Data derived from an entry of a custom kind.
#[derive(Debug, Default)]
pub(crate) struct Derived {
    views: Mutex<Vec<CachedView>>,
    /// Other data derived from the entry.
    other: OnceLock<Box<dyn Any + Send + Sync>>,
}

#[derive(Debug)]
struct CachedView {
    /// The id of the definition it was made under.
    kind: u64,
    version: usize,
    view: View,
}

impl Derived {
    pub(crate) fn of(entry: &Entry) -> Arc<Self> {
        entry.derived(|_| Arc::default())
    }

    /// Derives other data from the entry, once.
    pub(crate) fn other<T: Any + Send + Sync + Clone>(&self, derive: impl Fn() -> T) -> T {
        let kept = self.other.get_or_init(|| Box::new(derive()));
        kept.downcast_ref::<T>().cloned().unwrap_or_else(derive)
    }

    /// The slot of a version's view. Views made under another definition are dropped.
    pub(super) fn view(&self, kind: &CustomKind, api_version: &str) -> View {
        let (id, version) = (kind.id(), kind.position(api_version));
        let mut views = self.views.lock();
        let is_it = |cached: &&CachedView| (cached.kind, cached.version) == (id, version);
        if let Some(cached) = views.iter().find(is_it) {
            return cached.view.clone();
        }
        views.retain(|cached| cached.kind == id);
        let view = View::default();
        views.push(CachedView {
            kind: id,
            version,
            view: view.clone(),
        });
        view
    }
}

#[cfg(test)]
mod tests {
    use portcullis_api::Status;
    use tokio::sync::Notify;

    use super::*;

    #[tokio::test]
    async fn waiting_requests_fail_together_and_later_ones_retry() {
        let (slot, slow) = (ViewSlot::default(), Notify::new());
        let failure = || Failure::Webhook(Status::unknown("no answer"));
        let first = slot.get_or_make(async {
            slow.notified().await;
            Err(failure())
        });
        let second = slot.get_or_make(async { panic!("it waits for the first") });
        let (first, second, ()) = tokio::join!(first, second, async { slow.notify_one() });
        assert!(first.is_err() && second.is_err());
        let made = Entry::new("/k", "{}".into(), 1);
        let later = slot.get_or_make(async { Ok(made.clone()) }).await;
        assert!(Arc::ptr_eq(&later.unwrap(), &made));
    }
}
