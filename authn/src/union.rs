//! A union of authenticators.

use std::fmt;

use async_trait::async_trait;

use crate::{Authenticator, Credentials, Error, Named, Outcome};

/// Tries authenticators in order. The first that identifies a user wins, regardless of errors of the others.
///
/// If none does and any rejected the credentials, that is the result: it fails closed (upstream:
/// `pkg/authentication/request/union`).
pub struct Union {
    members: Vec<Named<dyn Authenticator>>,
}

impl Union {
    /// Tries `members` in order.
    pub fn new(members: Vec<Named<dyn Authenticator>>) -> Self {
        Self { members }
    }
}

impl fmt::Debug for Union {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Union")
            .field("members", &self.members.len())
            .finish()
    }
}

#[async_trait]
impl Authenticator for Union {
    async fn authenticate(&self, credentials: &Credentials<'_>) -> Result<Outcome, Error> {
        let mut attempts = Attempts::default();
        for member in &self.members {
            let outcome = member.member.authenticate(credentials).await;
            credentials.record(member.name, &outcome);
            if let Some(user) = attempts.add(outcome) {
                return Ok(user);
            }
        }
        attempts.conclude()
    }
}

/// The errors of the authenticators tried so far, none of which identified a user.
#[derive(Default)]
pub(crate) struct Attempts {
    errors: Vec<Error>,
}

impl Attempts {
    /// Adds the outcome of one authenticator; returns it if it identifies a user.
    pub(crate) fn add(&mut self, outcome: Result<Outcome, Error>) -> Option<Outcome> {
        match outcome {
            Ok(Outcome::NotMine) => None,
            Ok(identified) => Some(identified),
            Err(error) => {
                if !self.errors.contains(&error) {
                    self.errors.push(error);
                }
                None
            }
        }
    }

    /// The result if no authenticator identified a user.
    pub(crate) fn conclude(mut self) -> Result<Outcome, Error> {
        match (self.errors.len(), self.errors.pop()) {
            (1, Some(error)) => Err(error),
            (_, Some(last)) => {
                self.errors.push(last);
                Err(Error::Several(self.errors))
            }
            (_, None) => Ok(Outcome::NotMine),
        }
    }
}
