//! The requests that webhooks and policies match, and the version in which they get them.

pub(crate) mod by_resource;
pub(crate) mod documents;
pub(crate) mod exempt;
pub(crate) mod mismatch;
pub(crate) mod request;
pub(crate) mod rules;
pub(crate) mod selectors;
pub(crate) mod served;
