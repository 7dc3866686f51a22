//! URLs in this program's configuration: which are usable, and how they are shown.

use std::cell::Cell;

use url::{SyntaxViolation, Url};

/// A URL of scheme `https`, without credentials. `None` for anything else, and for URLs that the parser would
/// have to repair: their author may have meant another host.
pub fn https(text: &str) -> Option<Url> {
    let repaired = Cell::new(false);
    let note = |violation| match violation {
        SyntaxViolation::NonUrlCodePoint | SyntaxViolation::PercentDecode => {}
        _ => repaired.set(true),
    };
    let options = Url::options().syntax_violation_callback(Some(&note));
    let url = options.parse(text).ok()?;
    (url.scheme() == "https" && !repaired.get()).then_some(url)
}

/// Whether a URL has a user, and maybe a password, before its host. One without a host, or that cannot be
/// parsed, may have them if it has an `@`.
pub fn has_credentials(text: &str) -> bool {
    match Url::parse(text) {
        Ok(url) if url.has_host() => !url.username().is_empty() || url.password().is_some(),
        _ => text.contains('@'),
    }
}

/// A URL in the form for logs and messages; it need not be valid. A password may contain any character, so
/// everything before the last `@` is left out.
pub fn without_credentials(text: &str) -> String {
    let Some((_, after)) = text.rsplit_once('@') else {
        return text.to_owned();
    };
    let mut schemes = ["https://", "http://"].into_iter();
    let scheme = schemes.find(|scheme| text.starts_with(scheme));
    format!("{}…@{after}", scheme.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_shown_without_its_password() {
        for (url, shown, has) in [
            ("https://h:1/p?q", "https://h:1/p?q", false),
            ("https://bob:pw@h:1/p", "https://…@h:1/p", true),
            ("https://bob@h", "https://…@h", true),
            ("https://bob:p@w@h", "https://…@h", true),
            ("https://bob:p/w@h", "https://…@h", true),
            ("https://bob:1/w@h", "https://…@h", false),
            ("https://h:1/p@q", "https://…@q", false),
            ("http://bob:pw@h:port", "http://…@h:port", true),
            ("bob:pw@h", "…@h", true),
            ("bob:p://w@h", "…@h", true),
            ("h:1", "h:1", false),
        ] {
            assert_eq!(without_credentials(url), shown);
            assert_eq!(has_credentials(url), has, "{url}");
        }
    }

    #[test]
    fn only_https_urls_are_usable() {
        for good in [
            "https://h",
            "https://h:1/p?q#f",
            "https://[::1]:1",
            "https://h/a|b",
        ] {
            assert!(https(good).is_some(), "{good}");
        }
        for bad in [
            "http://h",
            "h",
            "h:1",
            "",
            "https://",
            "https:h",
            "https:///h",
            " https://h",
            "https://a b",
            "https://a\tb",
            "https://h\\@g",
            "https://h:port",
            "https://bob@h",
            "https://@h",
            "https://bücher",
        ] {
            assert!(https(bad).is_none(), "{bad}");
        }
    }
}
