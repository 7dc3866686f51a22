//! The verdict on a connection, and its reasons.

use serde::Serialize;

use crate::pod::Name;
use crate::policy::Direction;

/// The verdict on a connection, which is allowed if neither side denies it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Verdict {
    /// May it leave its source?
    pub egress: Side,
    /// May it reach its destination?
    pub ingress: Side,
}

impl Verdict {
    /// Whether the connection is made.
    pub const fn allowed(&self) -> bool {
        self.egress.allowed() && self.ingress.allowed()
    }
}

/// The verdict on one direction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Side {
    /// The direction.
    pub direction: Direction,
    /// The policies of this direction that select the pod, by name.
    pub selected_by: Vec<Name>,
    /// Why it is allowed, or not.
    pub reason: Reason,
}

impl Side {
    /// Whether it is allowed.
    pub const fn allowed(&self) -> bool {
        !matches!(self.reason, Reason::Ended | Reason::Refused { .. })
    }
}

/// Why one direction is allowed, or not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Reason {
    /// This end is not a pod: no policy applies to it.
    NoPod,
    /// This end is a pod of the host network: no policy applies to it.
    HostNetwork,
    /// One of the ends is a pod that has ended.
    Ended,
    /// Both ends are the same pod.
    Itself,
    /// The other end is the pod's own node.
    OwnNode,
    /// No policy selects the pod: everything is allowed.
    Open,
    /// A rule allows it.
    Admitted {
        /// The tier that decided.
        tier: Tier,
        /// The rule.
        by: Admission,
    },
    /// Policies select the pod, and no rule of theirs allows it.
    Refused {
        /// The tier that decided.
        tier: Tier,
        /// Each of their rules, and why it does not match.
        missed: Vec<Miss>,
    },
}

/// The kinds of policies, in the order of evaluation: the first that has an opinion decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Tier {
    /// `NetworkPolicy`.
    NetworkPolicy,
}

impl Tier {
    /// The order of evaluation.
    pub const ORDER: &[Self] = &[Self::NetworkPolicy];
}

/// The rule that allows a connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Admission {
    /// Its policy.
    pub policy: Name,
    /// Its position in the policy, from 0.
    pub rule: usize,
    /// The position of the peer that matches; `None` if the rule applies to all.
    pub peer: Option<usize>,
    /// The position of the port that matches; `None` if the rule applies to all.
    pub port: Option<usize>,
}

/// A rule that does not allow a connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Miss {
    /// Its policy.
    pub policy: Name,
    /// Its position in the policy, from 0.
    pub rule: usize,
    /// Whether the other end is one of its peers.
    pub peer: bool,
    /// Whether the port is one of its ports.
    pub port: bool,
    /// Whether it has a block of addresses, and the other end, which has no address yet, may get one in it.
    pub unknown_address: bool,
}
