//! What is decided about a connection, and why.

use serde::Serialize;

use crate::pod::Name;
use crate::policy::Direction;

/// What is decided about a connection: it is made if neither end's side refuses it.
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

/// What is decided about one direction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Side {
    /// Which.
    pub direction: Direction,
    /// The policies that select the pod and are about this direction, by name.
    pub selected_by: Vec<Name>,
    /// Why it is allowed, or not.
    pub reason: Reason,
}

impl Side {
    /// Whether nothing here objects.
    pub const fn allowed(&self) -> bool {
        !matches!(self.reason, Reason::Ended | Reason::Refused { .. })
    }
}

/// Why one direction is allowed, or not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Reason {
    /// This end is no pod: no policy is about it.
    NoPod,
    /// This end is a pod of the host network: no policy is about it.
    HostNetwork,
    /// One of the ends is a pod that has ended: there is nobody.
    Ended,
    /// Both ends are the same pod.
    Itself,
    /// The other end is the pod's own node.
    OwnNode,
    /// No policy selects the pod: everything is allowed.
    Open,
    /// A rule allows it.
    Admitted {
        /// Whose kind of policy decided.
        tier: Tier,
        /// The rule.
        by: Admission,
    },
    /// Policies select the pod, and no rule of theirs allows it.
    Refused {
        /// Whose kind of policy decided.
        tier: Tier,
        /// Each of their rules, and what about it does not fit.
        missed: Vec<Miss>,
    },
}

/// The kinds of policies that have a say, in the order in which they are asked: the first that has an
/// opinion decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Tier {
    /// `NetworkPolicy`.
    NetworkPolicy,
}

impl Tier {
    /// The order of asking.
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
    /// The position of the peer that matches; `None` if the rule is for all.
    pub peer: Option<usize>,
    /// The position of the port that matches; `None` if the rule is for all.
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
    /// Whether it has a block of addresses that the other end, which has none yet, may get one of.
    pub unknown_address: bool,
}
