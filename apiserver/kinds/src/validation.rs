//! Checks that several kinds share.
//!
//! Every check adds its errors to a list, so that the validation of a kind reads top to bottom like the
//! upstream function it cites.

pub mod admission_rules;
pub mod claims;
pub mod conditions;
pub mod expressions;
pub mod int_or_percent;
pub mod labels;
pub mod match_conditions;
pub mod names;
pub mod net;
pub mod node_selector;
pub mod object_meta;
pub mod pod_spec;
pub mod privileged;
pub mod profiles;
pub mod resources;

use portcullis_api::field_error::{BadValue, go_quote};
use portcullis_api::{ErrorList, FieldError, Path};

/// Upstream's text for a negative number.
pub const NOT_NEGATIVE: &str = "must be greater than or equal to 0";
/// Upstream's text for a change of an immutable field.
pub const IMMUTABLE: &str = "field is immutable";

/// The errors of a check that upstream makes twice, so that clients see each of them twice.
pub fn twice(mut errors: ErrorList) -> ErrorList {
    errors.extend_from_within(..);
    errors
}

/// Adds an error for every sentence of a check of names.
pub fn invalid_each(path: &Path, value: &str, sentences: Vec<String>, errors: &mut ErrorList) {
    errors.extend(
        sentences
            .into_iter()
            .map(|sentence| FieldError::invalid(path, value, sentence)),
    );
}

/// A number must not be negative.
pub fn not_negative(value: Option<i64>, path: &Path, errors: &mut ErrorList) {
    if let Some(value) = value.filter(|v| *v < 0) {
        errors.push(FieldError::invalid(path, value, NOT_NEGATIVE));
    }
}

/// A text that must be set.
pub fn required(value: Option<&str>, path: &Path, errors: &mut ErrorList) {
    if value.unwrap_or_default().is_empty() {
        errors.push(FieldError::required(path, ""));
    }
}

/// A text that must be one of those known.
pub fn one_of(value: &str, known: &[&str], path: &Path, errors: &mut ErrorList) {
    if !known.contains(&value) {
        errors.push(FieldError::not_supported(path, value, known));
    }
}

/// A list of texts as Go's `%#v` prints it.
pub fn go_strings(values: &[String]) -> BadValue {
    BadValue::go(format!("[]string{}", go_elements(values)))
}

/// The elements of such a list, in braces.
pub fn go_elements(values: &[String]) -> String {
    let quoted: Vec<_> = values.iter().map(|v| go_quote(v)).collect();
    format!("{{{}}}", quoted.join(", "))
}

/// The text, or an empty one: Go does not distinguish the two.
pub fn text(value: Option<&String>) -> &str {
    value.map_or("", String::as_str)
}

/// The elements, or none without a list.
pub fn list<T>(values: Option<&Vec<T>>) -> &[T] {
    values.map_or(&[], Vec::as_slice)
}

/// A choice of exactly one of several fields.
pub struct OneOf<'a> {
    path: &'a Path,
    /// The name of the choice in upstream's texts.
    what: &'static str,
    chosen: bool,
    errors: &'a mut ErrorList,
}

impl<'a> OneOf<'a> {
    /// A choice among the fields of an object.
    pub fn new(path: &'a Path, what: &'static str, errors: &'a mut ErrorList) -> Self {
        Self {
            path,
            what,
            chosen: false,
            errors,
        }
    }

    /// Checks the first field that is set, and rejects the others.
    pub fn field<T>(
        &mut self,
        name: &str,
        value: Option<&T>,
        validate: impl FnOnce(&T, &Path, &mut ErrorList),
    ) {
        self.field_also_called((name, name), value, validate);
    }

    /// The same for a field with different names in upstream's rejection and validation.
    pub fn field_also_called<T>(
        &mut self,
        (refused, checked): (&str, &str),
        value: Option<&T>,
        validate: impl FnOnce(&T, &Path, &mut ErrorList),
    ) {
        let Some(value) = value else { return };
        if self.chosen {
            let detail = format!("may not specify more than 1 {}", self.what);
            let path = self.path.child(refused);
            self.errors.push(FieldError::forbidden(&path, detail));
        } else {
            self.chosen = true;
            validate(value, &self.path.child(checked), self.errors);
        }
    }

    /// Checks a field that is not rejected besides others, but makes the fields after it superfluous.
    pub fn further_field<T>(
        &mut self,
        name: &str,
        value: Option<&T>,
        validate: impl FnOnce(&T, &Path, &mut ErrorList),
    ) {
        if let Some(value) = value {
            self.chosen = true;
            validate(value, &self.path.child(name), self.errors);
        }
    }

    /// Adds an error about the object itself.
    pub fn refuse(&mut self, error: impl FnOnce(&Path) -> FieldError) {
        self.errors.push(error(self.path));
    }

    /// Whether any field was set.
    pub fn is_chosen(&self) -> bool {
        self.chosen
    }
}
