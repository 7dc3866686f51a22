//! Field paths.

use std::fmt::{self, Write as _};

/// The length of a usual path, in bytes: `spec.initContainers[10].env[100].valueFrom.secretKeyRef.key` has 59.
const USUAL: usize = 62;

/// A field path, such as `spec.containers[0].ports`.
///
/// A pod is validated with hundreds of paths, and nearly always without an error that shows one: those of usual length
/// need no allocation.
#[derive(Clone)]
pub struct Path(Text);

#[derive(Clone)]
enum Text {
    Short { length: u8, bytes: [u8; USUAL] },
    Long(String),
}

impl Path {
    /// The path of a root field.
    pub fn new(name: &str) -> Self {
        let mut path = Self::default();
        path.push(name);
        path
    }

    /// The path of a field of this one; of the empty path, the field alone.
    #[must_use]
    pub fn child(&self, name: &str) -> Self {
        if self.is_empty() {
            Self::new(name)
        } else {
            self.and([".", name, ""])
        }
    }

    /// The path of an element of a list.
    #[must_use]
    pub fn index(&self, index: usize) -> Self {
        let mut path = self.clone();
        // writing to it never fails
        let _ = write!(path, "[{index}]");
        path
    }

    /// The path of a value of a map.
    #[must_use]
    pub fn key(&self, key: &str) -> Self {
        self.and(["[", key, "]"])
    }

    fn and(&self, parts: [&str; 3]) -> Self {
        let mut path = self.clone();
        parts.iter().for_each(|part| path.push(part));
        path
    }

    fn push(&mut self, text: &str) {
        match &mut self.0 {
            Text::Short { length, bytes } => {
                let start = usize::from(*length);
                let end = start + text.len();
                match (bytes.get_mut(start..end), u8::try_from(end)) {
                    (Some(free), Ok(end)) => {
                        free.copy_from_slice(text.as_bytes());
                        *length = end;
                    }
                    _ => {
                        let mut long = String::with_capacity(2 * end);
                        long.push_str(self.as_str());
                        long.push_str(text);
                        self.0 = Text::Long(long);
                    }
                }
            }
            Text::Long(long) => long.push_str(text),
        }
    }

    /// The path as text.
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Text::Short { length, bytes } => {
                let text = bytes.get(..usize::from(*length)).unwrap_or_default();
                // it is made of whole texts
                std::str::from_utf8(text).unwrap_or_default()
            }
            Text::Long(long) => long,
        }
    }

    const fn is_empty(&self) -> bool {
        matches!(self.0, Text::Short { length: 0, .. })
    }
}

impl Default for Path {
    fn default() -> Self {
        Self(Text::Short {
            length: 0,
            bytes: [0; USUAL],
        })
    }
}

impl PartialEq for Path {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Path {}

impl fmt::Write for Path {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.push(text);
        Ok(())
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Path").field(&self.as_str()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whatever the length at which a path takes memory of its own.
    #[test]
    fn paths_of_any_length_are_whole() {
        for length in 0..2 * USUAL {
            let name = "é".repeat(length / 2) + &"x".repeat(length % 2);
            let path = Path::new(&name);
            assert_eq!(path.as_str(), name);
            let dot = if name.is_empty() { "" } else { "." };
            assert_eq!(path.child("a").as_str(), format!("{name}{dot}a"));
            assert_eq!(path.key("kéy").as_str(), format!("{name}[kéy]"));
            let deep = path.index(1234).child("name").index(0);
            assert_eq!(deep.to_string(), format!("{name}[1234].name[0]"));
            assert_eq!(deep, Path::new(&deep.to_string()));
        }
        assert_eq!(Path::default().child("spec").as_str(), "spec");
        assert_eq!(Path::new("").child("spec").as_str(), "spec");
        assert_ne!(Path::new("a"), Path::new("b"));
    }
}
