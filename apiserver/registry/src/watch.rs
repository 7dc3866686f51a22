//! Watches on collections.

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

/// The parameters of a watch.
#[derive(Clone, Debug)]
pub struct WatchQuery {
    /// The selected objects.
    pub selection: Selection,
    /// Where it begins.
    pub from: WatchFrom,
}

/// Where a watch begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WatchFrom {
    /// With all objects, as if they had just been created, and then the changes.
    Start(ReadAt),
    /// With the first change after this revision.
    After(Revision),
}

/// An event for a watcher.
#[derive(Debug)]
pub enum WatchEvent {
    /// An object was created, changed, removed, or entered or left the selection.
    Change(Change),
    /// The end of the initial events, at this revision.
    InitialEnd(Revision),
    /// Nothing else happened up to this revision.
    Progress(Revision),
}

/// A change as seen through the watcher's selection.
#[derive(Debug)]
pub struct Change {
    /// The type of the event.
    pub kind: ChangeKind,
    /// The object after the change, or before it if it was removed or left the selection.
    pub entry: Arc<Entry>,
    /// The revision of the change.
    pub revision: Revision,
    /// The store's event, if it looks the same to every watcher.
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

/// The events for a watcher, in order; it ends after an error.
pub type Following = Pin<Box<dyn Stream<Item = Result<WatchEvent, Status>> + Send>>;

impl Registry {
    /// Follows a collection of a resource, which is the scope's, or a single object if the scope names one.
    ///
    /// # Errors
    /// 410 if changes after the revision have been compacted; also as the stream's last item.
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
                let event = match event {
                    Ok(event) => view.event_of(&event).map(Ok),
                    Err(error) => Some(Err(watch_error(error))),
                };
                std::future::ready(event)
            });
            return Ok(Box::pin(initial.chain(changes)));
        }
        let replaced = replaced(self.catalogues().subscribe(), view.resource.clone());
        let changes = changes.filter_map(move |event| {
            let view = view.clone();
            async move {
                match event {
                    Ok(event) => view.converted_event_of(&event).await.transpose(),
                    Err(error) => Some(Err(watch_error(error))),
                }
            }
        });
        Ok(until_idle(initial.chain(changes), replaced))
    }
}

/// A stream that ends once `end` has resolved and nothing is ready any more, so that events up to then, such
/// as the deletion of a definition's objects, are not lost.
fn until_idle(
    events: impl Stream<Item = Result<WatchEvent, Status>> + Send + 'static,
    end: impl Future<Output = ()> + Send + 'static,
) -> Following {
    let (mut events, mut end) = (Box::pin(events), Box::pin(end.fuse()));
    Box::pin(stream::poll_fn(move |cx| {
        match events.as_mut().poll_next(cx) {
            Poll::Pending if end.is_terminated() => Poll::Ready(None),
            Poll::Pending => end.as_mut().poll(cx).map(|()| None),
            ready @ Poll::Ready(_) => ready,
        }
    }))
}

/// Waits until a definition has changed or is gone: earlier events of its objects are no longer right, so
/// watchers restart (upstream: `removeStorage_locked` in `customresource_handler.go`).
async fn replaced(mut catalogues: watch::Receiver<Arc<Catalogue>>, row: ResourceRef) {
    // an error means that the server stops
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

/// A watcher's view of a collection.
struct View {
    resource: ResourceRef,
    selection: Selection,
    /// The prefix of objects that this server has stored.
    stored: Label,
    /// The watcher's version, to which only custom kinds are converted.
    api_version: String,
    conversions: Conversions,
}

/// The two sides of a change, as far as the watcher sees them.
#[derive(Default)]
struct Sides {
    before: Option<Arc<Entry>>,
    after: Option<Arc<Entry>>,
}

impl View {
    fn is_of_built_in(&self) -> bool {
        self.resource.strategy.custom().is_none()
    }

    /// The initial events.
    async fn initial(&self, page: Page) -> Result<Vec<Result<WatchEvent, Status>>, Status> {
        let entries =
            self.conversions
                .view_readable(&self.resource, &self.api_version, page.entries);
        let visible = entries.await?.into_iter().filter(|entry| self.shows(entry));
        let mut events: Vec<_> = visible
            .map(|entry| Ok(WatchEvent::Change(added(entry))))
            .collect();
        events.push(Ok(WatchEvent::InitialEnd(page.revision)));
        Ok(events)
    }

    /// Whether an entry is selected and readable; to a watcher, an unreadable object does not exist. Objects
    /// that this server has stored are readable, and need not be decoded to find out.
    fn shows(&self, entry: &Entry) -> bool {
        if self.selection.is_everything() {
            return self.stored.strip(&entry.value).is_some()
                || Facts::of(&self.resource, entry).is_ok();
        }
        let matches = self.selection.matches(&self.resource, entry);
        matches.unwrap_or(false)
    }

    /// A change of a built-in kind.
    fn event_of(&self, event: &Arc<Event>) -> Option<WatchEvent> {
        let visible = |entry: &Arc<Entry>| self.shows(entry).then(|| entry.clone());
        let sides = match event.as_ref() {
            Event::Progress(revision) => return Some(WatchEvent::Progress(*revision)),
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
        change(event, sides, true).map(WatchEvent::Change)
    }

    /// A change of a custom kind, in the watcher's version.
    async fn converted_event_of(&self, event: &Arc<Event>) -> Result<Option<WatchEvent>, Status> {
        let sides = match event.as_ref() {
            Event::Progress(revision) => return Ok(Some(WatchEvent::Progress(*revision))),
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
        Ok(change(event, sides, false).map(WatchEvent::Change))
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

/// A change as the watcher sees it: an object that enters the view is added, one that leaves it is deleted.
/// Its encoding may be shared if every watcher sees the same.
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
        Error::Unavailable(why) => errors::unreachable(&why),
        error => Status::internal(error),
    }
}
