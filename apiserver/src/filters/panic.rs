//! A handler's bug costs one request, not the server.

use std::any::Any;
use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;
use portcullis_api::Status;

/// Turns a panic into a 500.
///
/// # Errors
/// That 500, or the future's own error.
pub async fn catch<T>(future: impl Future<Output = Result<T, Status>>) -> Result<T, Status> {
    match AssertUnwindSafe(future).catch_unwind().await {
        Ok(result) => result,
        Err(panic) => {
            tracing::error!(
                panic = message(panic.as_ref()),
                "a request's handler panicked"
            );
            Err(Status::internal(
                "the server panicked while it carried out the request",
            ))
        }
    }
}

fn message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("(no message)")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_is_a_500() {
        let status = catch::<()>(async { panic!("boom") }).await.unwrap_err();
        assert_eq!(status.code, 500);
        assert!(
            !status.message.contains("boom"),
            "internals do not reach clients: {}",
            status.message
        );
    }
}
