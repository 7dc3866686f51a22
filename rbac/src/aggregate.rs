//! Aggregation of errors.

use std::fmt::Display;

/// The message of several errors, without duplicates (upstream: `utilerrors.NewAggregate`).
pub(crate) fn aggregate<E: Display>(errors: &[E]) -> Option<String> {
    let mut texts: Vec<String> = Vec::new();
    for error in errors {
        let text = error.to_string();
        if !texts.contains(&text) {
            texts.push(text);
        }
    }
    match texts.as_slice() {
        [] => None,
        [only] => Some(only.clone()),
        several => Some(format!("[{}]", several.join(", "))),
    }
}
