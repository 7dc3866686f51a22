//! Bootstrap tokens, with which nodes join a cluster: a public ID and a secret part, stored in a secret of
//! `kube-system` (upstream: `k8s.io/cluster-bootstrap/token`).

use crate::decode::parse_time;

/// The namespace of their secrets.
pub const NAMESPACE: &str = "kube-system";
/// The prefix of the secrets' names; the ID follows.
pub const PREFIX: &str = "bootstrap-token-";
/// The type of the secrets.
pub const SECRET_TYPE: &str = "bootstrap.kubernetes.io/token";
/// The group of users who authenticate with one.
pub const GROUP: &str = "system:bootstrappers";

/// The ID and the secret part of a token: 6 and 16 lower-case letters or digits, separated by a dot.
pub fn parse(token: &str) -> Option<(&str, &str)> {
    let (id, secret) = token.split_once('.')?;
    (is_id(id) && is_word(secret, 16)).then_some((id, secret))
}

/// Whether a text may be the ID of a token.
pub fn is_id(text: &str) -> bool {
    is_word(text, 6)
}

fn is_word(text: &str, length: usize) -> bool {
    let is_right = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    text.len() == length && text.bytes().all(is_right)
}

/// When a token expires, in seconds since 1970, from the text in its secret; `None` for never. An invalid
/// date counts as expired (upstream: `bootstrapsecretutil.HasExpired`).
pub fn end(expiration: &str) -> Option<i64> {
    (!expiration.is_empty()).then(|| parse_time(expiration).map_or(0, |at| at.as_second()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_expires_at_its_expiration() {
        assert_eq!(end(""), None);
        assert_eq!(end("2027-01-15T08:00:00Z"), Some(1_800_000_000));
        assert_eq!(end("2027-01-15T10:00:00+02:00"), Some(1_800_000_000));
        assert_eq!(end("soon"), Some(0));
    }

    #[test]
    fn a_token_has_an_id_and_a_secret() {
        assert_eq!(
            parse("abc123.0123456789abcdef"),
            Some(("abc123", "0123456789abcdef"))
        );
        for text in [
            "",
            "abc123",
            "abc12.0123456789abcdef",
            "abc123.0123456789abcde",
            "Abc123.0123456789abcdef",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
