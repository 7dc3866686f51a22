//! The limits of an evaluation.
//!
//! Three of them are counted: the cost as in `cel-go`, which is upstream's limit; the actual work,
//! because upstream's costs of some operations are too low; and the bytes that are allocated. The
//! evaluation ends when it exceeds one of them.

use std::sync::Arc;

use regex::Regex;

use crate::error::EvalError;

/// The bytes that one evaluation may allocate.
const MAX_BYTES: usize = 32 << 20;
/// Steps of work per unit of cost, and a minimum for small budgets.
pub const WORK_PER_COST: u64 = 50;
const FREE_WORK: u64 = 1_000_000;
const MAX_WORK: u64 = 100_000_000;
/// Compiling even a short regular expression may take milliseconds.
const REGEX_WORK: usize = 200_000;
const CACHED_REGEXES: usize = 16;

/// The limits of an evaluation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The cost, as upstream counts it.
    pub cost: u64,
    /// The steps of work.
    pub work: u64,
}

impl Limits {
    /// A limit of cost, with the corresponding limit of work.
    pub const fn of_cost(cost: u64) -> Self {
        let work = cost.saturating_mul(WORK_PER_COST).saturating_add(FREE_WORK);
        let work = if work < MAX_WORK { work } else { MAX_WORK };
        Self { cost, work }
    }

    /// The same limits, with the work capped at this value.
    #[must_use]
    pub fn within(self, work: u64) -> Self {
        Self {
            work: self.work.min(work),
            ..self
        }
    }
}

impl From<u64> for Limits {
    fn from(cost: u64) -> Self {
        Self::of_cost(cost)
    }
}

/// A regular expression and its source.
pub(crate) type CompiledRegex = (Arc<str>, Arc<Regex>);

#[derive(Debug)]
pub(crate) struct Meter {
    pub(crate) cost: u64,
    limit: u64,
    work_limit: u64,
    work_left: u64,
    bytes_left: usize,
    /// Compiled regular expressions, the most recent last.
    regexes: Vec<CompiledRegex>,
    /// An error is cached as well: it takes as long to find out.
    broken: Option<(Box<str>, EvalError)>,
}

impl Meter {
    pub(crate) fn new(limits: impl Into<Limits>) -> Self {
        Self::with_regexes(limits.into(), &[])
    }

    /// A meter that has compiled regular expressions already.
    pub(crate) fn with_regexes(limits: Limits, regexes: &[CompiledRegex]) -> Self {
        let Limits { cost, work } = limits;
        Self {
            cost: 0,
            limit: cost,
            work_limit: work,
            work_left: work,
            bytes_left: MAX_BYTES,
            regexes: regexes.to_vec(),
            broken: None,
        }
    }

    /// Counts cost.
    pub(crate) fn charge(&mut self, cost: u64) -> Result<(), EvalError> {
        self.cost = self.cost.saturating_add(cost);
        if self.cost > self.limit {
            return Err(EvalError::budget());
        }
        Ok(())
    }

    /// Counts steps of work, before they are done.
    pub(crate) fn work(&mut self, steps: usize) -> Result<(), EvalError> {
        match self.work_left.checked_sub(steps as u64) {
            Some(left) => {
                self.work_left = left;
                Ok(())
            }
            None => Err(EvalError::work()),
        }
    }

    /// The steps of work so far.
    pub(crate) const fn work_done(&self) -> u64 {
        self.work_limit - self.work_left
    }

    /// Counts bytes, before they are allocated.
    pub(crate) fn reserve(&mut self, bytes: usize) -> Result<(), EvalError> {
        match self.bytes_left.checked_sub(bytes) {
            Some(left) => {
                self.bytes_left = left;
                Ok(())
            }
            None => Err(EvalError::budget()),
        }
    }

    /// Compiles a regular expression at run time. The most recent ones are cached, because rules
    /// apply the same one to every element of a list.
    pub(crate) fn regex(
        &mut self,
        pattern: &str,
        compile: fn(&str) -> Result<Arc<Regex>, EvalError>,
    ) -> Result<Arc<Regex>, EvalError> {
        if let Some((_, regex)) = self.regexes.iter().find(|(kept, _)| **kept == *pattern) {
            return Ok(Arc::clone(regex));
        }
        if let Some((kept, why)) = &self.broken
            && **kept == *pattern
        {
            return Err(why.clone());
        }
        self.work(REGEX_WORK.saturating_add(pattern.len().saturating_mul(20)))?;
        let regex = compile(pattern);
        if let Err(why) = &regex {
            self.broken = Some((pattern.into(), why.clone()));
        }
        let regex = regex?;
        if self.regexes.len() == CACHED_REGEXES {
            self.regexes.remove(0);
        }
        self.regexes.push((pattern.into(), Arc::clone(&regex)));
        Ok(regex)
    }

    /// Counts the elements of a list, before it is allocated.
    pub(crate) fn reserve_list(&mut self, elements: usize) -> Result<(), EvalError> {
        self.work(elements)?;
        self.reserve(elements.saturating_mul(size_of::<crate::Value<'_>>()))
    }
}
