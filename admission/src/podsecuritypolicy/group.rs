//! `runAsGroup`, `fsGroup`, `supplementalGroups` (upstream: `podsecuritypolicy/group/`).

use portcullis_api::psp::IDRange;
use portcullis_api::{FieldError, Path};

use super::findings::Findings;
use super::go;
use super::invalid::InvalidPolicy;

/// The groups that a pod may have.
#[derive(Debug)]
pub(super) enum GroupRule {
    Any,
    /// Groups are optional, but must be in the ranges.
    May(Vec<IDRange>),
    /// Groups are required and must be in the ranges; the first of the first range is the default.
    Must(i64, Vec<IDRange>),
}

impl GroupRule {
    /// `field` names the strategy in the error of an invalid policy.
    pub(super) fn compile(
        field: &'static str,
        rule: &str,
        ranges: Option<&[IDRange]>,
    ) -> Result<Self, InvalidPolicy> {
        match (rule, ranges) {
            ("RunAsAny", _) => Ok(Self::Any),
            ("MayRunAs", Some(ranges @ [_, ..])) => Ok(Self::May(ranges.to_vec())),
            ("MayRunAs", _) => Err(InvalidPolicy::GroupsWithoutRange("MayRunAs")),
            ("MustRunAs", Some(ranges @ [first, ..])) => Ok(Self::Must(first.min, ranges.to_vec())),
            ("MustRunAs", _) => Err(InvalidPolicy::GroupsWithoutRange("MustRunAs")),
            (other, _) => Err(InvalidPolicy::rule(field, other)),
        }
    }

    /// The group to set if there is none.
    pub(super) fn default_group(&self) -> Option<i64> {
        match self {
            Self::Any | Self::May(_) => None,
            Self::Must(first, _) => Some(*first),
        }
    }

    /// Checks groups; `path` is called only for errors.
    pub(super) fn validate(
        &self,
        path: impl Fn() -> Path,
        groups: Option<&[i64]>,
        findings: &mut Findings,
    ) {
        let listed = groups.unwrap_or_default();
        let ranges = match self {
            Self::Any => return,
            Self::May(ranges) => ranges,
            Self::Must(_, ranges) => {
                if listed.is_empty() {
                    let detail = "unable to validate empty groups against required ranges";
                    findings.add(|| FieldError::invalid(&path(), go::ids(groups), detail));
                }
                ranges
            }
        };
        for group in listed {
            if !go::in_ranges(*group, ranges) {
                findings.add(|| {
                    let allowed = go::ranges(ranges);
                    let detail = format!("group {group} must be in the ranges: {allowed}");
                    FieldError::invalid(&path(), go::ids(groups), detail)
                });
            }
        }
    }
}
