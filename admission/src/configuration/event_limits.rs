//! `EventRateLimit`: how many events are accepted.
//!
//! Upstream: `plugin/pkg/admission/eventratelimit/apis/eventratelimit`.

use portcullis_api::{ErrorList, FieldError, Path};
use serde::Deserialize;
use serde_json::Value;

use super::{checked, fields};

const VERSIONS: [(&str, &str); 1] = [("eventratelimit.admission.k8s.io/v1alpha1", "Configuration")];
/// How many keys have a limit of their own, if nothing else is said (upstream: `defaultCacheSize`).
const CACHE_SIZE: usize = 4096;
/// The most that may be said: each key takes memory.
const CACHE_MAX: i32 = 1 << 20;

/// A limit of events.
#[derive(Clone, Debug)]
pub(crate) struct EventLimit {
    pub(crate) of: LimitType,
    /// Events a second, on average.
    pub(crate) qps: i32,
    /// Events at once.
    pub(crate) burst: i32,
    /// How many keys are remembered, each with a limit of its own.
    pub(crate) cache_size: usize,
}

/// What has a limit of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LimitType {
    Server,
    Namespace,
    User,
    SourceAndObject,
}

impl LimitType {
    const ALL: [Self; 4] = [
        Self::Namespace,
        Self::Server,
        Self::SourceAndObject,
        Self::User,
    ];

    /// As configurations and messages name it.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Server => "Server",
            Self::Namespace => "Namespace",
            Self::User => "User",
            Self::SourceAndObject => "SourceAndObject",
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Document {
    limits: Vec<Written>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
struct Written {
    r#type: String,
    qps: i32,
    burst: i32,
    cache_size: i32,
}

/// Reads a `Configuration` of events (upstream: `ValidateConfiguration`).
pub(super) fn read(document: Value) -> Result<Vec<EventLimit>, String> {
    let Document { limits: written } = fields(document, &VERSIONS)?;
    let (mut limits, mut errors) = (Vec::new(), ErrorList::new());
    let path = Path::new("limits");
    if written.is_empty() {
        errors.push(FieldError::invalid(&path, "", "must not be empty"));
    }
    for (at, written) in written.into_iter().enumerate() {
        let path = path.index(at);
        let mut of = LimitType::ALL.into_iter();
        let of = of.find(|of| of.as_str() == written.r#type);
        if of.is_none() {
            let known = LimitType::ALL.map(LimitType::as_str);
            let at = path.child("type");
            errors.push(FieldError::not_supported(&at, &written.r#type, &known));
        }
        for (name, value) in [("burst", written.burst), ("qps", written.qps)] {
            if value <= 0 {
                let at = path.child(name);
                errors.push(FieldError::invalid(
                    &at,
                    i64::from(value),
                    "must be positive",
                ));
            }
        }
        let size = written.cache_size;
        let at = path.child("cacheSize");
        if of != Some(LimitType::Server) && size < 0 {
            errors.push(FieldError::invalid(
                &at,
                i64::from(size),
                "must not be negative",
            ));
        } else if size > CACHE_MAX {
            let why = format!("must not be greater than {CACHE_MAX}");
            errors.push(FieldError::invalid(&at, i64::from(size), why));
        }
        limits.extend(of.map(|of| {
            EventLimit {
                of,
                qps: written.qps,
                burst: written.burst,
                cache_size: usize::try_from(size)
                    .ok()
                    .filter(|size| *size > 0)
                    .unwrap_or(CACHE_SIZE),
            }
        }));
    }
    checked(limits, &errors)
}
