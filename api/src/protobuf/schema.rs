//! The table of messages, `schema.txt`, which `generate.py` generates.
//!
//! A line `package PACKAGE VERSION` precedes the messages of a package, which have one line each:
//! `MESSAGE: FIELD, FIELD…`. A field is `NAME NUMBER TYPE`; the name is that in JSON, or `.` if the
//! message is inlined. A type is a keyword of [`Type::parse`], a message, or `PACKAGE.MESSAGE` for
//! one of another package, optionally prefixed by `*` (a pointer in Go), `[]` or `map ` (keys are
//! strings).

use std::collections::HashMap;
use std::sync::LazyLock;

/// The table, parsed on first use.
pub(super) static SCHEMA: LazyLock<MessageSchema> =
    LazyLock::new(|| MessageSchema::parse(include_str!("schema.txt")));

/// The package of the options of requests, which clients send under any version.
const META: &str = "meta/v1";

#[derive(Debug, Default)]
pub(super) struct MessageSchema {
    pub(super) messages: Vec<Message>,
    /// By package and name.
    ids: HashMap<(&'static str, &'static str), MessageId>,
    /// Such as `core/v1`, by `apiVersion`.
    packages: HashMap<&'static str, &'static str>,
}

/// A message, with its fields sorted by number.
#[derive(Debug, Default)]
pub(super) struct Message {
    pub(super) fields: Vec<Field>,
}

/// An index into [`MessageSchema::messages`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct MessageId(usize);

#[derive(Debug)]
pub(super) struct Field {
    /// The name in JSON, or `.` if the message is inlined into the one around it.
    pub(super) name: &'static str,
    pub(super) number: u32,
    pub(super) shape: Shape,
    pub(super) ty: Type,
}

/// How a field holds values of its type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// Not a pointer in Go: written even if unset.
    Plain,
    /// A pointer in Go: written only if set, so that a zero value counts as set.
    Pointer,
    List,
    /// With strings as keys.
    Map,
}

/// The type of a value, and its form in JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    String,
    /// In base64.
    Bytes,
    Bool,
    Int32,
    Int64,
    /// With a precision of seconds.
    Time,
    /// With a precision of microseconds.
    MicroTime,
    Quantity,
    IntOrString,
    /// JSON, wrapped in a message.
    Json,
    /// A list of strings, wrapped in a message.
    Strings,
    Message(MessageId),
}

impl MessageSchema {
    /// Parses the table. Invalid lines are skipped; a test ensures that there are none.
    pub(super) fn parse(text: &'static str) -> Self {
        let mut schema = Self::default();
        // messages may refer to later ones
        let lines = schema.assign_ids(text);
        schema.messages = lines
            .into_iter()
            .map(|(package, fields)| {
                let fields = fields.split(", ");
                let mut fields: Vec<_> = fields
                    .filter_map(|f| schema.parse_field(package, f))
                    .collect();
                fields.sort_unstable_by_key(|f| f.number);
                Message { fields }
            })
            .collect();
        schema
    }

    /// Assigns ids to messages. Returns (package, fields) of each, in the order of ids.
    fn assign_ids(&mut self, text: &'static str) -> Vec<(&'static str, &'static str)> {
        let mut lines = Vec::new();
        let mut package = "";
        for line in text.lines() {
            if let Some((name, version)) = line
                .strip_prefix("package ")
                .and_then(|l| l.split_once(' '))
            {
                package = name;
                self.packages.insert(version, package);
            } else if let Some((message, fields)) = line.split_once(':') {
                self.ids.insert((package, message), MessageId(lines.len()));
                lines.push((package, fields.trim_start()));
            }
        }
        lines
    }

    fn parse_field(&self, package: &'static str, text: &'static str) -> Option<Field> {
        let (name, rest) = text.split_once(' ')?;
        let (number, ty) = rest.split_once(' ')?;
        let (shape, ty) = [
            ("*", Shape::Pointer),
            ("[]", Shape::List),
            ("map ", Shape::Map),
        ]
        .into_iter()
        .find_map(|(mark, shape)| Some((shape, ty.strip_prefix(mark)?)))
        .unwrap_or((Shape::Plain, ty));
        let ty = match Type::parse(ty) {
            Some(ty) => ty,
            None => Type::Message(
                *self
                    .ids
                    .get(&ty.rsplit_once('.').unwrap_or((package, ty)))?,
            ),
        };
        Some(Field {
            name,
            number: number.parse().ok()?,
            shape,
            ty,
        })
    }

    pub(super) fn kind(&self, api_version: &str, kind: &str) -> Option<&Message> {
        let of = |package| self.ids.get(&(package, kind)).map(|id| self.message(*id));
        self.packages
            .get(api_version)
            .and_then(|package| of(package))
            .or_else(|| of(META))
    }

    pub(super) fn message(&self, id: MessageId) -> &Message {
        &self.messages[id.0]
    }
}

impl Message {
    pub(super) fn field(&self, number: u32) -> Option<&Field> {
        let at = self
            .fields
            .binary_search_by_key(&number, |f| f.number)
            .ok()?;
        self.fields.get(at)
    }
}

impl Field {
    pub(super) fn is_inlined(&self) -> bool {
        self.name == "."
    }
}

impl Type {
    /// Parses a type other than a message.
    fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "string" => Self::String,
            "bytes" => Self::Bytes,
            "bool" => Self::Bool,
            "int32" => Self::Int32,
            "int64" => Self::Int64,
            "time" => Self::Time,
            "microtime" => Self::MicroTime,
            "quantity" => Self::Quantity,
            "intorstring" => Self::IntOrString,
            "json" => Self::Json,
            "strings" => Self::Strings,
            _ => return None,
        })
    }
}
