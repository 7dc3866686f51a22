mod kinds;
mod kubectl;
mod values;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::schema::{Field, Message, MessageSchema, SCHEMA, Shape, Type};
use super::*;

fn varint(mut value: u64) -> Vec<u8> {
    let mut out = Vec::new();
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
    out
}

/// A field of wire type 0.
fn int(number: u32, value: u64) -> Vec<u8> {
    [varint(u64::from(number) << 3), varint(value)].concat()
}

/// A field of wire type 2.
fn bytes(number: u32, content: impl AsRef<[u8]>) -> Vec<u8> {
    let content = content.as_ref();
    let tag = varint(u64::from(number) << 3 | 2);
    [tag, varint(content.len() as u64), content.to_vec()].concat()
}

fn enveloped(api_version: &str, kind: &str, raw: impl AsRef<[u8]>) -> Vec<u8> {
    let type_meta = [bytes(1, api_version), bytes(2, kind)].concat();
    [MAGIC.to_vec(), bytes(1, type_meta), bytes(2, raw)].concat()
}

fn read(body: &[u8]) -> Result<Value, ProtobufError> {
    Envelope::open(body)?.to_value()
}

/// A message with all fields set to valid values.
fn populated(message: &Message) -> Vec<u8> {
    message.fields.iter().flat_map(populated_field).collect()
}

fn populated_field(field: &Field) -> Vec<u8> {
    let element = |number| match field.ty {
        Type::Bool | Type::Int32 | Type::Int64 => int(number, 1),
        Type::String | Type::Bytes => bytes(number, "x"),
        Type::Quantity => bytes(number, bytes(1, "1")),
        Type::Strings => bytes(number, bytes(1, "x")),
        Type::Time | Type::MicroTime | Type::IntOrString => bytes(number, int(1, 0)),
        Type::Json => bytes(number, bytes(1, "{}")),
        Type::Message(id) => bytes(number, populated(SCHEMA.message(id))),
    };
    match field.shape {
        Shape::Map => bytes(field.number, [bytes(1, "key"), element(2)].concat()),
        Shape::Plain | Shape::Pointer | Shape::List => element(field.number),
    }
}

fn populated_kind(api_version: &str, kind: &str) -> Vec<u8> {
    let message = SCHEMA.kind(api_version, kind).unwrap();
    enveloped(api_version, kind, populated(message))
}

#[test]
fn the_whole_table_is_parsed() {
    let text = include_str!("schema.txt");
    let expected: usize = text
        .lines()
        .filter(|l| !l.starts_with("package "))
        .map(|l| l.matches(", ").count() + usize::from(!l.ends_with(": ")))
        .sum();
    let messages = &MessageSchema::parse(text).messages;
    let fields: usize = messages.iter().map(|m| m.fields.len()).sum();
    assert_eq!(fields, expected);
    for message in messages {
        let ascending = message.fields.is_sorted_by(|a, b| a.number < b.number);
        assert!(ascending, "{message:?}");
    }
}

#[test]
fn an_envelope_may_leave_out_the_type() {
    let body = [MAGIC, &bytes(2, bytes(1, bytes(1, "x")))].concat();
    let envelope = Envelope::open(&body).unwrap();
    let value = envelope.or_type("v1", "Namespace").to_value().unwrap();
    let expected = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "x"}});
    assert_eq!(value, expected);
    assert_eq!(
        envelope.to_value().unwrap_err().to_string(),
        r#"no kind "" is registered for version """#
    );
}

#[test]
fn invalid_envelopes_are_rejected_with_the_messages_of_go() {
    for (body, text) in [
        (&b""[..], "empty data"),
        (
            b"k8s",
            "provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]",
        ),
        (
            b"{}",
            "provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]",
        ),
        (b"k8s\0", "empty body"),
        (b"k8s\0\x0a", "unexpected EOF"),
        (b"k8s\0\x0a\x05", "unexpected EOF"),
        (
            b"k8s\0\x08\x05",
            "proto: wrong wireType = 0 for field typeMeta",
        ),
        (b"k8s\0\x02\x01a", "proto: illegal tag 0 (wire type 2)"),
        (b"k8s\0\x0c", "proto: illegal tag 1 (wire type 4)"),
        (b"k8s\0\x0f", "proto: illegal tag 1 (wire type 7)"),
        (
            b"k8s\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
            "proto: integer overflow",
        ),
        (
            b"k8s\0\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
            "unexpected EOF",
        ),
        (
            b"k8s\0\x0a\x03\x0a\x01\xff",
            "proto: field apiVersion: invalid utf-8 sequence of 1 bytes from index 0",
        ),
    ] {
        assert_eq!(
            Envelope::open(body).unwrap_err().to_string(),
            text,
            "{body:?}"
        );
    }
}

#[test]
fn nested_groups_do_not_overflow_the_stack() {
    let mut groups = vec![0x7b; 1_000_000];
    assert_eq!(
        read(&enveloped("v1", "Pod", &groups)),
        Err(ProtobufError::Truncated)
    );
    groups.extend(vec![0x7c; 1_000_000]);
    let pod = json!({"apiVersion": "v1", "kind": "Pod"});
    assert_eq!(read(&enveloped("v1", "Pod", &groups)), Ok(pod));
}

#[test]
fn a_truncated_message_never_panics() {
    let pod = populated(SCHEMA.kind("v1", "Pod").unwrap());
    for end in (0..pod.len()).step_by(97) {
        let _ = read(&enveloped("v1", "Pod", &pod[..end]));
    }
    let role = populated_kind("rbac.authorization.k8s.io/v1", "Role");
    let read_ends = (0..role.len()).filter(|end| read(&role[..*end]).is_ok());
    assert_eq!(
        read_ends.count(),
        1,
        "only the one between type and message"
    );
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(
        noise in proptest::collection::vec(any::<u8>(), 0..400),
        at in any::<prop::sample::Index>(),
    ) {
        let _ = read(&[MAGIC, &noise].concat());
        let _ = read(&enveloped("v1", "Pod", &noise));
        let mut role = populated_kind("rbac.authorization.k8s.io/v1", "Role");
        let at = at.index(role.len());
        let end = role.len().min(at + noise.len() % 8);
        role.splice(at..end, noise.iter().copied().take(4));
        let _ = read(&role);
    }
}
