//! Reviews of identities: the user of a token, and the caller.
//!
//! Upstream: `pkg/registry/authentication`.

use k8s_openapi::api::authentication::v1::{
    SelfSubjectReview, SelfSubjectReviewStatus, TokenReview, TokenReviewStatus,
    UserInfo as ReviewedUser,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use portcullis_api::{Object, Status, UserInfo};

use crate::tokens::Tokens;

/// Answers a review of a token or of the caller; ignores other reviews.
///
/// # Errors
/// 400 for a review without a token.
pub(super) async fn answer(
    tokens: &Tokens,
    user: &UserInfo,
    review: &mut dyn Object,
) -> Result<(), Status> {
    if let Some(review) = review.as_kind_mut::<SelfSubjectReview>() {
        review.metadata = ObjectMeta {
            creation_timestamp: Some(portcullis_kinds::time::now()),
            ..ObjectMeta::default()
        };
        review.status = Some(SelfSubjectReviewStatus {
            user_info: Some(reviewed(user.clone())),
        });
    } else if let Some(review) = review.as_kind_mut::<TokenReview>() {
        let token = review.spec.token.as_str();
        if token.is_empty() {
            return Err(Status::bad_request(
                "token is required for TokenReview in authentication",
            ));
        }
        let audiences = review.spec.audiences.as_deref().unwrap_or_default();
        review.status = Some(token_status(tokens, token, audiences).await);
    }
    Ok(())
}

async fn token_status(tokens: &Tokens, token: &str, audiences: &[String]) -> TokenReviewStatus {
    match tokens.reviewer.review(token, audiences).await {
        Ok((user, audiences)) => TokenReviewStatus {
            authenticated: Some(true),
            audiences: Some(audiences),
            user: Some(reviewed(user)),
            error: None,
        },
        Err(error) => TokenReviewStatus {
            error: Some(error.to_string()),
            user: Some(ReviewedUser::default()),
            ..TokenReviewStatus::default()
        },
    }
}

fn reviewed(user: UserInfo) -> ReviewedUser {
    ReviewedUser {
        username: Some(user.name),
        uid: Some(user.uid),
        groups: Some(user.groups),
        extra: Some(user.extra),
    }
}
