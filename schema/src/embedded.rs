//! Embedded resources: their metadata is read as metadata, and checked like that of any object
//! (`k8s.io/apiextensions-apiserver/pkg/apiserver/schema/objectmeta`).

mod coerce;
mod validate;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use portcullis_api::{ErrorList, Path};

pub(crate) use coerce::coerce;
pub(crate) use validate::validate;

/// How the server checks the metadata of an object that has no name of its own to check.
pub type CheckMetadata<'a> = &'a dyn Fn(&ObjectMeta, &Path) -> ErrorList;

/// What to do with metadata of the wrong type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// It is an error: the object comes from a client.
    Refuse,
    /// The field is dropped: the object comes from the store, and must be readable.
    Drop,
}

#[cfg(test)]
mod tests;
