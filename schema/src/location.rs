//! The location of a walk over a value, formatted only for errors.

/// A step from the root of the walk.
#[derive(Clone, Copy, Debug)]
enum Step<'a> {
    /// A declared property.
    Field(&'a str),
    /// An entry of a map.
    Key(&'a str),
    Index(usize),
}

/// A location in a value.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Location<'a> {
    parent: Option<&'a Location<'a>>,
    step: Option<Step<'a>>,
}

impl<'a> Location<'a> {
    pub(crate) const ROOT: Self = Self {
        parent: None,
        step: None,
    };

    const fn below(&'a self, step: Step<'a>) -> Self {
        Self {
            parent: Some(self),
            step: Some(step),
        }
    }

    pub(crate) const fn field(&'a self, name: &'a str) -> Self {
        self.below(Step::Field(name))
    }

    pub(crate) const fn key(&'a self, key: &'a str) -> Self {
        self.below(Step::Key(key))
    }

    pub(crate) const fn index(&'a self, index: usize) -> Self {
        self.below(Step::Index(index))
    }

    pub(crate) const fn is_root(&self) -> bool {
        self.step.is_none()
    }

    fn steps(&self) -> Vec<Step<'a>> {
        let mut steps = Vec::new();
        let mut location = Some(self);
        while let Some(at) = location {
            steps.extend(at.step);
            location = at.parent;
        }
        steps.reverse();
        steps
    }

    /// As the validator of go-openapi formats it: an entry of the root keeps its dot.
    pub(crate) fn dotted(&self) -> String {
        let mut out = String::new();
        for step in self.steps() {
            match step {
                Step::Field(name) if out.is_empty() => out.push_str(name),
                Step::Field(name) | Step::Key(name) => {
                    out.push('.');
                    out.push_str(name);
                }
                Step::Index(index) => push_index(&mut out, index),
            }
        }
        out
    }

    /// As decoders name unknown fields.
    pub(crate) fn plain(&self) -> String {
        self.dotted().trim_start_matches('.').to_owned()
    }

    /// As a field path below `base`: keys of maps are in brackets.
    pub(crate) fn path(&self, base: &str) -> String {
        let mut out = base.to_owned();
        for step in self.steps() {
            match step {
                Step::Field(name) => {
                    if !out.is_empty() {
                        out.push('.');
                    }
                    out.push_str(name);
                }
                Step::Key(key) => {
                    out.push('[');
                    out.push_str(key);
                    out.push(']');
                }
                Step::Index(index) => push_index(&mut out, index),
            }
        }
        out
    }
}

fn push_index(out: &mut String, index: usize) {
    out.push('[');
    out.push_str(&index.to_string());
    out.push(']');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locations_are_formatted_in_three_ways() {
        let root = Location::ROOT;
        let labels = root.key("labels");
        let entry = labels.index(3);
        let field = entry.field("x");
        assert_eq!(field.dotted(), ".labels[3].x");
        assert_eq!(field.plain(), "labels[3].x");
        assert_eq!(field.path("spec"), "spec[labels][3].x");
        assert_eq!(root.dotted(), "");
    }
}
