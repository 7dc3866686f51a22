//! Seeing every object of a kind, and every change to one, for as long as the server runs.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use portcullis_api::{Object, Status, UserInfo};
use portcullis_storage::ReadAt;

use crate::registry::facts::Selection;
use crate::registry::resource::Resource;
use crate::registry::watch::{ChangeKind, Following, Told, WatchFrom, WatchQuery};
use crate::registry::{Registry, Scope, codec};

/// How long to wait before a watch that ended is begun anew.
const PAUSE: Duration = Duration::from_millis(200);

/// How long to wait after a failure: the first time, and at most.
const AGAIN: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(10));

/// Something a controller looks at.
pub struct Seen<K> {
    /// The object; as it was, if it is gone.
    pub object: K,
    /// Whether it is gone.
    pub gone: bool,
}

/// Every object of a resource, and then every change, one after the other, without an end.
///
/// A watch that breaks is begun anew with what is there, so what is done must be repeatable.
pub fn follow<K: Object + Clone>(
    registry: Arc<Registry>,
    user: UserInfo,
    resource: &'static Resource,
) -> BoxStream<'static, Seen<K>> {
    follow_where(registry, user, resource, |_| true)
}

/// The same for the objects of one name, in any namespace; others are not even read.
pub fn follow_named<K: Object + Clone>(
    registry: Arc<Registry>,
    user: UserInfo,
    resource: &'static Resource,
    name: &'static str,
) -> BoxStream<'static, Seen<K>> {
    let named = move |key: &str| key.rsplit('/').next() == Some(name);
    follow_where(registry, user, resource, named)
}

fn follow_where<K: Object + Clone>(
    registry: Arc<Registry>,
    user: UserInfo,
    resource: &'static Resource,
    wanted: impl Fn(&str) -> bool + Copy + Send + 'static,
) -> BoxStream<'static, Seen<K>> {
    let state = (registry, user, None::<Following>);
    Box::pin(stream::unfold(
        state,
        move |(registry, user, mut following)| async move {
            loop {
                let Some(current) = following.as_mut() else {
                    following = begin(&registry, &user, resource).await;
                    continue;
                };
                match current.next().await {
                    Some(Ok(told)) => {
                        if let Some(seen) = seen(resource, told, wanted) {
                            return Some((seen, (registry, user, following)));
                        }
                    }
                    Some(Err(_)) | None => following = None,
                }
            }
        },
    ))
}

/// Begins a watch; where that fails, waits a little, so that the caller can try again.
async fn begin(
    registry: &Registry,
    user: &UserInfo,
    resource: &'static Resource,
) -> Option<Following> {
    let query = WatchQuery {
        selection: Selection::default(),
        from: WatchFrom::Start(ReadAt::Latest),
    };
    match registry.watch(&Scope::all(resource, user), query).await {
        Ok(following) => Some(following),
        Err(status) => {
            tracing::debug!(
                resource = resource.plural,
                error = status.message,
                "cannot watch"
            );
            tokio::time::sleep(PAUSE).await;
            None
        }
    }
}

fn seen<K: Object + Clone>(
    resource: &Resource,
    told: Told,
    wanted: impl Fn(&str) -> bool,
) -> Option<Seen<K>> {
    let Told::Change(change) = told else {
        return None;
    };
    if !wanted(&change.entry.key) {
        return None;
    }
    let object = codec::object(resource, &change.entry).ok()?;
    let gone = change.kind == ChangeKind::Deleted;
    Some(Seen {
        object: object.as_kind::<K>()?.clone(),
        gone,
    })
}

/// Tries until it works, less often each time; says so, with the namespace it is about.
pub async fn insist<F>(namespace: &str, trouble: &str, attempt: impl Fn() -> F)
where
    F: Future<Output = Result<(), Status>>,
{
    let mut pause = AGAIN.0;
    while let Err(status) = attempt().await {
        tracing::warn!(namespace, error = status.message, "{trouble}");
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(AGAIN.1);
    }
}
