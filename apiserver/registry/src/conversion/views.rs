//! What is kept with an entry of a custom kind.

use std::any::Any;
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;
use portcullis_kinds::custom::CustomKind;
use portcullis_storage::Entry;
use tokio::sync::OnceCell;

/// An entry as readers of a version see it, once somebody has asked.
pub(super) type View = Arc<OnceCell<Arc<Entry>>>;

/// What is derived from an entry of a custom kind.
#[derive(Debug, Default)]
pub(crate) struct Derived {
    views: Mutex<Vec<Known>>,
    /// Whatever else follows from the entry as it is.
    more: OnceLock<Box<dyn Any + Send + Sync>>,
}

#[derive(Debug)]
struct Known {
    /// Under which definition it was made.
    kind: u64,
    version: usize,
    view: View,
}

impl Derived {
    pub(crate) fn of(entry: &Entry) -> Arc<Self> {
        entry.derived(|_| Arc::default())
    }

    /// What else is derived from the entry, once.
    pub(crate) fn more<T: Any + Send + Sync + Clone>(&self, derive: impl Fn() -> T) -> T {
        let kept = self.more.get_or_init(|| Box::new(derive()));
        kept.downcast_ref::<T>().cloned().unwrap_or_else(derive)
    }

    /// The place of a version's view. Those that were made under another definition are forgotten.
    pub(super) fn view(&self, kind: &CustomKind, api_version: &str) -> View {
        let (id, version) = (kind.id(), kind.position(api_version));
        let mut views = self.views.lock();
        let is_it = |known: &&Known| (known.kind, known.version) == (id, version);
        if let Some(known) = views.iter().find(is_it) {
            return known.view.clone();
        }
        views.retain(|known| known.kind == id);
        let view = View::default();
        views.push(Known {
            kind: id,
            version,
            view: view.clone(),
        });
        view
    }
}
