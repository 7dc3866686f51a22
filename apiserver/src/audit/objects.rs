//! Objects of requests and responses in the form that events contain.

use serde_json::Value;

/// Appends JSON in one line; without the managed fields of its objects if they are to be left out.
pub(super) fn append(json: &[u8], without_managed_fields: bool, out: &mut Vec<u8>) {
    let has_some = || std::str::from_utf8(json).is_ok_and(|text| text.contains("managedFields"));
    if without_managed_fields
        && has_some()
        && let Ok(mut value) = serde_json::from_slice(json)
    {
        remove_managed_fields(&mut value);
        // a value always serializes
        let _ = serde_json::to_writer(out, &value);
        return;
    }
    in_one_line(json, out);
}

/// A log has one line for each event, so line breaks in the client's JSON are removed.
fn in_one_line(json: &[u8], out: &mut Vec<u8>) {
    let json = json.trim_ascii();
    if !json.iter().any(u8::is_ascii_control) {
        out.extend_from_slice(json);
        return;
    }
    let (mut quoted, mut escaped) = (false, false);
    for byte in json.iter().copied() {
        if byte.is_ascii_control() || (!quoted && byte == b' ') {
            continue;
        }
        out.push(byte);
        if quoted {
            quoted = escaped || byte != b'"';
            escaped = !escaped && byte == b'\\';
        } else {
            quoted = byte == b'"';
        }
    }
}

/// From an object, the items of a list, and the rows of a Table.
fn remove_managed_fields(value: &mut Value) {
    let remove = |object: &mut Value| {
        let metadata = object.get_mut("metadata").and_then(Value::as_object_mut);
        if let Some(metadata) = metadata {
            metadata.remove("managedFields");
        }
    };
    remove(value);
    for items in ["items", "rows"] {
        let items = value.get_mut(items).and_then(Value::as_array_mut);
        for item in items.into_iter().flatten() {
            remove(item);
            if let Some(object) = item.get_mut("object") {
                remove(object);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn appended(json: &str, without: bool) -> String {
        let mut out = Vec::new();
        append(json.as_bytes(), without, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn an_object_takes_one_line() {
        assert_eq!(appended("{\"a\": 1}\n", false), "{\"a\": 1}");
        let lines = "{\n  \"a\": \"b \\\" c\\\\\",\r\n\t\"d\": [1, 2]\n}\n";
        assert_eq!(appended(lines, false), r#"{"a":"b \" c\\","d":[1,2]}"#);
    }

    #[test]
    fn managed_fields_are_left_out_if_the_policy_says_so() {
        let object = r#"{"metadata":{"managedFields":[1],"name":"a"}}"#;
        let bare = r#"{"metadata":{"name":"a"}}"#;
        assert_eq!(appended(object, false), object);
        assert_eq!(appended(object, true), bare);
        let list = |object| format!(r#"{{"items":[{object}],"kind":"L"}}"#);
        assert_eq!(appended(&list(object), true), list(bare));
        let table = |object| format!(r#"{{"rows":[{{"cells":["a"],"object":{object}}}]}}"#);
        assert_eq!(appended(&table(object), true), table(bare));
        let text = r#"{"data":{"managedFields":"x"}}"#;
        assert_eq!(appended(text, true), text);
    }
}
