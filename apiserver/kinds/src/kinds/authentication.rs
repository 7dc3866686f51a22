//! Reviews of identities: answered, never stored.

use k8s_openapi::api::authentication::v1::{SelfSubjectReview, TokenReview};

use crate::strategy::Strategy;

/// The rules of reviews of tokens.
pub struct TokenReviewStrategy;

impl Strategy for TokenReviewStrategy {
    type Kind = TokenReview;
}

/// The rules of reviews of the caller.
pub struct SelfSubjectReviewStrategy;

impl Strategy for SelfSubjectReviewStrategy {
    type Kind = SelfSubjectReview;
}
