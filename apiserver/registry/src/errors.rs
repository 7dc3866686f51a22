//! The responses for the store's errors; lists and watches replace the texts of some (`collection.rs`,
//! `watch.rs`).
//!
//! Texts: `k8s.io/apiserver/pkg/storage/{errors.go,etcd3/errors.go,errors/storage.go}`.

use portcullis_api::Status;
use portcullis_api::status::{Details, Reason};
use portcullis_storage::Error;

use crate::scope::Scope;

/// The text of a conflict that the client can resolve by reading again.
pub const MODIFIED: &str =
    "the object has been modified; please apply your changes to the latest version and try again";

/// How often a change is retried after conflicts: upstream's retries end with the request, but not every
/// change belongs to one.
pub const ATTEMPTS_MAX: usize = 1000;

/// The error after a conflict in every attempt.
pub fn crowded_out(scope: &Scope<'_>) -> Status {
    Status::conflict(scope.group_resource(), scope.name, MODIFIED)
}

/// The conflict of a change that is for an object of another uid than that of the key.
pub fn other_uid(key: &str, wanted: &str, actual: &str) -> String {
    // upstream's storage checks the uid
    format!(
        "StorageError: invalid object, Code: 4, Key: {key}, ResourceVersion: 0, AdditionalErrorMsg: \
         Precondition failed: UID in precondition: {wanted}, UID in object meta: {actual}"
    )
}

/// The response for an error of the store.
pub fn status(error: Error, scope: &Scope<'_>) -> Status {
    let resource = scope.group_resource();
    match error {
        Error::AlreadyExists { .. } => Status::already_exists(resource, scope.name),
        Error::Conflict { .. } => crowded_out(scope),
        Error::Compacted { .. } => {
            Status::expired("The resourceVersion for the provided list is too old.")
        }
        Error::TooNew { requested, current } => too_new(requested, current),
        Error::Unavailable(why) => unreachable(&why),
        Error::Corrupt(why) => Status::internal(format!("the store is corrupt: {why}")),
        Error::TooLarge(why) => Status::failure(
            Reason::RequestEntityTooLarge,
            format!("the object is too large to be stored: {why}"),
        ),
        Error::Slow => Status::internal("the watcher did not keep up"),
    }
}

/// The response when the store cannot be reached.
pub fn unreachable(why: &dyn std::fmt::Display) -> Status {
    Status::unavailable(format!("the store cannot be reached: {why}"))
}

fn too_new(requested: u64, current: u64) -> Status {
    let message = format!("Too large resource version: {requested}, current: {current}");
    let mut status = Status::timeout(message, 1);
    if let Some(details) = status.details.as_mut() {
        **details = Details {
            causes: vec![portcullis_api::status::Cause {
                reason: "ResourceVersionTooLarge".into(),
                message: "Too large resource version".into(),
                field: String::new(),
            }],
            retry_after_seconds: 1,
            ..Details::default()
        };
    }
    status
}
