//! Connection errors with Go's texts.

use std::io;
use std::time::Duration;

use jiff::Timestamp;
use rustls::CertificateError;
use rustls::pki_types::{ServerName, UnixTime};

use crate::outbound::https::{DialError, HttpsError, IO_TIMEOUT};

/// The text of Go's HTTP client for an error of a request to a URL.
pub(in crate::outbound) fn text(error: &HttpsError, url: &str) -> String {
    match error {
        HttpsError::Timeout => "context deadline exceeded".to_owned(),
        HttpsError::Connection(error) => connection(error, url),
        HttpsError::Http(why) if why.contains("connection closed") => "EOF".to_owned(),
        other => other.to_string(),
    }
}

fn connection(error: &io::Error, url: &str) -> String {
    let inner = error.get_ref();
    if let Some(error) = inner.and_then(|e| e.downcast_ref::<rustls::Error>()) {
        return tls(error);
    }
    match inner.and_then(|e| e.downcast_ref::<DialError>()) {
        Some(dial) => dial_text(dial, error.kind()),
        // the host was never dialled
        None if error.kind() == io::ErrorKind::Other => error.to_string(),
        None => format!("dial tcp {}: {error}", authority(url)),
    }
}

fn dial_text(dial: &DialError, kind: io::ErrorKind) -> String {
    let why = match kind {
        io::ErrorKind::ConnectionRefused => "connection refused",
        io::ErrorKind::ConnectionReset => "connection reset by peer",
        io::ErrorKind::HostUnreachable => "no route to host",
        io::ErrorKind::NetworkUnreachable => "network is unreachable",
        io::ErrorKind::TimedOut if dial.why == IO_TIMEOUT => {
            return format!("dial tcp {}: {IO_TIMEOUT}", dial.address);
        }
        io::ErrorKind::TimedOut => "connection timed out",
        _ if dial.is_lookup => {
            let host = dial.address.rsplit_once(':').map_or("", |(host, _)| host);
            return format!("dial tcp: lookup {host}: no such host");
        }
        _ => &dial.why,
    };
    format!("dial tcp {}: connect: {why}", dial.address)
}

fn authority(url: &str) -> &str {
    let rest = url.strip_prefix("https://").unwrap_or(url);
    rest.split('/').next().unwrap_or_default()
}

fn tls(error: &rustls::Error) -> String {
    match error {
        rustls::Error::InvalidCertificate(error) => format!("x509: {}", certificate(error)),
        rustls::Error::AlertReceived(alert) => format!("remote error: tls: {alert:?}"),
        other => format!("tls: {other}"),
    }
}

/// Go: `CertificateInvalidError`, `HostnameError` and `UnknownAuthorityError` in `crypto/x509`.
fn certificate(error: &CertificateError) -> String {
    match error {
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            "certificate signed by unknown authority".to_owned()
        }
        CertificateError::ExpiredContext { time, not_after } => {
            format!("{}: {}", OUT_OF_DATE, relation(time, "after", not_after))
        }
        CertificateError::NotValidYetContext { time, not_before } => {
            format!("{}: {}", OUT_OF_DATE, relation(time, "before", not_before))
        }
        CertificateError::Expired | CertificateError::NotValidYet => OUT_OF_DATE.to_owned(),
        CertificateError::NotValidForNameContext {
            expected,
            presented,
        } => wrong_name(expected, presented),
        other => other.to_string(),
    }
}

const OUT_OF_DATE: &str = "certificate has expired or is not yet valid";

fn relation(now: &UnixTime, relation: &str, limit: &UnixTime) -> String {
    format!(
        "current time {} is {relation} {}",
        rfc3339(now),
        rfc3339(limit)
    )
}

fn rfc3339(time: &UnixTime) -> String {
    let since = Duration::from_secs(time.as_secs());
    let instant = Timestamp::UNIX_EPOCH.checked_add(since);
    instant.map_or_else(|_| String::new(), |instant| instant.to_string())
}

fn wrong_name(expected: &ServerName<'_>, presented: &[String]) -> String {
    let wanted = expected.to_str();
    let is_address = matches!(expected, ServerName::IpAddress(_));
    let of_kind = |kind: &str| -> Vec<_> {
        let names = presented.iter().filter_map(|name| {
            let name = name.strip_prefix(kind)?;
            Some(name.trim_matches(['(', ')', '"']))
        });
        names.collect()
    };
    let valid = of_kind(if is_address { "IpAddress" } else { "DnsName" });
    match (valid.as_slice(), is_address) {
        ([], true) => format!(
            "cannot validate certificate for {wanted} because it doesn't contain any IP SANs"
        ),
        ([], false) => {
            format!("certificate is not valid for any names, but wanted to match {wanted}")
        }
        (valid, _) => format!(
            "certificate is valid for {}, not {wanted}",
            valid.join(", ")
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificate_errors_have_gos_texts() {
        let at = |seconds| UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        let name = |text: &str| ServerName::try_from(text.to_owned()).unwrap();
        let presented = vec![
            r#"DnsName("a.svc")"#.to_owned(),
            r#"DnsName("b.svc")"#.to_owned(),
            "IpAddress(10.0.0.1)".to_owned(),
        ];
        let for_name = |expected: &str, presented: &[String]| {
            certificate(&CertificateError::NotValidForNameContext {
                expected: name(expected),
                presented: presented.to_vec(),
            })
        };
        assert_eq!(
            for_name("c.svc", &presented),
            "certificate is valid for a.svc, b.svc, not c.svc"
        );
        assert_eq!(
            for_name("10.0.0.2", &presented),
            "certificate is valid for 10.0.0.1, not 10.0.0.2"
        );
        assert_eq!(
            for_name("10.0.0.2", &presented[..2]),
            "cannot validate certificate for 10.0.0.2 because it doesn't contain any IP SANs"
        );
        let expired = CertificateError::ExpiredContext {
            time: at(86_400),
            not_after: at(60),
        };
        assert_eq!(
            certificate(&expired),
            "certificate has expired or is not yet valid: current time 1970-01-02T00:00:00Z is after 1970-01-01T00:01:00Z"
        );
    }
}
