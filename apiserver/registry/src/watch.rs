//! Following collections.

use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use futures_util::future::FusedFuture;
use futures_util::{FutureExt, Stream, StreamExt, stream};
use portcullis_api::Status;
use portcullis_api::encode::Label;
use portcullis_kinds::catalogue::Catalogue;
use portcullis_storage::{Entry, Error, Event, ListRequest, Page, ReadAt, Revision};
use tokio::sync::watch;

use crate::conversion::{Conversions, Failure};
use crate::errors;
use crate::facts::{Facts, Selection};
use crate::registry::Registry;
use crate::scope::Scope;
use portcullis_kinds::shared::ResourceRef;

/// What to follow.
#[derive(Clone, Debug)]
pub struct WatchQuery {
    /// Which objects.
    pub selection: Selection,
    /// From where.
    pub from: WatchFrom,
}

/// Where a watch begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WatchFrom {
    /// With what is there, told as if it had just been made, and then what changes.
    Start(ReadAt),
    /// With the first change after this revision.
    After(Revision),
}

/// What a watcher is told.
#[derive(Debug)]
pub enum Told {
    /// An object has come into sight, changed, or gone from it.
    Change(Change),
    /// All that is there has been told; the revision of which it is the state.
    InitialEnd(Revision),
    /// Nothing else happened up to this revision.
    Progress(Revision),
}

/// A change as the watcher's selection shows it.
#[derive(Debug)]
pub struct Change {
    /// What happened, as far as the watcher can see.
    pub kind: ChangeKind,
    /// The object after the change, or before it if it is gone from sight.
    pub entry: Arc<Entry>,
    /// The revision of the change.
    pub revision: Revision,
    /// The store's event, where it looks the same to every watcher.
    pub shared: Option<Arc<Event>>,
}

/// The types of watch events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    /// `ADDED`
    Added,
    /// `MODIFIED`
    Modified,
    /// `DELETED`
    Deleted,
}

impl ChangeKind {
    /// The type on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Added => "ADDED",
            Self::Modified => "MODIFIED",
            Self::Deleted => "DELETED",
        }
    }
}

/// What a watcher is told, in order; it ends after an error.
pub type Following = Pin<Box<dyn Stream<Item = Result<Told, Status>> + Send>>;

impl Registry {
    /// Follows a collection of a resource, which is the scope's, or a single object if the scope names one.
    ///
    /// # Errors
    /// 410 if changes after the revision have been forgotten; also as the stream's last item.
    pub async fn watch(
        &self,
        resource: ResourceRef,
        scope: &Scope<'_>,
        query: WatchQuery,
    ) -> Result<Following, Status> {
        let prefix = self.collection_key(&resource, scope.namespace);
        let WatchQuery { selection, from } = query;
        let view = Arc::new(View {
            stored: Label::new(resource.type_meta(&resource.api_version())),
            conversions: self.conversions.clone(),
            api_version: scope.api_version.to_owned(),
            resource,
            selection,
        });
        let (initial, after) = match from {
            WatchFrom::After(revision) => (Vec::new(), revision),
            WatchFrom::Start(at) => {
                let request = ListRequest {
                    at,
                    ..ListRequest::all()
                };
                let page = self.storage.list(&prefix, &request).await;
                let page = page.map_err(|e| errors::status(e, scope))?;
                let revision = page.revision;
                (view.initial(page).await?, revision)
            }
        };
        let changes = self.storage.watch(&prefix, after).await;
        let changes = changes.map_err(watch_error)?;
        let initial = stream::iter(initial);
        if view.is_of_built_in() {
            let changes = changes.filter_map(move |event| {
                let told = match event {
                    Ok(event) => view.told(&event).map(Ok),
                    Err(error) => Some(Err(watch_error(error))),
                };
                std::future::ready(told)
            });
            return Ok(Box::pin(initial.chain(changes)));
        }
        let replaced = replaced(self.catalogues().subscribe(), view.resource.clone());
        let changes = changes.filter_map(move |event| {
            let view = view.clone();
            async move {
                match event {
                    Ok(event) => view.told_converted(&event).await.transpose(),
                    Err(error) => Some(Err(watch_error(error))),
                }
            }
        });
        Ok(until_idle(initial.chain(changes), replaced))
    }
}

/// A stream that ends once `end` has come and nothing is ready any more: what has been told by then, such
/// as that the objects of a definition are gone, is not lost.
fn until_idle(
    told: impl Stream<Item = Result<Told, Status>> + Send + 'static,
    end: impl Future<Output = ()> + Send + 'static,
) -> Following {
    let (mut told, mut end) = (Box::pin(told), Box::pin(end.fuse()));
    Box::pin(stream::poll_fn(move |cx| {
        match told.as_mut().poll_next(cx) {
            Poll::Pending if end.is_terminated() => Poll::Ready(None),
            Poll::Pending => end.as_mut().poll(cx).map(|()| None),
            ready @ Poll::Ready(_) => ready,
        }
    }))
}

/// Waits until a definition has changed or is gone: what watchers of its objects were told no longer
/// holds, so they begin anew (upstream: `removeStorage_locked` in `customresource_handler.go`).
async fn replaced(mut catalogues: watch::Receiver<Arc<Catalogue>>, row: ResourceRef) {
    // an error says that the server ends
    let _ = catalogues.wait_for(|catalogue| !catalogue.has(&row)).await;
}

fn added(entry: Arc<Entry>) -> Change {
    Change {
        kind: ChangeKind::Added,
        revision: entry.revision,
        entry,
        shared: None,
    }
}

/// What a watcher sees of a collection.
struct View {
    resource: ResourceRef,
    selection: Selection,
    /// How objects that this server has stored begin.
    stored: Label,
    /// The watcher's version, which only custom kinds are converted to.
    api_version: String,
    conversions: Conversions,
}

/// The sides of a change, as far as the watcher sees them.
#[derive(Default)]
struct Sides {
    before: Option<Arc<Entry>>,
    after: Option<Arc<Entry>>,
}

impl View {
    fn is_of_built_in(&self) -> bool {
        self.resource.strategy.custom().is_none()
    }

    /// What is there when the watch begins.
    async fn initial(&self, page: Page) -> Result<Vec<Result<Told, Status>>, Status> {
        let entries =
            self.conversions
                .view_readable(&self.resource, &self.api_version, page.entries);
        let visible = entries.await?.into_iter().filter(|entry| self.shows(entry));
        let mut told: Vec<_> = visible
            .map(|entry| Ok(Told::Change(added(entry))))
            .collect();
        told.push(Ok(Told::InitialEnd(page.revision)));
        Ok(told)
    }

    /// Whether an entry is selected and can be read; to a watcher, an object that cannot be read does
    /// not exist. What this server has stored can be read, and need not be decoded to know that.
    fn shows(&self, entry: &Entry) -> bool {
        if self.selection.is_everything() {
            return self.stored.strip(&entry.value).is_some()
                || Facts::of(&self.resource, entry).is_ok();
        }
        let matches = self.selection.matches(&self.resource, entry);
        matches.unwrap_or(false)
    }

    /// A change of a built-in kind.
    fn told(&self, event: &Arc<Event>) -> Option<Told> {
        let visible = |entry: &Arc<Entry>| self.shows(entry).then(|| entry.clone());
        let sides = match event.as_ref() {
            Event::Progress(revision) => return Some(Told::Progress(*revision)),
            Event::Put {
                entry, previous, ..
            } => Sides {
                before: previous.as_ref().and_then(visible),
                after: visible(entry),
            },
            Event::Delete { previous, .. } => Sides {
                before: visible(previous),
                after: None,
            },
        };
        change(event, sides, true).map(Told::Change)
    }

    /// A change of a custom kind, in the watcher's version.
    async fn told_converted(&self, event: &Arc<Event>) -> Result<Option<Told>, Status> {
        let sides = match event.as_ref() {
            Event::Progress(revision) => return Ok(Some(Told::Progress(*revision))),
            Event::Put {
                entry, previous, ..
            } => Sides {
                before: match previous {
                    Some(previous) => self.visible(previous).await?,
                    None => None,
                },
                after: self.visible(entry).await?,
            },
            Event::Delete { previous, .. } => Sides {
                before: self.visible(previous).await?,
                after: None,
            },
        };
        Ok(change(event, sides, false).map(Told::Change))
    }

    /// An entry in the watcher's version, if it is visible.
    async fn visible(&self, entry: &Arc<Entry>) -> Result<Option<Arc<Entry>>, Status> {
        let view = self
            .conversions
            .view(&self.resource, &self.api_version, entry);
        match view.await {
            Ok(view) => Ok(Some(view).filter(|view| self.shows(view))),
            Err(Failure::Unreadable(_)) => Ok(None),
            Err(Failure::Webhook(status)) => Err(status),
        }
    }
}

/// A change as the watcher sees it: an object that enters the view is added, one that leaves it is
/// deleted. Its wire form may be shared if everybody sees the same.
fn change(event: &Arc<Event>, sides: Sides, may_share: bool) -> Option<Change> {
    let replaces = matches!(
        &**event,
        Event::Put {
            previous: Some(_),
            ..
        }
    );
    let deletes = matches!(&**event, Event::Delete { .. });
    let (kind, entry, natural) = match (sides.before, sides.after) {
        (Some(_), Some(entry)) => (ChangeKind::Modified, entry, true),
        (None, Some(entry)) => (ChangeKind::Added, entry, !replaces),
        (Some(before), None) => (ChangeKind::Deleted, before, deletes),
        (None, None) => return None,
    };
    Some(Change {
        kind,
        entry,
        revision: event.revision(),
        shared: (natural && may_share).then(|| event.clone()),
    })
}

fn watch_error(error: Error) -> Status {
    match error {
        Error::Compacted { requested, oldest } => {
            Status::expired(format!("too old resource version: {requested} ({oldest})"))
        }
        Error::Slow => {
            Status::expired("the watcher did not keep up with the changes and must list again")
        }
        Error::Unavailable(why) => {
            Status::unavailable(format!("the store cannot be reached: {why}"))
        }
        error => Status::internal(error),
    }
}
