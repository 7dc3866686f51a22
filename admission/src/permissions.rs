//! What a request needs permission for besides itself, and who decides; the server's authorizer does.

use portcullis_api::{GroupResource, UserInfo};

/// A permission that a request needs besides the one for itself.
#[derive(Clone, Copy, Debug)]
pub struct Permission<'a> {
    /// Such as `use`; it need not be the verb of any request.
    pub verb: &'a str,
    /// To what; it need not be served.
    pub resource: GroupResource<'a>,
    /// To which part of it; mostly empty.
    pub subresource: &'a str,
    /// Where; empty for what is in no namespace.
    pub namespace: &'a str,
    /// To which; the empty name stands for none of them.
    pub name: &'a str,
}

/// Tells of a name whether something may be done to what has it.
pub type Names = Box<dyn Fn(&str) -> bool>;

/// Who may do what. The server asks its authorizer.
pub trait Permissions: Send + Sync + 'static {
    /// The reason why `user` may do it, empty if there is nothing to say; `None` if they may not.
    fn allow(&self, user: &UserInfo, permission: &Permission<'_>) -> Option<String>;

    /// The names to which `user` may do it, whatever the permission's own: one question for what
    /// [`allow`](Self::allow) says of each of them.
    fn names(&self, user: &UserInfo, permission: &Permission<'_>) -> Names;
}
