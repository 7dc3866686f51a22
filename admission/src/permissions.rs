//! Permissions that plugins require in addition to the one for the request itself.

use portcullis_api::{GroupResource, UserInfo};

/// A permission that a request needs in addition to the one for itself.
#[derive(Clone, Copy, Debug)]
pub struct Permission<'a> {
    /// Such as `use`; it need not be a verb of requests.
    pub verb: &'a str,
    /// The resource; it need not be served.
    pub resource: GroupResource<'a>,
    /// Such as `finalizers`; empty for the resource itself.
    pub subresource: &'a str,
    /// Empty for cluster-scoped resources.
    pub namespace: &'a str,
    /// The object's name; an empty name matches no object.
    pub name: &'a str,
}

/// Whether a permission extends to the object of a name.
pub type Names = Box<dyn Fn(&str) -> bool>;

/// Checks permissions; the server implements it by its authorizer.
pub trait Permissions: Send + Sync + 'static {
    /// The reason why `user` has the permission, which may be empty; `None` if they do not have it.
    fn allow(&self, user: &UserInfo, permission: &Permission<'_>) -> Option<String>;

    /// The reason why `user` may send a request with a verb, such as `get`, to a path that is not a
    /// resource's; `None` if they may not.
    fn allow_path(&self, user: &UserInfo, verb: &str, path: &str) -> Option<String>;

    /// The names for which `user` has the permission; its own name is ignored. It agrees with
    /// [`allow`](Self::allow) for each name, but evaluates the rules only once.
    fn names(&self, user: &UserInfo, permission: &Permission<'_>) -> Names;
}
