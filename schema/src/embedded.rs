//! Embedded resources: their metadata is decoded and validated like that of any object
//! (`k8s.io/apiextensions-apiserver/pkg/apiserver/schema/objectmeta`).

mod coerce;
mod validate;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use portcullis_api::{ErrorList, Path};

pub(crate) use coerce::coerce;
pub(crate) use validate::validate;

/// Checks metadata, other than the name, at a field path.
pub type CheckMetadata<'a> = &'a dyn Fn(&ObjectMeta, &Path) -> ErrorList;

/// How to handle metadata of the wrong type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// As an error, for objects from clients.
    Reject,
    /// The field is dropped, for objects from the store, which must be readable.
    Drop,
}

#[cfg(test)]
mod tests;
