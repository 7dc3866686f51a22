//! The options of a write, which the client sends beside the object.

use serde::Serialize;

use crate::operation::Operation;

/// The options of a write that have no attribute of their own.
#[derive(Clone, Copy, Debug, Default)]
pub struct RequestOptions<'a> {
    /// `fieldManager`; empty if the client names none, and for deletions.
    pub field_manager: &'a str,
    /// `fieldValidation`; empty if the client sets none, and for deletions.
    pub field_validation: &'a str,
    /// The options of a deletion.
    pub deletion: Deletion<'a>,
}

/// The options of a deletion.
#[derive(Clone, Copy, Debug, Default)]
pub struct Deletion<'a> {
    /// `gracePeriodSeconds`.
    pub grace_period: Option<i64>,
    /// The uid that the object must have.
    pub uid: Option<&'a str>,
    /// The resource version that the object must have.
    pub resource_version: Option<&'a str>,
    /// `propagationPolicy`.
    pub propagation: Option<&'a str>,
}

/// `CreateOptions`, `UpdateOptions` or `DeleteOptions` of `meta.k8s.io/v1` (upstream:
/// `k8s.io/apimachinery/pkg/apis/meta/v1`). A patch has `UpdateOptions`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Encoded<'a> {
    kind: &'static str,
    api_version: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    grace_period_seconds: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    preconditions: Option<Preconditions<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    propagation_policy: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dry_run: Option<[&'static str; 1]>,
    #[serde(skip_serializing_if = "str::is_empty")]
    field_manager: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    field_validation: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Preconditions<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    uid: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource_version: Option<&'a str>,
}

impl Deletion<'_> {
    /// No options.
    pub const NONE: Self = Self {
        grace_period: None,
        uid: None,
        resource_version: None,
        propagation: None,
    };
}

impl<'a> RequestOptions<'a> {
    /// The options as the API has them; a connection has none.
    pub(crate) fn encoded(&self, operation: Operation, dry_run: bool) -> Option<Encoded<'a>> {
        let kind = match operation {
            Operation::Create => "CreateOptions",
            Operation::Update => "UpdateOptions",
            Operation::Delete => "DeleteOptions",
            Operation::Connect => return None,
        };
        let Deletion {
            grace_period,
            uid,
            resource_version,
            propagation,
        } = self.deletion;
        let any = uid.is_some() || resource_version.is_some();
        Some(Encoded {
            kind,
            api_version: "meta.k8s.io/v1",
            grace_period_seconds: grace_period,
            preconditions: any.then_some(Preconditions {
                uid,
                resource_version,
            }),
            propagation_policy: propagation,
            dry_run: dry_run.then_some(["All"]),
            field_manager: self.field_manager,
            field_validation: self.field_validation,
        })
    }
}
