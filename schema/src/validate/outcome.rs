//! The errors of a walk, or of a branch of it.

use std::collections::HashSet;

use portcullis_api::FieldError;

use super::Findings;

/// The number of errors and their size in bytes. For a schema and an object of some megabytes, all
/// errors could exceed memory.
const ERRORS_MAX: usize = 1000;
const BYTES_MAX: usize = 1 << 20;

#[derive(Debug)]
struct Failure {
    error: FieldError,
    blocks_rules: bool,
}

/// Errors, and the number of passed checks, by which the closest branch is chosen.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    failures: Vec<Failure>,
    /// Of all failures, whether reported or not.
    count: usize,
    bytes: usize,
    matches: u64,
    /// Errors are only counted, not formatted.
    quiet: bool,
}

/// The state of an outcome at some point.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark {
    reported: usize,
    count: usize,
    bytes: usize,
}

impl Outcome {
    /// An outcome that only counts failures and passed checks.
    pub(super) fn quiet() -> Self {
        Self {
            quiet: true,
            ..Self::default()
        }
    }

    pub(super) const fn is_quiet(&self) -> bool {
        self.quiet
    }

    pub(super) fn matched(&mut self, checks: u64) {
        self.matches += checks;
    }

    pub(super) fn matches(&self) -> u64 {
        self.matches
    }

    pub(super) fn is_valid(&self) -> bool {
        self.count == 0
    }

    pub(super) fn fail(&mut self, blocks_rules: bool, error: impl FnOnce() -> FieldError) {
        self.count += 1;
        if !self.quiet && self.failures.len() < ERRORS_MAX && self.bytes < BYTES_MAX {
            let error = error();
            self.push(Failure {
                error,
                blocks_rules,
            });
        }
    }

    fn push(&mut self, failure: Failure) {
        self.bytes += failure.error.field.len() + failure.error.body().len();
        self.failures.push(failure);
    }

    pub(super) fn mark(&self) -> Mark {
        Mark {
            reported: self.failures.len(),
            count: self.count,
            bytes: self.bytes,
        }
    }

    pub(super) fn failed_since(&self, mark: Mark) -> bool {
        self.count > mark.count
    }

    pub(super) fn forget_since(&mut self, mark: Mark) {
        self.failures.truncate(mark.reported);
        self.count = mark.count;
        self.bytes = mark.bytes;
    }

    /// Adds the outcome of a branch.
    pub(super) fn merge(&mut self, branch: Self) {
        self.count += branch.count;
        self.matches += branch.matches;
        for failure in branch.failures {
            if self.failures.len() < ERRORS_MAX && self.bytes < BYTES_MAX {
                self.push(failure);
            }
        }
    }

    pub(super) fn finish(self) -> Findings {
        let mut seen = HashSet::with_capacity(self.failures.len());
        let mut findings = Findings::default();
        for failure in self.failures {
            findings.blocks_rules |= failure.blocks_rules;
            if seen.insert((failure.error.field.clone(), failure.error.body())) {
                findings.errors.push(failure.error);
            }
        }
        findings
    }
}
