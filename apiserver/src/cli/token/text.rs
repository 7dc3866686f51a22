//! Tokens for people.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Secret;
use portcullis_api::bootstrap_token::{SECRET_TYPE, end};

const TITLES: [&str; 6] = [
    "TOKEN",
    "TTL",
    "EXPIRES",
    "USAGES",
    "DESCRIPTION",
    "EXTRA GROUPS",
];
const USAGE: &str = "usage-bootstrap-";

/// A table of tokens, as kubeadm prints it.
pub(super) fn table(secrets: &[Secret], now: Timestamp) -> String {
    let tokens = secrets
        .iter()
        .filter(|secret| secret.type_.as_deref() == Some(SECRET_TYPE));
    let mut rows = vec![TITLES.map(str::to_owned)];
    rows.extend(tokens.map(|secret| row(secret, now)));
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let widths = [0, 1, 2, 3, 4].map(|column| width(column).unwrap_or_default());
    let lines = rows.iter().map(|row| {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(widths) {
            line.push_str(&format!("{cell:width$}   "));
        }
        format!("{line}{}\n", row[5])
    });
    lines.collect()
}

fn row(secret: &Secret, now: Timestamp) -> [String; 6] {
    let data = secret.data.iter().flatten();
    let text = |key: &str| {
        let mut found = data.clone().filter(|(known, _)| *known == key);
        let value = found
            .next()
            .map(|(_, value)| String::from_utf8_lossy(&value.0));
        value.unwrap_or_default().into_owned()
    };
    let or_none = |text: String| match text.is_empty() {
        true => "<none>".to_owned(),
        false => text,
    };
    let expiration = text("expiration");
    let (ttl, expires) = match end(&expiration) {
        None => ("<forever>".to_owned(), "<never>".to_owned()),
        Some(end) => (short(end.saturating_sub(now.as_second())), expiration),
    };
    let usages: Vec<_> = data
        .clone()
        .filter(|(_, value)| value.0 == b"true")
        .filter_map(|(key, _)| key.strip_prefix(USAGE))
        .collect();
    [
        format!("{}.{}", text("token-id"), text("token-secret")),
        ttl,
        expires,
        or_none(usages.join(",")),
        or_none(text("description")),
        or_none(text("auth-extra-groups")),
    ]
}

/// Seconds in the largest unit that fits (upstream: `duration.ShortHumanDuration`).
fn short(seconds: i64) -> String {
    match seconds {
        ..-1 => "<invalid>".to_owned(),
        -1..=0 => "0s".to_owned(),
        1..60 => format!("{seconds}s"),
        60..3600 => format!("{}m", seconds / 60),
        3600..86_400 => format!("{}h", seconds / 3600),
        86_400..31_536_000 => format!("{}d", seconds / 86_400),
        _ => format!("{}y", seconds / 31_536_000),
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::ByteString;

    use super::*;

    #[test]
    fn tokens_are_printed_as_kubeadm_does() {
        let mut secret = Secret {
            type_: Some(SECRET_TYPE.to_owned()),
            ..Secret::default()
        };
        let mut set = |key: &str, value: &str| {
            let data = secret.data.get_or_insert_default();
            data.insert(key.to_owned(), ByteString(value.as_bytes().to_vec()));
        };
        set("token-id", "abcdef");
        set("token-secret", "0123456789abcdef");
        set("usage-bootstrap-signing", "true");
        set("usage-bootstrap-authentication", "true");
        set("expiration", "2024-01-01T23:00:00Z");
        let now = "2024-01-01T00:00:00Z".parse().unwrap();
        assert_eq!(
            table(&[secret, Secret::default()], now),
            "TOKEN                     TTL   EXPIRES                USAGES                   DESCRIPTION   EXTRA GROUPS\n\
             abcdef.0123456789abcdef   23h   2024-01-01T23:00:00Z   authentication,signing   <none>        <none>\n"
        );
    }

    #[test]
    fn times_have_one_unit() {
        for (seconds, expected) in [
            (-2, "<invalid>"),
            (-1, "0s"),
            (59, "59s"),
            (3599, "59m"),
            (86_399, "23h"),
            (86_400, "1d"),
            (31_536_000, "1y"),
        ] {
            assert_eq!(short(seconds), expected);
        }
    }
}
