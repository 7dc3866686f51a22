//! Messages that are a single value in JSON: times, quantities, `IntOrString`, wrapped JSON and
//! lists.

use jiff::Timestamp;
use serde_json::Value;

use super::ProtobufError;
use super::wire::{Payload, Reader};
use crate::decode;

/// The seconds of the years 0 to 9999; Go does not encode other times as JSON.
const SECONDS: std::ops::RangeInclusive<i64> = -62_167_219_200..=253_402_300_799;

/// The precision of a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Precision {
    /// `meta/v1.Time`; fractions are dropped.
    Seconds,
    /// `meta/v1.MicroTime`.
    Micros,
}

/// A `Time` or `MicroTime`; null if it is unset, which is an empty message and differs from 1970.
pub(super) fn time(
    field: &'static str,
    bytes: &[u8],
    precision: Precision,
) -> Result<Value, ProtobufError> {
    if bytes.is_empty() {
        return Ok(Value::Null);
    }
    let (mut seconds, mut nanos) = (0, 0);
    each(bytes, |number, payload| {
        match number {
            1 => seconds = payload.varint("seconds")?.cast_signed(),
            2 => nanos = int32(payload.varint("nanos")?),
            _ => {}
        }
        Ok(())
    })?;
    let out_of_range = || ProtobufError::Value {
        field,
        why: "year outside of range [0,9999]".to_owned(),
    };
    if !SECONDS.contains(&seconds) {
        return Err(out_of_range());
    }
    if precision == Precision::Seconds {
        let time = Timestamp::from_second(seconds).map_err(|_| out_of_range())?;
        return Ok(time.to_string().into());
    }
    let micros = i64::from(nanos) / 1000;
    let time =
        Timestamp::from_microsecond(seconds * 1_000_000 + micros).map_err(|_| out_of_range())?;
    Ok(format!("{time:.6}").into())
}

/// A quantity as text, `"0"` if it is unset; it is checked when its type is decoded.
pub(super) fn quantity(bytes: &[u8]) -> Result<Value, ProtobufError> {
    let mut text = "0";
    each(bytes, |number, payload| {
        if number == 1 {
            text = payload.text("string")?;
        }
        Ok(())
    })?;
    Ok(text.into())
}

/// An `IntOrString` as a number or text.
pub(super) fn int_or_string(field: &'static str, bytes: &[u8]) -> Result<Value, ProtobufError> {
    let (mut kind, mut int, mut text) = (0, 0, "");
    each(bytes, |number, payload| {
        match number {
            1 => kind = payload.varint("type")?,
            2 => int = int32(payload.varint("intVal")?),
            3 => text = payload.text("strVal")?,
            _ => {}
        }
        Ok(())
    })?;
    match kind {
        0 => Ok(int.into()),
        1 => Ok(text.into()),
        _ => Err(ProtobufError::Value {
            field,
            why: "impossible IntOrString.Type".to_owned(),
        }),
    }
}

/// The JSON of a `RawExtension` or `FieldsV1`; null if there is none.
pub(super) fn json(field: &'static str, bytes: &[u8]) -> Result<Value, ProtobufError> {
    let mut raw: &[u8] = &[];
    each(bytes, |number, payload| {
        if number == 1 {
            raw = payload.bytes("raw")?;
        }
        Ok(())
    })?;
    if raw.is_empty() {
        return Ok(Value::Null);
    }
    match decode::parse(raw) {
        Ok(parsed) => Ok(parsed.value),
        Err(error) => Err(ProtobufError::Value {
            field,
            why: error.to_string(),
        }),
    }
}

/// The strings that a message wraps.
pub(super) fn strings(bytes: &[u8]) -> Result<Value, ProtobufError> {
    let mut items = Vec::new();
    each(bytes, |number, payload| {
        if number == 1 {
            items.push(Value::from(payload.text("items")?));
        }
        Ok(())
    })?;
    Ok(Value::Array(items))
}

/// The lower 32 bits of a varint; Go drops the upper half too.
pub(super) fn int32(varint: u64) -> i32 {
    varint as i32
}

fn each<'a>(
    bytes: &'a [u8],
    mut field: impl FnMut(u32, Payload<'a>) -> Result<(), ProtobufError>,
) -> Result<(), ProtobufError> {
    let mut reader = Reader::new(bytes);
    while let Some((number, payload)) = reader.next()? {
        field(number, payload)?;
    }
    Ok(())
}
