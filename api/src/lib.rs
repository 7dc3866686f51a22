//! The API types that all crates share: kinds, metadata, statuses, selectors, field errors.
//!
//! There is no I/O and no async code here. Built-in kinds are the types of `k8s-openapi`; this
//! crate adds `PodSecurityPolicy`, which that no longer has, the only decoder and encoder of all
//! kinds ([`decode`], [`encode`]), and errors ([`field_error`], [`status`]).

pub mod backoff;
pub mod bootstrap_token;
pub mod callback;
pub mod certificate_request;
pub mod custom;
pub mod decode;
pub mod encode;
pub mod field_error;
pub mod fields_v1;
pub mod go_number;
pub mod go_text;
pub mod go_url;
pub mod gvk;
pub mod name;
pub mod object;
pub mod patch;
pub mod protobuf;
pub mod psp;
pub mod punycode;
pub mod quantity;
pub mod references;
pub mod selector;
pub mod status;
pub mod type_metadata;
pub mod user;
pub mod verb;

pub use backoff::Backoff;
pub use custom::CustomObject;
pub use field_error::{ErrorList, FieldError, Path};
pub use gvk::{GroupKind, GroupResource, GroupVersion, same_name};
pub use object::{Object, ObjectType};
pub use status::Status;
pub use user::UserInfo;
pub use verb::Verb;
