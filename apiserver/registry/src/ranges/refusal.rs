//! Why a service does not get a number.

use portcullis_api::{ErrorList, FieldError, GroupKind, Status};

use super::pool::PoolError;

/// Why a service did not get a number.
pub(super) enum Refusal {
    /// The requested one is not available.
    Field(FieldError),
    /// Another error.
    Internal(String),
}

impl From<PoolError> for Refusal {
    fn from(error: PoolError) -> Self {
        Self::Internal(error.to_string())
    }
}

/// All errors of a service.
pub(super) enum Errors {
    Fields(ErrorList),
    Internal(String),
}

impl Errors {
    pub(super) fn into_status(self, name: &str) -> Status {
        let kind = GroupKind {
            group: "",
            kind: "Service",
        };
        match self {
            Self::Fields(errors) => Status::invalid(kind, name, &errors),
            Self::Internal(why) => Status::internal(why),
        }
    }
}

impl From<Refusal> for Errors {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Field(error) => Self::Fields(vec![error]),
            Refusal::Internal(why) => Self::Internal(why),
        }
    }
}

impl From<PoolError> for Errors {
    fn from(error: PoolError) -> Self {
        Self::Internal(error.to_string())
    }
}
