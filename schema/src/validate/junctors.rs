//! `anyOf`, `oneOf`, `allOf`, `not`.
//!
//! If all branches fail, the errors of the one that passed the most checks are reported. Checks are
//! counted as in go-openapi, so that the same branch is chosen.

use portcullis_api::field_error::go_quote;
use portcullis_api::{FieldError, Path};
use serde_json::Value;

use super::Walk;
use super::outcome::Outcome;
use crate::arena::{Check, NodeRef, Span};
use crate::correlate::Old;
use crate::location::Location;

/// A value, its location, and its old value.
#[derive(Clone, Copy)]
struct Subject<'a, 'v> {
    value: &'v Value,
    location: &'a Location<'a>,
    old: Option<Old<'v>>,
}

impl Walk<'_> {
    pub(super) fn junctors(
        &self,
        node: NodeRef<'_>,
        value: &Value,
        location: &Location<'_>,
        old: Option<Old<'_>>,
        out: &mut Outcome,
    ) {
        // counted for itself, and as one of the value's validators
        out.matched(2);
        let subject = Subject {
            value,
            location,
            old,
        };
        for check in node.checks() {
            match *check {
                Check::AnyOf(branches) => self.any_of(node, branches, subject, out),
                Check::OneOf(branches) => self.one_of(node, branches, subject, out),
                Check::AllOf(branches) => self.all_of(node, branches, subject, out),
                Check::Not(branch) => {
                    let branch = node.schema.at(branch);
                    if self.branch(branch, subject, Outcome::quiet()).is_valid() {
                        self.composite(&subject, "must not validate the schema (not)", out);
                    }
                }
                _ => {}
            }
        }
    }

    /// Validates a branch, with a separate outcome.
    fn branch(
        &self,
        branch: NodeRef<'_>,
        subject: Subject<'_, '_>,
        mut outcome: Outcome,
    ) -> Outcome {
        self.value(
            branch,
            subject.value,
            subject.location,
            subject.old,
            &mut outcome,
        );
        outcome
    }

    /// Reports the errors of the branch that passed the most checks.
    fn report(&self, closest: Option<Closest<'_>>, subject: Subject<'_, '_>, out: &mut Outcome) {
        let Some(closest) = closest else { return };
        let outcome = if out.is_quiet() {
            closest.outcome
        } else {
            self.branch(closest.branch, subject, Outcome::default())
        };
        out.merge(outcome);
    }

    fn any_of(
        &self,
        node: NodeRef<'_>,
        branches: Span,
        subject: Subject<'_, '_>,
        out: &mut Outcome,
    ) {
        let mut closest = None;
        for branch in node.branches(branches) {
            let outcome = self.branch(branch, subject, Outcome::quiet());
            if outcome.is_valid() {
                out.merge(outcome);
                return;
            }
            Closest::offer(&mut closest, branch, outcome);
        }
        self.composite(&subject, "must validate at least one schema (anyOf)", out);
        self.report(closest, subject, out);
    }

    fn one_of(
        &self,
        node: NodeRef<'_>,
        branches: Span,
        subject: Subject<'_, '_>,
        out: &mut Outcome,
    ) {
        let mut closest = None;
        let mut first: Option<Outcome> = None;
        let mut valid = 0;
        for branch in node.branches(branches) {
            let outcome = self.branch(branch, subject, Outcome::quiet());
            if outcome.is_valid() {
                valid += 1;
                first.get_or_insert(outcome);
            } else {
                Closest::offer(&mut closest, branch, outcome);
            }
        }
        let found = match valid {
            1 => {
                out.merge(first.unwrap_or_default());
                return;
            }
            0 => "Found none valid".to_owned(),
            n => format!("Found {n} valid alternatives"),
        };
        let message = format!("must validate one and only one schema (oneOf). {found}");
        self.composite(&subject, &message, out);
        self.report(closest.filter(|_| valid == 0), subject, out);
    }

    fn all_of(
        &self,
        node: NodeRef<'_>,
        branches: Span,
        subject: Subject<'_, '_>,
        out: &mut Outcome,
    ) {
        let (mut all, mut valid) = (0, 0);
        for branch in node.branches(branches) {
            let empty = if out.is_quiet() {
                Outcome::quiet()
            } else {
                Outcome::default()
            };
            let outcome = self.branch(branch, subject, empty);
            all += 1;
            valid += usize::from(outcome.is_valid());
            out.merge(outcome);
        }
        if valid < all {
            let none = if valid == 0 { ". None validated" } else { "" };
            let message = format!("must validate all the schemas (allOf){none}");
            self.composite(&subject, &message, out);
        }
    }

    /// Reports an error of the value as a whole, for which upstream names no field, or only the
    /// base.
    fn composite(&self, subject: &Subject<'_, '_>, message: &str, out: &mut Outcome) {
        out.fail(false, || {
            let path = self.base.cloned().unwrap_or_else(|| Path::new("<nil>"));
            let location = go_quote(&subject.location.dotted());
            FieldError::invalid(&path, "", format!("{location} {message}"))
        });
    }
}

/// A branch that failed, and passed more checks than those before it.
struct Closest<'s> {
    branch: NodeRef<'s>,
    outcome: Outcome,
}

impl<'s> Closest<'s> {
    fn offer(closest: &mut Option<Self>, branch: NodeRef<'s>, outcome: Outcome) {
        let is_closer = |c: &Self| outcome.matches() > c.outcome.matches();
        if closest.as_ref().is_none_or(is_closer) {
            *closest = Some(Self { branch, outcome });
        }
    }
}
