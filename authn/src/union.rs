//! Several authenticators as one.

use std::fmt;

use async_trait::async_trait;

use crate::{Authenticator, Credentials, Error, Named, Outcome};

/// Tries authenticators in order: the first who identifies wins, whatever others said.
///
/// If none does and any found bad credentials, that is the answer: it fails closed (upstream:
/// `pkg/authentication/request/union`).
pub struct Union {
    members: Vec<Named<dyn Authenticator>>,
}

impl Union {
    /// Tries `members` in this order.
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
        let mut tried = Tried::default();
        for member in &self.members {
            let answer = member.member.authenticate(credentials).await;
            credentials.note(member.name, &answer);
            if let Some(user) = tried.take(answer) {
                return Ok(user);
            }
        }
        tried.conclude()
    }
}

/// What the authenticators tried so far have said, while none has identified anybody.
#[derive(Default)]
pub(crate) struct Tried {
    errors: Vec<Error>,
}

impl Tried {
    /// Notes one answer; gives it back if it settles the question.
    pub(crate) fn take(&mut self, answer: Result<Outcome, Error>) -> Option<Outcome> {
        match answer {
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

    /// The answer when nobody is left to ask.
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
