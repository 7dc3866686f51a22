//! Decodes messages to JSON objects.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use super::ProtobufError;
use super::schema::{Field, Message, SCHEMA, Shape, Type};
use super::special::{self, Precision};
use super::wire::{Payload, Reader};

/// Deeper than any built-in kind, but harmless for the stack.
const DEPTH_MAX: usize = 64;

/// Decodes a message into an object. Existing fields are kept, because protobuf merges a message
/// that is sent in several parts.
pub(super) fn message(
    message: &Message,
    bytes: &[u8],
    object: &mut Map<String, Value>,
    depth: usize,
) -> Result<(), ProtobufError> {
    if depth > DEPTH_MAX {
        return Err(ProtobufError::Depth);
    }
    let mut reader = Reader::new(bytes);
    while let Some((number, payload)) = reader.next()? {
        // skip unknown fields, as clients may be newer than the table
        if let Some(field) = message.field(number) {
            read(field, payload, object, depth)?;
        }
    }
    Ok(())
}

fn read(
    field: &Field,
    payload: Payload<'_>,
    object: &mut Map<String, Value>,
    depth: usize,
) -> Result<(), ProtobufError> {
    match field.shape {
        Shape::Plain | Shape::Pointer => one(field, payload, object, depth),
        Shape::List => {
            let list = object
                .entry(field.name)
                .or_insert_with(|| Value::Array(Vec::new()));
            match list {
                Value::Array(items) => elements(field, payload, items, depth),
                _ => Ok(()),
            }
        }
        Shape::Map => {
            let (key, value) = entry(field, payload.bytes(field.name)?, depth)?;
            let map = object
                .entry(field.name)
                .or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(map) = map {
                map.insert(key, value);
            }
            Ok(())
        }
    }
}

/// A field that is not repeated. If it occurs again, messages are merged, and of other types the
/// last value counts.
fn one(
    field: &Field,
    payload: Payload<'_>,
    object: &mut Map<String, Value>,
    depth: usize,
) -> Result<(), ProtobufError> {
    let value = match field.ty {
        Type::Message(id) => {
            let (inner, bytes) = (SCHEMA.message(id), payload.bytes(field.name)?);
            if field.is_inlined() {
                return message(inner, bytes, object, depth + 1);
            }
            let mut fields = match object.remove(field.name) {
                Some(Value::Object(fields)) => fields,
                _ => Map::new(),
            };
            message(inner, bytes, &mut fields, depth + 1)?;
            Value::Object(fields)
        }
        _ => value(field, payload, depth)?,
    };
    if value.is_null() || (field.shape == Shape::Plain && is_unset(field.ty, &value)) {
        object.remove(field.name);
    } else {
        object.insert(field.name.to_owned(), value);
    }
    Ok(())
}

/// Whether the value of a field that is not a pointer in Go is its zero value.
fn is_unset(ty: Type, value: &Value) -> bool {
    match value {
        Value::Null => true,
        // raw JSON is set if there is any
        _ if ty == Type::Json => false,
        Value::Bool(value) => !value,
        Value::Number(value) => value.as_i64() == Some(0),
        Value::String(value) => value.is_empty(),
        Value::Array(value) => value.is_empty(),
        Value::Object(value) => value.is_empty(),
    }
}

/// One element of a list, or several packed numbers.
fn elements(
    field: &Field,
    payload: Payload<'_>,
    items: &mut Vec<Value>,
    depth: usize,
) -> Result<(), ProtobufError> {
    match (field.ty, payload) {
        (Type::Bool | Type::Int32 | Type::Int64, Payload::Bytes(packed)) => {
            let mut reader = Reader::new(packed);
            while !reader.is_empty() {
                items.push(value(field, Payload::Varint(reader.varint()?), depth)?);
            }
        }
        _ => items.push(value(field, payload, depth)?),
    }
    Ok(())
}

/// An entry of a map, which is a message with key and value.
fn entry(field: &Field, bytes: &[u8], depth: usize) -> Result<(String, Value), ProtobufError> {
    let mut reader = Reader::new(bytes);
    let (mut key, mut found) = ("", None);
    while let Some((number, payload)) = reader.next()? {
        match number {
            1 => key = payload.text(field.name)?,
            2 => found = Some(value(field, payload, depth)?),
            _ => {}
        }
    }
    let value = match found {
        Some(found) => found,
        None => value(field, zero(field.ty), depth)?,
    };
    Ok((key.to_owned(), value))
}

/// The encoding of the zero value, for an entry of a map without a value.
fn zero(ty: Type) -> Payload<'static> {
    match ty {
        Type::Bool | Type::Int32 | Type::Int64 => Payload::Varint(0),
        Type::String
        | Type::Bytes
        | Type::Time
        | Type::MicroTime
        | Type::Quantity
        | Type::IntOrString
        | Type::Json
        | Type::Strings
        | Type::Message(_) => Payload::Bytes(&[]),
    }
}

/// Decodes one value of a field's type.
fn value(field: &Field, payload: Payload<'_>, depth: usize) -> Result<Value, ProtobufError> {
    let name = field.name;
    Ok(match field.ty {
        Type::String => payload.text(name)?.into(),
        Type::Bytes => STANDARD.encode(payload.bytes(name)?).into(),
        Type::Bool => (payload.varint(name)? != 0).into(),
        Type::Int32 => special::int32(payload.varint(name)?).into(),
        Type::Int64 => payload.varint(name)?.cast_signed().into(),
        Type::Time => special::time(name, payload.bytes(name)?, Precision::Seconds)?,
        Type::MicroTime => special::time(name, payload.bytes(name)?, Precision::Micros)?,
        Type::Quantity => special::quantity(payload.bytes(name)?)?,
        Type::IntOrString => special::int_or_string(name, payload.bytes(name)?)?,
        Type::Json => special::json(name, payload.bytes(name)?)?,
        Type::Strings => special::strings(payload.bytes(name)?)?,
        Type::Message(id) => {
            let mut fields = Map::new();
            message(
                SCHEMA.message(id),
                payload.bytes(name)?,
                &mut fields,
                depth + 1,
            )?;
            Value::Object(fields)
        }
    })
}
