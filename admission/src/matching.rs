//! Which requests webhooks and policies are about, and in which version they are shown them.

pub(crate) mod by_resource;
pub(crate) mod documents;
pub(crate) mod exempt;
pub(crate) mod mismatch;
pub(crate) mod request;
pub(crate) mod rules;
pub(crate) mod selectors;
pub(crate) mod served;
