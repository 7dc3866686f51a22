//! Seeing every object of a kind, and every change to one, for as long as the server runs.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use portcullis_api::{Backoff, Object, Status, UserInfo};
use portcullis_storage::ReadAt;

use portcullis_kinds::resource::Resource;
use portcullis_registry::facts::Selection;
use portcullis_registry::watch::{ChangeKind, Following, Told, WatchFrom, WatchQuery};
use portcullis_registry::{Registry, Scope, codec};

/// How long to wait before a watch that ended is begun anew: the first time, and at most.
const PAUSE: Backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(10));

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
    let state = (registry, user, None::<Following>, PAUSE);
    Box::pin(stream::unfold(
        state,
        move |(registry, user, mut following, mut pause)| async move {
            loop {
                let ended = match following.as_mut() {
                    None => begin(&registry, &user, resource).await.map(|begun| {
                        following = Some(begun);
                    }),
                    Some(current) => match current.next().await {
                        Some(Ok(told)) => {
                            pause.reset();
                            if let Some(seen) = seen(resource, told, wanted) {
                                return Some((seen, (registry, user, following, pause)));
                            }
                            Ok(())
                        }
                        Some(Err(status)) => Err(status),
                        None => Err(Status::unavailable("the watch ended")),
                    },
                };
                if let Err(status) = ended {
                    let (resource, error) = (resource.plural, status.message);
                    tracing::debug!(resource, error, "a controller's watch begins anew");
                    following = None;
                    tokio::time::sleep(pause.pause()).await;
                }
            }
        },
    ))
}

/// Begins a watch.
async fn begin(
    registry: &Registry,
    user: &UserInfo,
    resource: &'static Resource,
) -> Result<Following, Status> {
    let query = WatchQuery {
        selection: Selection::default(),
        from: WatchFrom::Start(ReadAt::Latest),
    };
    registry
        .watch(resource.into(), &Scope::all(resource, user), query)
        .await
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
