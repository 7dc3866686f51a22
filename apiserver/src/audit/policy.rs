//! Which requests are audited, and how much of them.
//!
//! Upstream: `k8s.io/apiserver/pkg/apis/audit/v1` and `pkg/audit/policy`.

mod read;

use portcullis_api::{UserInfo, Verb};
use serde::Deserialize;

use crate::request::{RequestInfo, ResourceRequest};

pub use self::read::PolicyError;

/// How much of a request is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Nothing.
    None,
    /// The user, the request and its result.
    Metadata,
    /// The object of the request as well.
    Request,
    /// The object of the response as well.
    RequestResponse,
}

impl Level {
    /// The spelling in policies and events.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "None",
            Self::Metadata => "Metadata",
            Self::Request => "Request",
            Self::RequestResponse => "RequestResponse",
        }
    }
}

/// A point in the life of a request at which an event is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The user is known; nothing has been done.
    RequestReceived,
    /// The head of the response is complete. Only for long-running and unauthenticated requests.
    ResponseStarted,
    /// The response is complete.
    ResponseComplete,
    /// The handler panicked.
    Panic,
}

impl Stage {
    const ALL: [Self; 4] = [
        Self::RequestReceived,
        Self::ResponseStarted,
        Self::ResponseComplete,
        Self::Panic,
    ];

    /// The spelling in policies and events.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RequestReceived => "RequestReceived",
            Self::ResponseStarted => "ResponseStarted",
            Self::ResponseComplete => "ResponseComplete",
            Self::Panic => "Panic",
        }
    }
}

/// A set of stages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stages(u8);

impl Stages {
    const fn bit(stage: Stage) -> u8 {
        1 << stage as u8
    }

    const fn with(self, stage: Stage) -> Self {
        Self(self.0 | Self::bit(stage))
    }

    const fn and(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }

    /// Whether a stage is one of them.
    pub const fn contains(self, stage: Stage) -> bool {
        self.0 & Self::bit(stage) != 0
    }
}

/// The policy's decision about one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// How much is recorded.
    pub level: Level,
    /// The stages without an event.
    pub omitted: Stages,
    /// Whether the managed fields of objects are left out.
    pub without_managed_fields: bool,
}

/// Rules, of which the first that matches a request decides.
#[derive(Clone, Debug)]
pub struct Policy(Vec<Rule>);

#[derive(Clone, Debug)]
struct Rule {
    verdict: Verdict,
    matches: Matches,
}

/// Which requests a rule matches. An empty list matches all.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Matches {
    users: Vec<String>,
    user_groups: Vec<String>,
    verbs: Vec<String>,
    resources: Vec<GroupResources>,
    namespaces: Vec<String>,
    #[serde(rename = "nonResourceURLs")]
    non_resource_urls: Vec<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct GroupResources {
    group: String,
    resources: Vec<String>,
    resource_names: Vec<String>,
}

impl Policy {
    /// The decision about a request. Requests that no rule matches are not audited.
    pub fn verdict(&self, info: &RequestInfo, user: Option<&UserInfo>) -> Verdict {
        let rule = self.0.iter().find(|rule| rule.matches.request(info, user));
        rule.map_or(
            Verdict {
                level: Level::None,
                omitted: Stages::default(),
                without_managed_fields: false,
            },
            |rule| rule.verdict,
        )
    }
}

impl Matches {
    fn request(&self, info: &RequestInfo, user: Option<&UserInfo>) -> bool {
        let verb = match info {
            RequestInfo::Path { verb, .. } => verb,
            RequestInfo::Resource(r) => r.verb.map_or("", Verb::as_str),
        };
        self.user(user) && (self.verbs.is_empty() || has(&self.verbs, verb)) && self.target(info)
    }

    fn user(&self, user: Option<&UserInfo>) -> bool {
        let is_named = |user: &UserInfo| has(&self.users, &user.name);
        let is_member = |user: &UserInfo| user.groups.iter().any(|g| has(&self.user_groups, g));
        (self.users.is_empty() || user.is_some_and(is_named))
            && (self.user_groups.is_empty() || user.is_some_and(is_member))
    }

    fn target(&self, info: &RequestInfo) -> bool {
        let about_resources = !self.namespaces.is_empty() || !self.resources.is_empty();
        match info {
            RequestInfo::Resource(request) if about_resources => self.resource(request),
            RequestInfo::Resource(_) => self.non_resource_urls.is_empty(),
            RequestInfo::Path { .. } if about_resources => false,
            RequestInfo::Path { path, .. } => {
                let mut urls = self.non_resource_urls.iter();
                self.non_resource_urls.is_empty() || urls.any(|url| is_path(path, url))
            }
        }
    }

    /// Objects without a namespace are in the empty one.
    fn resource(&self, request: &ResourceRequest) -> bool {
        let mut resources = self.resources.iter();
        (self.namespaces.is_empty() || has(&self.namespaces, &request.namespace))
            && (self.resources.is_empty() || resources.any(|of_group| of_group.contain(request)))
    }
}

impl GroupResources {
    fn contain(&self, request: &ResourceRequest) -> bool {
        if self.group != "*" && self.group != request.group {
            return false;
        }
        if self.resources.is_empty() {
            return true;
        }
        let named = self.resource_names.is_empty() || has(&self.resource_names, &request.name);
        named && self.resources.iter().any(|of| is_resource(request, of))
    }
}

/// `pods`, `pods/log`, `pods/*`, `*/scale` or `*`.
fn is_resource(request: &ResourceRequest, pattern: &str) -> bool {
    if pattern == "*" {
        return true;
    }
    match pattern.split_once('/') {
        None => request.subresource.is_empty() && request.resource == pattern,
        Some((resource, "*")) => resource == request.resource,
        Some(("*", subresource)) => {
            !request.subresource.is_empty() && subresource == request.subresource
        }
        Some((resource, subresource)) => {
            resource == request.resource && subresource == request.subresource
        }
    }
}

fn is_path(path: &str, pattern: &str) -> bool {
    let below = pattern.strip_suffix('*');
    pattern == path || below.is_some_and(|prefix| path.starts_with(prefix))
}

fn has(list: &[String], text: &str) -> bool {
    list.iter().any(|item| item == text)
}

#[cfg(test)]
mod tests;
