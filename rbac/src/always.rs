//! Authorizers with fixed decisions (upstream: `pkg/authorization/authorizerfactory/builtin.go`).

use k8s_openapi::api::authorization::v1::SubjectRulesReviewStatus;
use portcullis_api::UserInfo;

use crate::{Attributes, Authorizer, Decision, NameSet, Names, rules_review};

/// Allows every request (`--authorization-mode=AlwaysAllow`).
#[derive(Clone, Copy, Debug, Default)]
pub struct AlwaysAllow;

impl Authorizer for AlwaysAllow {
    fn name(&self) -> &'static str {
        "AlwaysAllow"
    }

    fn authorize(&self, _attributes: &Attributes<'_>) -> Decision {
        Decision::Allow {
            reason: String::new(),
        }
    }

    fn names(&self, _attributes: &Attributes<'_>) -> Names {
        Names::allow(NameSet::All)
    }

    fn rules(&self, _user: &UserInfo, _namespace: &str) -> SubjectRulesReviewStatus {
        rules_review::everything()
    }
}

/// Allows no request, unless another authorizer of the union does
/// (`--authorization-mode=AlwaysDeny`).
#[derive(Clone, Copy, Debug, Default)]
pub struct AlwaysDeny;

impl Authorizer for AlwaysDeny {
    fn name(&self) -> &'static str {
        "AlwaysDeny"
    }

    fn authorize(&self, _attributes: &Attributes<'_>) -> Decision {
        Decision::NoOpinion {
            reason: "Everything is forbidden.".into(),
        }
    }

    fn names(&self, _attributes: &Attributes<'_>) -> Names {
        Names::default()
    }
}

/// Allows every request of members of `system:masters`, independent of roles, so that an
/// administrator's certificate works even if the roles are broken.
#[derive(Clone, Copy, Debug, Default)]
pub struct Privileged;

impl Authorizer for Privileged {
    fn name(&self) -> &'static str {
        "system:masters"
    }

    fn authorize(&self, attributes: &Attributes<'_>) -> Decision {
        let reason = String::new();
        if attributes.user.is_in(UserInfo::SYSTEM_MASTERS) {
            Decision::Allow { reason }
        } else {
            Decision::NoOpinion { reason }
        }
    }

    fn names(&self, attributes: &Attributes<'_>) -> Names {
        if attributes.user.is_in(UserInfo::SYSTEM_MASTERS) {
            Names::allow(NameSet::All)
        } else {
            Names::default()
        }
    }
}
