//! Invalid policies.

/// Why a policy is invalid; it is ignored.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum InvalidPolicy {
    #[error("Unrecognized {field} strategy type {rule}")]
    Rule { field: &'static str, rule: String },
    #[error("MustRunAs requires at least one range")]
    UserWithoutRange,
    #[error("ranges must be supplied for {0}")]
    GroupsWithoutRange(&'static str),
    #[error("MustRunAs requires SELinuxOptions")]
    SeLinuxWithoutOptions,
}

impl InvalidPolicy {
    pub(super) fn rule(field: &'static str, rule: &str) -> Self {
        Self::Rule {
            field,
            rule: rule.to_owned(),
        }
    }
}
