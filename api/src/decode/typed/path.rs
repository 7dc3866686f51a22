//! The path of a value, kept on the stack and formatted only for errors and unknown fields.

/// One step of a path.
#[derive(Clone, Copy)]
pub(super) enum Step<'p> {
    Root,
    Field(&'p str),
    Index(usize),
}

#[derive(Clone, Copy)]
pub(super) struct Path<'p> {
    pub(super) parent: Option<&'p Path<'p>>,
    pub(super) step: Step<'p>,
    /// The struct that contains the value.
    pub(super) owner: &'static str,
}

impl Path<'_> {
    /// The path with indices, as strict decoding names unknown fields.
    pub(super) fn full(&self) -> String {
        let mut text = self.parent.map(Path::full).unwrap_or_default();
        match self.step {
            Step::Root => {}
            Step::Field(name) => {
                if !text.is_empty() {
                    text.push('.');
                }
                text.push_str(name);
            }
            Step::Index(index) => text.push_str(&format!("[{index}]")),
        }
        text
    }

    /// The path as a JSON pointer.
    pub(super) fn pointer(&self) -> String {
        let mut text = self.parent.map(Path::pointer).unwrap_or_default();
        match self.step {
            Step::Root => {}
            Step::Field(name) => {
                text.push('/');
                text.push_str(&name.replace('~', "~0").replace('/', "~1"));
            }
            Step::Index(index) => text.push_str(&format!("/{index}")),
        }
        text
    }

    /// The path without indices, as `encoding/json` names fields of a wrong type.
    pub(super) fn fields(&self) -> String {
        let parent = self.parent.map(Path::fields).unwrap_or_default();
        match self.step {
            Step::Field(name) if parent.is_empty() => name.to_owned(),
            Step::Field(name) => format!("{parent}.{name}"),
            Step::Root | Step::Index(_) => parent,
        }
    }
}
