//! What front proxies are called, and the headers in which they name users, as they are published.

use std::collections::BTreeMap;

use serde_json::json;

/// The name in the certificate of this server as a front proxy.
pub const FRONT_PROXY_CLIENT: &str = "front-proxy-client";

/// The names of front proxies, and of the headers that they set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProxyHeaders {
    /// The common names of their certificates; empty for any.
    pub allowed_names: Vec<String>,
    /// The headers that name the user.
    pub username: Vec<String>,
    /// The headers with the user's uid.
    pub uid: Vec<String>,
    /// The headers with the user's groups.
    pub group: Vec<String>,
    /// What begins the headers with further attributes.
    pub extra_prefixes: Vec<String>,
}

impl ProxyHeaders {
    /// Those of this server as a front proxy.
    pub fn own() -> Self {
        let one = |text: &str| vec![text.to_owned()];
        Self {
            allowed_names: one(FRONT_PROXY_CLIENT),
            username: one("X-Remote-User"),
            uid: one("X-Remote-Uid"),
            group: one("X-Remote-Group"),
            extra_prefixes: one("X-Remote-Extra-"),
        }
    }

    /// Those of all front proxies.
    pub fn all(named: Option<Self>, own: Option<Self>) -> Self {
        match (named, own) {
            (Some(named), Some(own)) => named.and(own),
            (one, other) => one.or(other).unwrap_or_default(),
        }
    }

    /// These and others. Where either accepts any name, both do.
    fn and(mut self, others: Self) -> Self {
        if self.allowed_names.is_empty() || others.allowed_names.is_empty() {
            self.allowed_names.clear();
        } else {
            join(&mut self.allowed_names, others.allowed_names, |a, b| a == b);
        }
        let same = |a: &str, b: &str| a.eq_ignore_ascii_case(b);
        join(&mut self.username, others.username, same);
        join(&mut self.uid, others.uid, same);
        join(&mut self.group, others.group, same);
        join(&mut self.extra_prefixes, others.extra_prefixes, same);
        self
    }

    /// Adds to the data of the config map what it lacks, as kube-apiserver does: each list as JSON, with
    /// what others have put there. Returns whether anything was added.
    pub(super) fn complete(&self, data: &mut BTreeMap<String, String>) -> bool {
        let mut added = false;
        for (key, ours) in [
            ("requestheader-allowed-names", &self.allowed_names),
            ("requestheader-username-headers", &self.username),
            ("requestheader-uid-headers", &self.uid),
            ("requestheader-group-headers", &self.group),
            ("requestheader-extra-headers-prefix", &self.extra_prefixes),
        ] {
            let known = data.get(key).and_then(|text| list(text));
            let missing = known.is_none();
            let mut all = known.unwrap_or_default();
            let before = all.len();
            join(&mut all, ours.clone(), |a, b| a == b);
            if missing || all.len() > before {
                data.insert(key.to_owned(), json!(all).to_string());
                added = true;
            }
        }
        added
    }
}

fn list(text: &str) -> Option<Vec<String>> {
    serde_json::from_str(text).ok()
}

fn join(to: &mut Vec<String>, more: Vec<String>, same: impl Fn(&str, &str) -> bool) {
    for one in more {
        if !to.iter().any(|known| same(known, &one)) {
            to.push(one);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_joined() {
        let others = ProxyHeaders {
            allowed_names: vec!["aggregator".to_owned()],
            username: vec!["x-remote-user".to_owned(), "X-User".to_owned()],
            ..ProxyHeaders::default()
        };
        let all = ProxyHeaders::own().and(others.clone());
        assert_eq!(all.allowed_names, [FRONT_PROXY_CLIENT, "aggregator"]);
        assert_eq!(all.username, ["X-Remote-User", "X-User"]);
        let any = ProxyHeaders {
            allowed_names: Vec::new(),
            ..others.clone()
        };
        assert!(any.and(ProxyHeaders::own()).allowed_names.is_empty());

        let mut data = BTreeMap::new();
        assert!(others.complete(&mut data) && !others.complete(&mut data));
        assert_eq!(data["requestheader-allowed-names"], r#"["aggregator"]"#);
        assert_eq!(data["requestheader-group-headers"], "[]");
        assert!(ProxyHeaders::own().complete(&mut data));
        let names = r#"["aggregator","front-proxy-client"]"#;
        assert_eq!(data["requestheader-allowed-names"], names);
        data.insert("requestheader-uid-headers".to_owned(), "broken".to_owned());
        assert!(ProxyHeaders::own().complete(&mut data));
        assert_eq!(data["requestheader-uid-headers"], r#"["X-Remote-Uid"]"#);
    }
}
