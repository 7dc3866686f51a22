//! The Status of a denial, from the webhook's response.
//!
//! Upstream: `ToStatusErr` in `plugin/webhook/errors/statuserror.go`.

use portcullis_api::Status;
use portcullis_api::status::{Cause, Details, Reason};
use serde_json::Value;

/// Replaces codes that are not an HTTP status of a failure.
const BAD_REQUEST: u16 = 400;
/// The largest code that HTTP can transport.
const CODE_MAX: i64 = 999;

/// The Status of a request that a webhook denied.
pub(super) fn denial(webhook: &str, said: Option<&Value>) -> Status {
    let field = |name| said.and_then(|status| status.get(name));
    let text = |name| field(name).and_then(Value::as_str).unwrap_or_default();
    let code = field("code").and_then(Value::as_i64).unwrap_or_default();
    let denied = format!("admission webhook {webhook:?} denied the request");
    let message = match (text("message"), text("reason")) {
        ("", "") => format!("{denied} without explanation"),
        ("", why) | (why, _) => format!("{denied}: {why}"),
    };
    let mut status = Status::failure(Reason::BadRequest, message).with_reason(text("reason"));
    status.code = match code {
        400..=CODE_MAX => u16::try_from(code).unwrap_or(BAD_REQUEST),
        _ => BAD_REQUEST,
    };
    match field("details").filter(|details| details.is_object()) {
        Some(details) => status.with_details(read_details(details)),
        None => status,
    }
}

fn read_details(details: &Value) -> Details {
    let text = |of: &Value, name: &str| {
        let text = of.get(name).and_then(Value::as_str);
        text.unwrap_or_default().to_owned()
    };
    let causes = details.get("causes").and_then(Value::as_array);
    let causes = causes.into_iter().flatten().map(|cause| Cause {
        reason: text(cause, "reason"),
        message: text(cause, "message"),
        field: text(cause, "field"),
    });
    let seconds = details.get("retryAfterSeconds").and_then(Value::as_u64);
    Details {
        name: text(details, "name"),
        group: text(details, "group"),
        kind: text(details, "kind"),
        uid: text(details, "uid"),
        causes: causes.collect(),
        retry_after_seconds: seconds.and_then(|s| s.try_into().ok()).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn denied(said: &Value) -> Value {
        let status = denial("x", Some(said)).to_json();
        serde_json::from_slice(&status).unwrap()
    }

    #[test]
    fn a_denial_has_the_webhooks_message() {
        let none = denial("x", None);
        let without = "admission webhook \"x\" denied the request without explanation";
        assert_eq!((none.code, none.message.as_str()), (400, without));
        for (said, code, message) in [
            (json!({}), 400, " without explanation"),
            (json!({"message": "m"}), 400, ": m"),
            (json!({"reason": "r", "code": 200}), 400, ": r"),
            (
                json!({"message": "m", "reason": "r", "code": 418}),
                418,
                ": m",
            ),
            (json!({"code": 1000}), 400, " without explanation"),
        ] {
            let status = denied(&said);
            let expected = format!("admission webhook \"x\" denied the request{message}");
            assert_eq!(status["message"], expected.as_str(), "{said}");
            assert_eq!(status["code"], code, "{said}");
            assert_eq!(status["status"], "Failure");
            assert_eq!(status.get("reason"), said.get("reason"), "{said}");
        }
    }

    #[test]
    fn details_and_known_reasons_pass_through() {
        let details = json!({"name": "n", "kind": "k", "causes": [{"reason": "c", "field": "f"}],
            "retryAfterSeconds": 3});
        let status = denied(&json!({"reason": "Forbidden", "code": 403, "details": details}));
        assert_eq!(status["details"], details);
        assert_eq!(status["reason"], "Forbidden");
    }
}
