//! A record of the authenticators that were tried for a request, and their outcomes.

use std::sync::{Arc, Mutex, PoisonError};

use crate::{Error, Outcome};

/// A member of a union, with a name for users, such as the option that configures it.
#[derive(Debug)]
pub struct Named<A: ?Sized> {
    /// The name shown to users.
    pub name: &'static str,
    /// The authenticator or authorizer.
    pub member: Arc<A>,
}

impl<A: ?Sized> Clone for Named<A> {
    fn clone(&self) -> Self {
        Self {
            name: self.name,
            member: Arc::clone(&self.member),
        }
    }
}

/// Records which authenticators were tried for a request.
#[derive(Debug, Default)]
pub struct Trace(Mutex<Vec<Step>>);

/// One authenticator that was tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The authenticator's name.
    pub method: &'static str,
    /// Its outcome. Contains no secret, as outcomes and errors never do.
    pub outcome: Result<Outcome, Error>,
}

impl Trace {
    /// All steps in order.
    pub fn into_steps(self) -> Vec<Step> {
        self.0.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn record(&self, method: &'static str, outcome: &Result<Outcome, Error>) {
        let mut steps = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let outcome = outcome.clone();
        steps.push(Step { method, outcome });
    }
}
