//! `EventRateLimit`: events are accepted at a limited rate, in all, by namespace, by user, or by what they
//! are about.
//!
//! Upstream: `plugin/pkg/admission/eventratelimit`. Events of `events.k8s.io` are not limited, as there.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use async_trait::async_trait;
use k8s_openapi::api::core::v1::Event;
use portcullis_api::status::Reason;
use portcullis_api::{Object, Status};
use quick_cache::unsync::Cache;

use crate::configuration::event_limits::{EventLimit, LimitType};
use crate::{Attributes, ValidatingPlugin};

pub(crate) struct EventRateLimit(Vec<Enforcer>);

/// Enforces one limit.
struct Enforcer {
    limit: EventLimit,
    buckets: Mutex<Cache<String, Bucket>>,
}

/// What is left of the events that one key may have at once.
#[derive(Clone, Copy)]
struct Bucket {
    tokens: f64,
    at: Instant,
}

impl EventRateLimit {
    pub(crate) fn new(limits: &[EventLimit]) -> Self {
        let enforcer = |limit: &EventLimit| Enforcer {
            limit: limit.clone(),
            buckets: Mutex::new(Cache::new(match limit.of {
                LimitType::Server => 1,
                _ => limit.cache_size,
            })),
        };
        Self(limits.iter().map(enforcer).collect())
    }

    /// Every limit counts an event, also one that another limit rejects; the last one that does says so.
    fn accept(&self, attributes: &Attributes<'_>, now: Instant) -> Result<(), Status> {
        let mut accepted = Ok(());
        for enforcer in &self.0 {
            let key = key(enforcer.limit.of, attributes);
            if !enforcer.accepts(&key, now) {
                let of = enforcer.limit.of.as_str();
                let why = format!("Too many requests: limit reached on type {of} for key {key}");
                accepted = Err(Status::failure(Reason::TooManyRequests, why));
            }
        }
        accepted
    }
}

impl Enforcer {
    fn accepts(&self, key: &str, now: Instant) -> bool {
        let burst = f64::from(self.limit.burst);
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let mut bucket = buckets.get(key).copied().unwrap_or(Bucket {
            tokens: burst,
            at: now,
        });
        let passed = now.saturating_duration_since(bucket.at).as_secs_f64();
        bucket.tokens = burst.min(passed.mul_add(f64::from(self.limit.qps), bucket.tokens));
        bucket.at = now;
        let accepts = bucket.tokens >= 1.0;
        if accepts {
            bucket.tokens -= 1.0;
        }
        buckets.insert(key.to_owned(), bucket);
        accepts
    }
}

#[async_trait]
impl ValidatingPlugin for EventRateLimit {
    async fn validate(&self, attributes: &Attributes<'_>) -> Result<(), Status> {
        if !attributes.kind.group.is_empty() || attributes.kind.kind != "Event" {
            return Ok(());
        }
        self.accept(attributes, Instant::now())
    }
}

/// Whose limit an event counts against.
fn key(of: LimitType, attributes: &Attributes<'_>) -> String {
    match of {
        LimitType::Server => String::new(),
        LimitType::Namespace => attributes.namespace.to_owned(),
        LimitType::User => attributes.user.name.clone(),
        LimitType::SourceAndObject => {
            let event = attributes.object.as_deref();
            let event = event.and_then(<dyn Object>::as_kind::<Event>);
            event.map_or_else(String::new, source_and_object)
        }
    }
}

/// Upstream: `getSourceAndObjectKey`.
fn source_and_object(event: &Event) -> String {
    let (source, object) = (event.source.as_ref(), &event.involved_object);
    let parts = [
        source.and_then(|s| s.component.as_deref()),
        source.and_then(|s| s.host.as_deref()),
        object.kind.as_deref(),
        object.namespace.as_deref(),
        object.name.as_deref(),
        object.uid.as_deref(),
        object.api_version.as_deref(),
    ];
    parts.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn enforcer(of: LimitType, qps: i32, burst: i32, cache_size: usize) -> Enforcer {
        let limit = EventLimit {
            of,
            qps,
            burst,
            cache_size,
        };
        EventRateLimit::new(&[limit]).0.remove(0)
    }

    #[test]
    fn a_key_has_its_burst_and_then_its_rate() {
        let limit = enforcer(LimitType::Namespace, 2, 3, 10);
        let start = Instant::now();
        let at = |milliseconds| start + Duration::from_millis(milliseconds);
        let accepted = |key, now| limit.accepts(key, now);
        assert_eq!(
            [0, 0, 0, 0].map(|ms| accepted("a", at(ms))),
            [true, true, true, false]
        );
        assert!(accepted("b", at(0)), "another key has its own");
        assert_eq!(
            [400, 600, 700, 1100].map(|ms| accepted("a", at(ms))),
            [false, true, false, true]
        );
        assert_eq!(
            [9000; 4].map(|ms| accepted("a", at(ms))),
            [true, true, true, false]
        );
    }

    #[test]
    fn few_keys_are_remembered() {
        let limit = enforcer(LimitType::User, 1, 1, 2);
        let now = Instant::now();
        for user in 0..1000 {
            assert!(limit.accepts(&user.to_string(), now));
        }
        let buckets = limit.buckets.lock().unwrap();
        assert!(buckets.len() <= 2, "{}", buckets.len());
    }
}
