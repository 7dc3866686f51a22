//! The addresses a request comes from.

use std::net::IpAddr;

use http::HeaderMap;
use http::header::HeaderName;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const REAL_IP: HeaderName = HeaderName::from_static("x-real-ip");

/// The addresses in headers, and that of the connection last. Only the last one is reliable.
///
/// Upstream: `SourceIPs` in `k8s.io/apimachinery/pkg/util/net`.
pub(super) fn sources(headers: &HeaderMap, connected: Option<IpAddr>) -> Vec<IpAddr> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let forwarded = text(FORWARDED_FOR).unwrap_or_default().split(',');
    let mut found: Vec<IpAddr> = forwarded.filter_map(address).collect();
    let real = text(REAL_IP).and_then(address);
    if let Some(real) = real.filter(|real| !found.contains(real)) {
        found.push(real);
    }
    if let Some(connected) = connected.map(|address| address.to_canonical())
        && found.last() != Some(&connected)
    {
        found.push(connected);
    }
    found
}

fn address(text: &str) -> Option<IpAddr> {
    let address: IpAddr = text.trim().parse().ok()?;
    Some(address.to_canonical())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn addresses_are_listed_once_and_in_order() {
        let sources_of = |forwarded: &str, real: &str| {
            let mut headers = HeaderMap::new();
            for (name, value) in [(FORWARDED_FOR, forwarded), (REAL_IP, real)] {
                if !value.is_empty() {
                    headers.insert(name, HeaderValue::from_str(value).unwrap());
                }
            }
            let found = sources(&headers, Some("::ffff:10.0.0.9".parse().unwrap()));
            found.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(sources_of("", ""), ["10.0.0.9"]);
        assert_eq!(
            sources_of("1.1.1.1, x,2.2.2.2", "3.3.3.3"),
            ["1.1.1.1", "2.2.2.2", "3.3.3.3", "10.0.0.9"]
        );
        assert_eq!(
            sources_of("1.1.1.1,10.0.0.9", "1.1.1.1"),
            ["1.1.1.1", "10.0.0.9"]
        );
        assert_eq!(sources_of("", "::1"), ["::1", "10.0.0.9"]);
    }
}
