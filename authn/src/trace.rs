//! Who was asked about credentials, and what they said, for somebody who wants to know why.

use std::sync::{Arc, Mutex, PoisonError};

use crate::{Error, Outcome};

/// A member of a union, under a name that tells people which one it is, such as the option that
/// configures it.
#[derive(Debug)]
pub struct Named<A: ?Sized> {
    /// Its name.
    pub name: &'static str,
    /// What it does.
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

/// Notes who was asked about a request's credentials.
#[derive(Debug, Default)]
pub struct Trace(Mutex<Vec<Step>>);

/// One who was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Its name.
    pub method: &'static str,
    /// What it said. No secret is in it, as in no outcome and no error.
    pub answer: Result<Outcome, Error>,
}

impl Trace {
    /// All steps, in the order of asking.
    pub fn into_steps(self) -> Vec<Step> {
        self.0.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn note(&self, method: &'static str, answer: &Result<Outcome, Error>) {
        let mut steps = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let answer = answer.clone();
        steps.push(Step { method, answer });
    }
}
