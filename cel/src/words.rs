//! Words that are not valid identifiers.

/// Literals, and the operator `in`.
pub(crate) const KEYWORDS: [&str; 4] = ["true", "false", "null", "in"];

/// Words reserved for languages that embed CEL (cel-spec, `doc/langdef.md`).
pub(crate) const RESERVED: [&str; 17] = [
    "as",
    "break",
    "const",
    "continue",
    "else",
    "for",
    "function",
    "if",
    "import",
    "let",
    "loop",
    "package",
    "namespace",
    "return",
    "var",
    "void",
    "while",
];

/// Whether a text can be the name of a variable or a field.
pub fn is_identifier(name: &str) -> bool {
    let mut chars = name.chars();
    let begins = |c: char| c == '_' || c.is_ascii_alphabetic();
    chars.next().is_some_and(begins)
        && chars.all(|c| begins(c) || c.is_ascii_digit())
        && !KEYWORDS.contains(&name)
        && !RESERVED.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_identifiers() {
        for (name, valid) in [
            ("a", true),
            ("_a1", true),
            ("1a", false),
            ("a-b", false),
            ("while", false),
            ("", false),
        ] {
            assert_eq!(is_identifier(name), valid, "{name}");
        }
    }
}
