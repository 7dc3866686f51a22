//! The table of messages, `schema.txt`, which `generate.py` writes.
//!
//! A line `package PACKAGE VERSION` leads the messages of a package, one a line:
//! `MESSAGE: FIELD, FIELD…`. A field is `NAME NUMBER TYPE`; the name is JSON's, or `.` where the
//! message is inlined. A type is a word of [`Type::parse`] or a message, of another package
//! `PACKAGE.MESSAGE`, after one of `*` (a pointer in Go), `[]` and `map ` (from strings), or nothing.

use std::collections::HashMap;
use std::sync::LazyLock;

/// The table, parsed when the first body needs it.
pub(super) static SCHEMA: LazyLock<Schema> =
    LazyLock::new(|| Schema::parse(include_str!("schema.txt")));

/// Where the options of a request are, which any version may claim as its own.
const META: &str = "meta/v1";

/// All messages.
#[derive(Debug, Default)]
pub(super) struct Schema {
    pub(super) messages: Vec<Message>,
    /// By package and name.
    ids: HashMap<(&'static str, &'static str), MessageId>,
    /// Such as `core/v1`, by `apiVersion`.
    packages: HashMap<&'static str, &'static str>,
}

/// A message: the fields, by number.
#[derive(Debug, Default)]
pub(super) struct Message {
    pub(super) fields: Vec<Field>,
}

/// A place in [`Schema::messages`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct MessageId(usize);

/// A field of a message.
#[derive(Debug)]
pub(super) struct Field {
    /// JSON's, or `.` where the fields of the message are those of the one around it.
    pub(super) name: &'static str,
    pub(super) number: u32,
    pub(super) shape: Shape,
    pub(super) ty: Type,
}

/// How often a field's type occurs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// No pointer: written even when unset.
    Plain,
    /// Written only when set, so that a zero value means something.
    Pointer,
    List,
    /// From strings.
    Map,
}

/// What is encoded, and how JSON has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    String,
    /// In base64.
    Bytes,
    Bool,
    Int32,
    Int64,
    /// To the second.
    Time,
    /// To the microsecond.
    MicroTime,
    Quantity,
    IntOrString,
    /// JSON, wrapped in a message.
    Json,
    /// A list of strings, wrapped in a message.
    Strings,
    Message(MessageId),
}

impl Schema {
    /// Reads the table. What it does not understand it leaves out; a test sees to it that there is
    /// no such thing.
    pub(super) fn parse(text: &'static str) -> Self {
        let mut schema = Self::default();
        // messages may refer to later ones
        let lines = schema.number(text);
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

    /// Gives out the ids, in the order of the lines that are returned: package and fields.
    fn number(&mut self, text: &'static str) -> Vec<(&'static str, &'static str)> {
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

    /// The message of a kind.
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
    /// Any type but a message of the table.
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
