//! Following every object of a kind, and every change of one, until the server stops.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use futures_util::stream::{self, BoxStream};
use futures_util::{StreamExt, future};
use k8s_openapi::api::core::v1::Pod;
use memchr::memmem::Finder;
use portcullis_api::{Backoff, Object, Status, UserInfo};
use portcullis_storage::ReadAt;

use portcullis_kinds::resource::Resource;
use portcullis_kinds::table;
use portcullis_registry::facts::Selection;
use portcullis_registry::watch::{
    Change, ChangeKind, Following, WatchEvent, WatchFrom, WatchQuery,
};
use portcullis_registry::{Registry, Scope, codec};

/// The pause before a watch that ended is started again: the first one, and the longest.
const PAUSE: Backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(10));

/// An object that was seen.
pub struct Seen<K> {
    /// The object; its last state, if it is gone.
    pub object: K,
    /// Whether it is gone.
    pub gone: bool,
}

/// An event for a follower.
pub enum News<K> {
    /// All existing objects follow again; those that do not follow are deleted.
    Anew,
    /// A change of one object.
    Of(Seen<K>),
}

/// Every object of a resource, and then every change, in order, without an end.
///
/// A watch that breaks is started again with all existing objects, so processing must be repeatable. A
/// follower that must not miss deletions in between uses [`news`].
pub fn follow<K: Object + Clone>(
    registry: Arc<Registry>,
    user: UserInfo,
    resource: &'static Resource,
) -> BoxStream<'static, Seen<K>> {
    seen_only(news(registry, user, resource))
}

/// As [`follow`], with the restarts of the watch.
pub fn news<K: Object + Clone>(
    registry: Arc<Registry>,
    user: UserInfo,
    resource: &'static Resource,
) -> BoxStream<'static, News<K>> {
    news_where(registry, user, resource, |_| true)
}

/// What is seen in news.
pub fn seen_only<K: Object>(news: BoxStream<'static, News<K>>) -> BoxStream<'static, Seen<K>> {
    let seen = |news| match news {
        News::Anew => None,
        News::Of(seen) => Some(seen),
    };
    Box::pin(news.filter_map(move |news| future::ready(seen(news))))
}

/// As [`follow`], for the objects of one name, in any namespace; others are not decoded.
pub fn follow_named<K: Object + Clone>(
    registry: Arc<Registry>,
    user: UserInfo,
    resource: &'static Resource,
    name: &'static str,
) -> BoxStream<'static, Seen<K>> {
    let named = move |change: &Change| change.entry.key.rsplit('/').next() == Some(name);
    seen_only(news_where(registry, user, resource, named))
}

/// [`news`] of those pods that are on a node, about to be deleted, at their end or gone. Most writes are of
/// others, and need not be decoded for each controller.
pub fn pods_in_use(registry: Arc<Registry>, user: UserInfo) -> BoxStream<'static, News<Pod>> {
    news_where(registry, user, table::PODS, |change| {
        change.kind == ChangeKind::Deleted || is_in_use(&change.entry.value)
    })
}

/// A quick look at a pod as it is stored: quotes within a text are escaped, so none of these can be in one.
fn is_in_use(value: &[u8]) -> bool {
    static SIGNS: LazyLock<[Finder<'static>; 4]> = LazyLock::new(|| {
        [
            r#""nodeName":""#,
            r#""deletionTimestamp":""#,
            r#""phase":"Succeeded""#,
            r#""phase":"Failed""#,
        ]
        .map(Finder::new)
    });
    // what another server has stored may not be JSON
    !value.starts_with(b"{") || SIGNS.iter().any(|sign| sign.find(value).is_some())
}

/// [`news`] of those changes that are wanted; others are not even decoded.
fn news_where<K: Object + Clone>(
    registry: Arc<Registry>,
    user: UserInfo,
    resource: &'static Resource,
    wanted: impl Fn(&Change) -> bool + Copy + Send + 'static,
) -> BoxStream<'static, News<K>> {
    let state = (registry, user, None::<Following>, PAUSE);
    Box::pin(stream::unfold(
        state,
        move |(registry, user, mut following, mut pause)| async move {
            loop {
                let ended = match following.as_mut() {
                    None => match begin(&registry, &user, resource).await {
                        Ok(begun) => {
                            following = Some(begun);
                            return Some((News::Anew, (registry, user, following, pause)));
                        }
                        Err(status) => Err(status),
                    },
                    Some(current) => match current.next().await {
                        Some(Ok(event)) => {
                            pause.reset();
                            if let Some(seen) = seen(resource, event, wanted) {
                                return Some((News::Of(seen), (registry, user, following, pause)));
                            }
                            Ok(())
                        }
                        Some(Err(status)) => Err(status),
                        None => Err(Status::unavailable("the watch ended")),
                    },
                };
                if let Err(status) = ended {
                    let (resource, error) = (resource.plural, status.message);
                    tracing::debug!(resource, error, "a controller's watch restarts");
                    following = None;
                    tokio::time::sleep(pause.pause()).await;
                }
            }
        },
    ))
}

/// Starts a watch.
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
    event: WatchEvent,
    wanted: impl Fn(&Change) -> bool,
) -> Option<Seen<K>> {
    let WatchEvent::Change(change) = event else {
        return None;
    };
    if !wanted(&change) {
        return None;
    }
    let object = codec::object(resource, &change.entry).ok()?;
    let gone = change.kind == ChangeKind::Deleted;
    Some(Seen {
        object: object.into_kind::<K>()?,
        gone,
    })
}

#[cfg(test)]
mod tests {
    use super::is_in_use;

    #[test]
    fn pods_in_use_are_recognized_as_they_are_stored() {
        for pod in [
            r#"{"spec":{"nodeName":"a"}}"#,
            r#"{"metadata":{"deletionTimestamp":"2021-01-02T03:04:05Z"}}"#,
            r#"{"status":{"phase":"Failed"}}"#,
            r#"{"status":{"phase":"Succeeded"}}"#,
            "k8s\0",
        ] {
            assert!(is_in_use(pod.as_bytes()), "{pod}");
        }
        let pod = r#"{"spec":{"containers":[{"args":["\"nodeName\":\"a\""]}]},"status":{"phase":"Pending"}}"#;
        assert!(!is_in_use(pod.as_bytes()));
    }
}
