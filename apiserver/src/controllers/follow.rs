//! Seeing every object of a kind, and every change to one, for as long as the server runs.

use std::time::Duration;

use futures_util::StreamExt;
use portcullis_api::{Object, UserInfo};
use portcullis_storage::ReadAt;

use crate::registry::facts::Selection;
use crate::registry::resource::Resource;
use crate::registry::watch::{ChangeKind, Told, WatchFrom, WatchQuery};
use crate::registry::{Registry, Scope, codec};

/// How long to wait before a watch that ended is begun anew.
const PAUSE: Duration = Duration::from_millis(200);

/// Something a controller looks at.
pub struct Seen<K> {
    /// The object; as it was, if it is gone.
    pub object: K,
    /// Whether it is gone.
    pub gone: bool,
}

/// Calls `handle` with every object of a resource and every change, one after the other.
///
/// A watch that breaks is begun anew with what is there, so `handle` must be repeatable.
pub async fn follow<K: Object + Clone>(
    registry: &Registry,
    user: &UserInfo,
    resource: &'static Resource,
    handle: impl AsyncFn(Seen<K>),
) {
    let scope = Scope::all(resource, user);
    loop {
        let query = WatchQuery { selection: Selection::default(), from: WatchFrom::Start(ReadAt::Latest) };
        match registry.watch(&scope, query).await {
            Ok(mut following) => {
                while let Some(Ok(told)) = following.next().await {
                    if let Some(seen) = seen(resource, told) {
                        handle(seen).await;
                    }
                }
            }
            Err(status) => tracing::debug!(resource = resource.plural, error = status.message, "cannot watch"),
        }
        tokio::time::sleep(PAUSE).await;
    }
}

fn seen<K: Object + Clone>(resource: &Resource, told: Told) -> Option<Seen<K>> {
    let Told::Change(change) = told else { return None };
    let object = codec::object(resource, &change.entry).ok()?;
    let gone = change.kind == ChangeKind::Deleted;
    Some(Seen { object: object.as_kind::<K>()?.clone(), gone })
}
