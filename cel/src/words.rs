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
