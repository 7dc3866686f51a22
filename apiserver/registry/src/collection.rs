//! Reading and deleting collections.

mod token;

use std::sync::Arc;

use futures_util::stream::{self, StreamExt, TryStreamExt};
use portcullis_api::Status;
use portcullis_storage::turn::Turn;
use portcullis_storage::{Entry, Error, ListRequest, Page, ReadAt, Revision};

pub use token::ContinueToken;

use crate::delete::{DeleteOptions, Deleted};
use crate::errors;
use crate::facts::Selection;
use crate::registry::Registry;
use crate::scope::Scope;

/// Upstream's `inconsistentContinue` (`k8s.io/apiserver/pkg/storage/etcd3/errors.go`).
const TOO_OLD_TO_CONTINUE: &str = "The provided continue parameter is too old to display a consistent list result. \
    You can start a new list without the continue parameter, or use the continue token in this response to \
    retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - \
    objects that were created, modified, or deleted between the time the first chunk was returned and now \
    may show up in the list.";

/// How many entries are read at a time if a selector may drop most of them.
const SELECTIVE_PAGE: usize = 1000;

/// How many objects of a collection are deleted concurrently, so that they share the store's commits.
const AT_ONCE: usize = 32;

/// Which part of a collection to read.
#[derive(Clone, Debug)]
pub struct ListQuery {
    /// The selected objects.
    pub selection: Selection,
    /// The required freshness.
    pub at: ReadAt,
    /// The limit; zero for all.
    pub limit: usize,
    /// The token of the previous page.
    pub continues: Option<ContinueToken>,
}

impl ListQuery {
    /// The page of the store.
    fn request(&self, prefix: &str) -> ListRequest {
        let continues = self.continues.as_ref();
        ListRequest {
            at: continues.map_or(self.at, ContinueToken::read_at),
            limit: self.limit,
            after: continues.map(|token| token.after(prefix)),
        }
    }
}

/// A part of a collection.
pub struct List {
    /// The objects, in the order of their keys.
    pub entries: Vec<Arc<Entry>>,
    /// The revision of the list.
    pub revision: Revision,
    /// The token of the next page, if there is one.
    pub continues: Option<ContinueToken>,
    /// How many objects remain, if that is known.
    pub remaining: Option<usize>,
}

impl List {
    /// The objects read from a collection, after which `more` follow.
    fn new(prefix: &str, entries: Vec<Arc<Entry>>, revision: Revision, more: usize) -> Self {
        let last = (more > 0).then(|| entries.last()).flatten();
        Self {
            continues: last.map(|last| ContinueToken::new(revision, prefix, &last.key)),
            remaining: (more > 0).then_some(more),
            revision,
            entries,
        }
    }
}

impl Registry {
    /// Reads a collection.
    ///
    /// # Errors
    /// 410 for a page of a compacted revision, 504 for a revision that is too new.
    pub async fn list(&self, scope: &Scope<'_>, query: &ListQuery) -> Result<List, Status> {
        if !query.selection.is_everything() {
            return self.select(scope, query).await;
        }
        let prefix = self.collection_key(scope.resource, scope.namespace);
        let page = self
            .page(&prefix, scope, query, &query.request(&prefix))
            .await?;
        let (revision, more) = (page.revision, page.remaining);
        Ok(List::new(&prefix, page.entries, revision, more))
    }

    /// Reads the selected objects of a collection.
    async fn select(&self, scope: &Scope<'_>, query: &ListQuery) -> Result<List, Status> {
        let prefix = self.collection_key(scope.resource, scope.namespace);
        let mut request = query.request(&prefix);
        if query.limit > 0 {
            request.limit = query.limit.max(SELECTIVE_PAGE);
        }
        let mut selected = Vec::new();
        let mut turn = Turn::begin();
        loop {
            let page = self.page(&prefix, scope, query, &request).await?;
            let last = page.entries.last().map(|entry| entry.key.to_string());
            let mut left = page.entries.len();
            let is_full = |selected: &Vec<_>| query.limit > 0 && selected.len() == query.limit;
            for entry in page.entries {
                turn.step().await;
                left -= 1;
                if query.selection.matches(scope.resource, &entry)? {
                    selected.push(entry);
                }
                if is_full(&selected) {
                    break;
                }
            }
            let more = left + page.remaining;
            if more == 0 || is_full(&selected) {
                // How many of the others are selected is not known.
                return Ok(List {
                    remaining: None,
                    ..List::new(&prefix, selected, page.revision, more)
                });
            }
            request.at = ReadAt::Exactly(page.revision);
            request.after = last;
        }
    }

    /// A page of a collection, with its objects in the version of the scope.
    async fn page(
        &self,
        prefix: &str,
        scope: &Scope<'_>,
        query: &ListQuery,
        request: &ListRequest,
    ) -> Result<Page, Status> {
        let page = self.storage.list(prefix, request).await;
        let mut page = page.map_err(|e| list_error(e, scope, query))?;
        let (resource, api_version) = (scope.resource, scope.api_version);
        let views = (self.conversions).view_all(resource, api_version, page.entries);
        page.entries = views.await?;
        Ok(page)
    }

    /// Deletes the objects of a list, and returns it.
    ///
    /// # Errors
    /// As [`Registry::list`] and [`Registry::delete`].
    pub async fn delete_collection(
        &self,
        scope: &Scope<'_>,
        query: &ListQuery,
        options: &DeleteOptions,
    ) -> Result<List, Status> {
        let mut list = self.list(scope, query).await?;
        let entries = std::mem::take(&mut list.entries);
        let deletions = entries
            .into_iter()
            .map(|entry| self.delete_listed(scope, entry, options));
        list.entries = stream::iter(deletions)
            .buffered(AT_ONCE)
            .try_filter_map(|deleted| std::future::ready(Ok(deleted)))
            .try_collect()
            .await?;
        Ok(list)
    }

    /// Deletes an object of a list, and returns it if it can be read.
    async fn delete_listed(
        &self,
        scope: &Scope<'_>,
        entry: Arc<Entry>,
        options: &DeleteOptions,
    ) -> Result<Option<Arc<Entry>>, Status> {
        let Some(place) = self.place(&entry.key) else {
            return Ok(Some(entry));
        };
        let one = Scope {
            in_collection: true,
            ..scope.named(place.namespace, place.name)
        };
        match self.delete(&one, options).await {
            Ok(Deleted::Gone(deleted, _) | Deleted::Pending(deleted)) => Ok(Some(deleted)),
            Ok(Deleted::Unreadable(_)) => Ok(None),
            // Another client deleted it meanwhile, which is the requested result.
            Err(status) if status.code == 404 => Ok(Some(entry)),
            Err(status) => Err(status),
        }
    }
}

fn list_error(error: Error, scope: &Scope<'_>, query: &ListQuery) -> Status {
    match (error, &query.continues) {
        (Error::Compacted { .. }, Some(token)) => {
            Status::expired(TOO_OLD_TO_CONTINUE).with_continue(token.inconsistent())
        }
        (error, _) => errors::status(error, scope),
    }
}
