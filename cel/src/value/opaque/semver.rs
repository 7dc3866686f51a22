//! Semantic versions, as parsed by `blang/semver`.

use std::cmp::Ordering;

use crate::error::EvalError;

/// A version, without build metadata.
#[derive(Clone, Debug)]
pub struct Semver {
    numbers: [u64; 3],
    pre: Vec<Identifier>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Identifier {
    Number(u64),
    Text(String),
}

impl Semver {
    /// Parses a version.
    pub(crate) fn parse(text: &str) -> Result<Self, EvalError> {
        let wrong = |why: &str| EvalError::new(why.to_owned());
        if text.is_empty() {
            return Err(wrong("Version string empty"));
        }
        let (rest, build) = text
            .split_once('+')
            .map_or((text, None), |(r, b)| (r, Some(b)));
        let (numbers, pre) = rest
            .split_once('-')
            .map_or((rest, None), |(n, p)| (n, Some(p)));
        let numbers: Vec<&str> = numbers.split('.').collect();
        let [major, minor, patch] = numbers[..] else {
            return Err(wrong("No Major.Minor.Patch elements found"));
        };
        let mut parsed = [0; 3];
        for ((into, text), name) in parsed
            .iter_mut()
            .zip([major, minor, patch])
            .zip(["major", "minor", "patch"])
        {
            *into = part(text, name)?;
        }
        let identifiers = pre.map_or(Ok(Vec::new()), |pre| {
            pre.split('.').map(identifier).collect()
        });
        let is_build =
            |b: &str| !b.is_empty() && b.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        if build.is_some_and(|build| !build.split('.').all(is_build)) {
            return Err(wrong("Invalid character(s) found in build meta data"));
        }
        Ok(Self {
            numbers: parsed,
            pre: identifiers?,
        })
    }

    /// Parses a version that may have a prefix `v`, leading zeros, or missing parts.
    pub(crate) fn parse_tolerant(text: &str) -> Result<Self, EvalError> {
        Self::parse(&normalize(text)?)
    }

    /// Major, minor and patch.
    pub(crate) const fn numbers(&self) -> [u64; 3] {
        self.numbers
    }

    /// The order of versions.
    pub(crate) fn compare(&self, other: &Self) -> Ordering {
        self.numbers.cmp(&other.numbers).then_with(|| {
            match (self.pre.is_empty(), other.pre.is_empty()) {
                (true, true) => Ordering::Equal,
                (true, false) => Ordering::Greater,
                (false, true) => Ordering::Less,
                (false, false) => self.pre.cmp(&other.pre),
            }
        })
    }
}

fn part(text: &str, name: &str) -> Result<u64, EvalError> {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(EvalError::new(format!(
            "Invalid character(s) found in {name} number {text:?}"
        )));
    }
    if text.len() > 1 && text.starts_with('0') {
        let name = format!("{}{}", name[..1].to_uppercase(), &name[1..]);
        return Err(EvalError::new(format!(
            "{name} number must not contain leading zeroes {text:?}"
        )));
    }
    text.parse().map_err(|_| {
        EvalError::new(format!(
            "strconv.ParseUint: parsing {text:?}: value out of range"
        ))
    })
}

fn identifier(text: &str) -> Result<Identifier, EvalError> {
    if text.is_empty() {
        return Err(EvalError::new("Prerelease is empty"));
    }
    if text.bytes().all(|b| b.is_ascii_digit()) {
        if text.len() > 1 && text.starts_with('0') {
            let message =
                format!("Numeric PreRelease version must not contain leading zeroes {text:?}");
            return Err(EvalError::new(message));
        }
        return text
            .parse()
            .map(Identifier::Number)
            .map_err(|e| EvalError::new(e.to_string()));
    }
    if text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
        return Ok(Identifier::Text(text.to_owned()));
    }
    Err(EvalError::new(format!(
        "Invalid character(s) found in prerelease {text:?}"
    )))
}

/// Removes a prefix `v` and leading zeros, and adds missing parts.
fn normalize(text: &str) -> Result<String, EvalError> {
    let text = text.strip_prefix('v').unwrap_or(text);
    let mut parts: Vec<String> = text.splitn(3, '.').map(ToOwned::to_owned).collect();
    for part in &mut parts {
        if part.len() > 1 {
            let trimmed = part.trim_start_matches('0');
            let zero = if trimmed.starts_with(|c: char| c.is_ascii_digit()) {
                ""
            } else {
                "0"
            };
            *part = format!("{zero}{trimmed}");
        }
    }
    if parts.len() < 3 {
        if parts.last().is_some_and(|part| part.contains(['+', '-'])) {
            return Err(EvalError::new(
                "short version cannot contain PreRelease/Build meta data",
            ));
        }
        parts.resize(3, "0".to_owned());
    }
    Ok(parts.join("."))
}
