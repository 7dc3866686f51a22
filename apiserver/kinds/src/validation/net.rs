//! Ports, addresses and networks (upstream: `k8s.io/apimachinery/pkg/util/validation`).

use std::net::IpAddr;

use ipnet::IpNet;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use portcullis_api::{ErrorList, FieldError, Path};

use super::invalid_each;

/// The protocols of ports.
pub const PROTOCOLS: [&str; 3] = ["SCTP", "TCP", "UDP"];
/// The longest name of a port.
const PORT_NAME_MAX: usize = 15;

/// A port's number.
pub fn validate_port_number(port: i32, path: &Path, errors: &mut ErrorList) {
    if !(1..=65535).contains(&port) {
        let detail = "must be between 1 and 65535, inclusive";
        errors.push(FieldError::invalid(path, port, detail));
    }
}

/// A port's number or name.
pub fn validate_port(port: &IntOrString, path: &Path, errors: &mut ErrorList) {
    match port {
        IntOrString::Int(number) => validate_port_number(*number, path, errors),
        IntOrString::String(name) => validate_port_name(name, path, errors),
    }
}

/// A port's name.
pub fn validate_port_name(name: &str, path: &Path, errors: &mut ErrorList) {
    invalid_each(path, name, port_name(name), errors);
}

fn port_name(name: &str) -> Vec<String> {
    let lower = |b: u8| b.is_ascii_lowercase();
    let allowed = |b: u8| lower(b) || b.is_ascii_digit() || b == b'-';
    let mut errors = Vec::new();
    if name.len() > PORT_NAME_MAX {
        errors.push(format!("must be no more than {PORT_NAME_MAX} characters"));
    }
    for (wrong, sentence) in [
        (
            name.is_empty() || !name.bytes().all(allowed),
            "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)",
        ),
        (
            !name.bytes().any(lower),
            "must contain at least one letter or number (a-z, 0-9)",
        ),
        (name.contains("--"), "must not contain consecutive hyphens"),
        (
            name.starts_with('-') || name.ends_with('-'),
            "must not begin or end with a hyphen",
        ),
    ] {
        if wrong {
            errors.push(sentence.to_owned());
        }
    }
    errors
}

/// Whether a text is a valid port name.
pub fn is_port_name(name: &str) -> bool {
    port_name(name).is_empty()
}

/// An IPv4 or IPv6 address.
pub fn validate_ip(ip: &str, path: &Path, errors: &mut ErrorList) {
    if parse_ip(ip).is_none() {
        let detail = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";
        errors.push(FieldError::invalid(path, ip, detail));
    }
}

/// A unicast address that is not special (upstream: `ValidateNonSpecialIP` in
/// `pkg/apis/core/validation/validation.go`).
pub fn validate_non_special_ip(ip: &str, path: &Path, errors: &mut ErrorList) {
    let detail = match parse_ip(ip) {
        None => Some("must be a valid IP address".into()),
        Some(parsed) => special(parsed, ip),
    };
    if let Some(detail) = detail {
        errors.push(FieldError::invalid(path, ip, detail));
    }
}

/// Why an address is special.
fn special(ip: IpAddr, written: &str) -> Option<String> {
    let link_local = match ip {
        IpAddr::V4(v4) => v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_unicast_link_local(),
    };
    let link_local_multicast = match ip {
        IpAddr::V4(v4) => v4.octets()[..3] == [224, 0, 0],
        IpAddr::V6(v6) => v6.segments()[0] & 0xff0f == 0xff02,
    };
    if ip.is_unspecified() {
        Some(format!("may not be unspecified ({written})"))
    } else if ip.is_loopback() {
        Some("may not be in the loopback range (127.0.0.0/8, ::1/128)".into())
    } else if link_local {
        Some("may not be in the link-local range (169.254.0.0/16, fe80::/10)".into())
    } else if link_local_multicast {
        Some("may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)".into())
    } else {
        None
    }
}

/// A network such as `10.0.0.0/8`.
pub fn validate_cidr(cidr: &str, path: &Path, errors: &mut ErrorList) {
    if parse_cidr(cidr).is_none() {
        let detail = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)";
        errors.push(FieldError::invalid(path, cidr, detail));
    }
}

/// Parses an address; as upstream, leading zeros in an IPv4 address are ignored, and an IPv4 address written
/// as IPv6 is one of IPv4: `::ffff:127.0.0.1` is a loopback address.
pub fn parse_ip(ip: &str) -> Option<IpAddr> {
    let parsed = ip.parse::<IpAddr>();
    let parsed = parsed.or_else(|_| without_leading_zeros(ip).parse());
    parsed.ok().map(|ip| ip.to_canonical())
}

/// Parses a network such as `10.0.0.0/8`, by the same rule.
pub fn parse_cidr(cidr: &str) -> Option<IpNet> {
    cidr.parse()
        .or_else(|_| without_leading_zeros(cidr).parse())
        .ok()
}

fn without_leading_zeros(text: &str) -> String {
    let (address, prefix) = text.split_once('/').unwrap_or((text, ""));
    if address.contains(':') {
        return text.to_owned();
    }
    let parts: Vec<_> = address
        .split('.')
        .map(|part| match part.trim_start_matches('0') {
            "" if !part.is_empty() => "0",
            rest => rest,
        })
        .collect();
    let slash = if text.contains('/') { "/" } else { "" };
    format!("{}{slash}{prefix}", parts.join("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn port_names_are_short_and_have_a_letter() {
        for (name, sentences) in [
            ("http", 0),
            ("a-1", 0),
            ("", 2),
            ("80", 1),
            ("a--b", 1),
            ("-a", 1),
            ("HTTP", 2),
            ("a-very-long-port-name", 1),
        ] {
            assert_eq!(port_name(name).len(), sentences, "{name}");
        }
    }

    #[test]
    fn addresses_may_have_leading_zeros() {
        for (text, address) in [
            ("10.0.0.1", Some("10.0.0.1")),
            ("010.000.0.01", Some("10.0.0.1")),
            ("::1", Some("::1")),
            ("::ffff:127.0.0.1", Some("127.0.0.1")),
            ("10.0.0", None),
            ("10..0.1", None),
            ("256.0.0.1", None),
            ("", None),
        ] {
            let parsed = parse_ip(text).map(|ip| ip.to_string());
            assert_eq!(parsed.as_deref(), address, "{text}");
        }
        assert!(parse_cidr("010.0.0.0/8").is_some());
        assert!(parse_cidr("10.0.0.0").is_none());
        assert!(parse_cidr("10.0.0.0/33").is_none());
    }
}
