//! The tags in names of images (upstream: `pkg/util/parsers/parsers.go` and
//! `github.com/docker/distribution/reference`).

/// The domain of images without one.
const DEFAULT_DOMAIN: &str = "docker.io";
const LEGACY_DOMAIN: &str = "index.docker.io";
const OFFICIAL: &str = "library";
/// The longest name, domain included.
const NAME_MAX: usize = 255;
const TAG_MAX: usize = 128;
/// Algorithms of digests, and the number of their digits.
const DIGESTS: [(&str, usize); 3] = [("sha256", 64), ("sha384", 96), ("sha512", 128)];

/// The tag of an image, `latest` without tag and digest; `None` if the reference is malformed.
pub(super) fn tag(image: &str) -> Option<&str> {
    let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    let is_identifier = image.len() == 64 && image.bytes().all(hex);
    let (name, digest) = match image.split_once('@') {
        Some((name, digest)) => (name, Some(digest)),
        None => (image, None),
    };
    let (domain, rest) = split_domain(name);
    let (path, tag) = match rest.split_once(':') {
        Some((path, tag)) => (path, Some(tag)),
        None => (rest, None),
    };
    let whole = match domain {
        DEFAULT_DOMAIN if !path.contains('/') => format!("{domain}/{OFFICIAL}/{path}"),
        _ => format!("{domain}/{path}"),
    };
    let fine = !is_identifier
        && whole.len() <= NAME_MAX
        && (is_domain(domain) || is_component(domain))
        && path.split('/').all(is_component)
        && tag.is_none_or(is_tag)
        && digest.is_none_or(|digest| is_digest(digest, hex));
    match (tag, digest) {
        _ if !fine => None,
        (Some(tag), _) => Some(tag),
        (None, Some(_)) => None,
        (None, None) => Some("latest"),
    }
}

/// The part before the first slash is a domain only if it looks like one.
fn split_domain(name: &str) -> (&str, &str) {
    match name.split_once('/') {
        Some((LEGACY_DOMAIN, rest)) => (DEFAULT_DOMAIN, rest),
        Some((domain, rest)) if domain == "localhost" || domain.contains(['.', ':']) => {
            (domain, rest)
        }
        _ => (DEFAULT_DOMAIN, name),
    }
}

fn is_domain(domain: &str) -> bool {
    let (host, port) = match domain.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (domain, None),
    };
    let is_label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    let is_port = |port: &str| !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit());
    host.split('.').all(is_label) && port.is_none_or(is_port)
}

/// Lower-case letters and digits, with one dot, one or two underscores or any number of dashes between them.
fn is_component(component: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    component.starts_with(plain)
        && component.ends_with(plain)
        && component.split(plain).all(|between| {
            matches!(between, "" | "." | "_" | "__") || between.bytes().all(|b| b == b'-')
        })
}

fn is_tag(tag: &str) -> bool {
    let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    let bytes = tag.as_bytes();
    bytes.len() <= TAG_MAX
        && bytes.first().is_some_and(|b| word(*b))
        && bytes.iter().all(|b| word(*b) || matches!(b, b'.' | b'-'))
}

fn is_digest(digest: &str, hex: impl Fn(u8) -> bool) -> bool {
    let Some((algorithm, digits)) = digest.split_once(':') else {
        return false;
    };
    DIGESTS.contains(&(algorithm, digits.len())) && digits.bytes().all(hex)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_well_formed_names_have_a_tag() {
        let digest = format!("sha256:{}", "a".repeat(64));
        for (image, expected) in [
            ("nginx", Some("latest")),
            ("nginx:1.25", Some("1.25")),
            ("localhost:5000/x", Some("latest")),
            ("Registry.example.com:5000/a/b-c:v1", Some("v1")),
            ("index.docker.io/nginx", Some("latest")),
            ("a__b/c", Some("latest")),
            ("foo.bar_baz/x", Some("latest")),
            ("", None),
            ("Nginx", None),
            ("Team/app", None),
            ("a b", None),
            (" nginx", None),
            ("nginx$", None),
            ("a..b", None),
            ("a/", None),
            ("a:", None),
            ("a:-b", None),
            ("a:b:c", None),
            (&"a".repeat(64), None),
            (&"a/".repeat(150), None),
            (&format!("nginx@{digest}"), None),
            (&format!("nginx:latest@{digest}"), Some("latest")),
            ("nginx:latest@sha256:abc", None),
        ] {
            assert_eq!(tag(image), expected, "{image}");
        }
    }
}
