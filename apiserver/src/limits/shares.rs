//! How a number of permits is divided among users.
//!
//! Upstream has priority levels and fair queues (`apiserver/pkg/util/flowcontrol`), or one count for all
//! (`--enable-priority-and-fairness=false`). This is the simplest rule under which one user cannot shut the
//! others out: no user holds much more than is left for the others.

use std::collections::HashMap;
use std::sync::Arc;

/// The holder of permits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// The user's name.
    pub user: Arc<str>,
    /// Whether it is a part of the system, for which some permits are kept.
    pub system: bool,
}

/// How many permits there are, and who may take them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Division {
    /// All permits.
    pub total: usize,
    /// How many of them only parts of the system may take.
    pub reserve: usize,
    /// How many times the free permits a user may hold; with 3, three quarters.
    pub factor: usize,
}

impl Division {
    /// The share of one holder of so many permits, at least one.
    fn share(&self, usable: usize) -> usize {
        let left = usable / self.factor.saturating_add(1).max(1);
        usable.saturating_sub(left).max(1).min(usable)
    }
}

/// The permits that each holder has.
#[derive(Debug)]
pub struct Shares {
    division: Division,
    taken: usize,
    by_user: HashMap<Arc<str>, usize>,
}

impl Shares {
    /// All permits are free.
    pub fn new(division: Division) -> Self {
        Self {
            division,
            taken: 0,
            by_user: HashMap::new(),
        }
    }

    /// How many permits are taken.
    pub const fn taken(&self) -> usize {
        self.taken
    }

    /// Takes so many permits together, if the holder may have them. A request for more than the holder's
    /// share gets the share, which becomes free sooner than all permits would.
    pub fn take(&mut self, holder: &Holder, permits: usize) -> Option<usize> {
        let kept = if holder.system {
            0
        } else {
            self.division.reserve
        };
        let usable = self.division.total.saturating_sub(kept);
        let permits = permits.min(self.division.share(usable));
        let free = self.division.total - self.taken;
        let left = free.checked_sub(kept)?.checked_sub(permits)?;
        let held = self.by_user.get(&holder.user).copied().unwrap_or(0);
        let fair = self.division.factor.saturating_mul(left);
        if held > 0 && held + permits > fair {
            return None;
        }
        self.taken += permits;
        match self.by_user.get_mut(&holder.user) {
            Some(held) => *held += permits,
            None => drop(self.by_user.insert(holder.user.clone(), permits)),
        }
        Some(permits)
    }

    /// Releases permits.
    pub fn give_back(&mut self, user: &Arc<str>, permits: usize) {
        self.taken = self.taken.saturating_sub(permits);
        if let Some(held) = self.by_user.get_mut(user) {
            *held = held.saturating_sub(permits);
            if *held == 0 {
                self.by_user.remove(user);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DIVISION: Division = Division {
        total: 200,
        reserve: 20,
        factor: 3,
    };

    fn holder(user: &str, system: bool) -> Holder {
        Holder {
            user: user.into(),
            system,
        }
    }

    fn take_all(shares: &mut Shares, holder: &Holder) -> usize {
        std::iter::from_fn(|| shares.take(holder, 1)).sum()
    }

    #[test]
    fn one_user_leaves_permits_for_the_others_and_for_the_system() {
        let mut shares = Shares::new(DIVISION);
        let (alice, bob) = (holder("alice", false), holder("bob", false));
        assert_eq!(take_all(&mut shares, &alice), 135, "3/4 of 180");
        assert!(take_all(&mut shares, &bob) > 30);
        while shares
            .take(&holder(&shares.taken().to_string(), false), 1)
            .is_some()
        {}
        assert_eq!(shares.taken(), 180);
        let nodes = ["n", "o"].map(|name| holder(&format!("system:node:{name}"), true));
        assert_eq!(take_all(&mut shares, &nodes[0]), 15, "3/4 of 20");
        assert!(take_all(&mut shares, &nodes[1]) > 0);
        assert_eq!(shares.take(&holder("carol", false), 1), None);
        shares.give_back(&alice.user, 135);
        assert_eq!(shares.take(&holder("carol", false), 1), Some(1));
    }

    #[test]
    fn a_single_permit_is_taken_in_turn() {
        let mut shares = Shares::new(Division {
            total: 1,
            reserve: 0,
            factor: 3,
        });
        let alice = holder("alice", false);
        for _ in 0..3 {
            assert_eq!(shares.take(&alice, 1), Some(1));
            assert_eq!(shares.take(&alice, 1), None);
            shares.give_back(&alice.user, 1);
        }
    }

    #[test]
    fn a_request_for_more_than_a_share_gets_the_share() {
        let mut shares = Shares::new(DIVISION);
        let alice = holder("alice", false);
        assert_eq!(shares.take(&alice, 1000), Some(135));
        assert_eq!(shares.take(&alice, 1), None);
        assert_eq!(shares.take(&holder("bob", false), 40), Some(40));
        assert_eq!(shares.take(&holder("system:node:n", true), 25), Some(25));
    }

    proptest! {
        /// Whatever happened before: the counts add up, the reserve is the system's, a user who holds
        /// nothing gets a permit while one is free, and no user takes beyond the share.
        #[test]
        fn takings_are_fair(steps in proptest::collection::vec((0_usize..6, 1_usize..30, any::<bool>()), 1..400)) {
            let mut shares = Shares::new(DIVISION);
            let mut held: Vec<(Holder, usize)> = Vec::new();
            for (who, permits, back) in steps {
                if back && !held.is_empty() {
                    let (holder, permits) = held.swap_remove(permits % held.len());
                    shares.give_back(&holder.user, permits);
                    continue;
                }
                let holder = holder(&who.to_string(), who == 0);
                let of_user: usize = held.iter().filter(|h| h.0 == holder).map(|h| h.1).sum();
                let usable = if holder.system { 200 } else { 180 };
                let fits = shares.taken() + permits <= usable;
                let taken = shares.take(&holder, permits);
                match taken {
                    Some(taken) => {
                        prop_assert_eq!(taken, permits);
                        prop_assert!(fits);
                        prop_assert!(of_user == 0 || of_user + permits <= usable * 3 / 4);
                        held.push((holder, permits));
                    }
                    None => prop_assert!(!fits || of_user > 0),
                }
                prop_assert_eq!(shares.taken(), held.iter().map(|h| h.1).sum::<usize>());
            }
            for (holder, permits) in held {
                shares.give_back(&holder.user, permits);
            }
            prop_assert!(shares.taken() == 0 && shares.by_user.is_empty());
        }
    }
}
