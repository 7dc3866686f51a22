//! Reads, prepares and validates JSON, for the tests of kinds.

use portcullis_api::decode::decode;
use portcullis_api::encode::encode_part;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::strategy::Strategy;

/// Reads and defaults an object.
pub(crate) fn defaulted<S>(strategy: &S, json: &Value) -> S::Kind
where
    S: Strategy,
    S::Kind: DeserializeOwned,
{
    let decoded = decode::<S::Kind>(json).unwrap();
    assert_eq!(decoded.unknown_fields, Vec::<String>::new(), "{json}");
    let mut object = decoded.value;
    strategy.default(&mut object);
    object
}

/// Reads, defaults and prepares a new object.
pub(crate) fn prepared<S>(strategy: &S, json: &Value) -> S::Kind
where
    S: Strategy,
    S::Kind: DeserializeOwned,
{
    let mut object = defaulted(strategy, json);
    strategy.prepare_for_create(&mut object);
    strategy.prepare_named(&mut object);
    object
}

/// The errors of a new object.
pub(crate) fn mistakes<S>(strategy: &S, json: &Value) -> Vec<String>
where
    S: Strategy,
    S::Kind: DeserializeOwned,
{
    let object = prepared(strategy, json);
    let errors = strategy.validate(&object);
    errors.iter().map(ToString::to_string).collect()
}

/// The errors of a change.
pub(crate) fn update_mistakes<S>(strategy: &S, new: &Value, old: &Value) -> Vec<String>
where
    S: Strategy,
    S::Kind: DeserializeOwned,
{
    let old = prepared(strategy, old);
    let mut new = defaulted(strategy, new);
    strategy.prepare_for_update(&mut new, &old);
    let errors = strategy.validate_update(&new, &old);
    errors.iter().map(ToString::to_string).collect()
}

/// A part of an object in its encoded form.
pub(crate) fn written<T: Serialize>(part: &T) -> Value {
    serde_json::from_slice(&encode_part(part)).unwrap()
}
