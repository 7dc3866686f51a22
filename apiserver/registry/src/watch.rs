//! Following collections.

use std::pin::Pin;
use std::sync::Arc;

use futures_util::{Stream, StreamExt, stream};
use portcullis_api::Status;
use portcullis_api::encode::Label;
use portcullis_storage::{Entry, Error, Event, ListRequest, ReadAt, Revision};

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
        let view = View::new(resource, selection);
        let (initial, after) = match from {
            WatchFrom::After(revision) => (Vec::new(), revision),
            WatchFrom::Start(at) => {
                let request = ListRequest {
                    at,
                    ..ListRequest::all()
                };
                let page = self
                    .storage
                    .list(&prefix, &request)
                    .await
                    .map_err(|e| errors::status(e, scope))?;
                let mut told = Vec::with_capacity(page.entries.len() + 1);
                let visible = page.entries.into_iter().filter(|entry| view.shows(entry));
                told.extend(visible.map(|entry| Ok(Told::Change(added(entry)))));
                told.push(Ok(Told::InitialEnd(page.revision)));
                (told, page.revision)
            }
        };
        let changes = self
            .storage
            .watch(&prefix, after)
            .await
            .map_err(watch_error)?;
        let changes = changes.filter_map(move |event| {
            let told = match event {
                Ok(event) => view.told(event).map(Ok),
                Err(error) => Some(Err(watch_error(error))),
            };
            std::future::ready(told)
        });
        Ok(Box::pin(stream::iter(initial).chain(changes)))
    }
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
}

impl View {
    fn new(resource: ResourceRef, selection: Selection) -> Self {
        Self {
            stored: Label::new(resource.type_meta(&resource.api_version())),
            resource,
            selection,
        }
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

    /// A change as the watcher sees it: an object that enters the view is added, one that leaves it is
    /// deleted.
    fn told(&self, event: Arc<Event>) -> Option<Told> {
        let revision = event.revision();
        let (kind, entry, natural) = match event.as_ref() {
            Event::Progress(revision) => return Some(Told::Progress(*revision)),
            Event::Put {
                entry, previous, ..
            } => {
                let before = previous.as_ref().filter(|previous| self.shows(previous));
                match (before, self.shows(entry)) {
                    (Some(_), true) => (ChangeKind::Modified, entry.clone(), true),
                    (None, true) => (ChangeKind::Added, entry.clone(), previous.is_none()),
                    (Some(before), false) => (ChangeKind::Deleted, before.clone(), false),
                    (None, false) => return None,
                }
            }
            Event::Delete { previous, .. } if self.shows(previous) => {
                (ChangeKind::Deleted, previous.clone(), true)
            }
            Event::Delete { .. } => return None,
        };
        Some(Told::Change(Change {
            kind,
            entry,
            revision,
            shared: natural.then_some(event),
        }))
    }
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
