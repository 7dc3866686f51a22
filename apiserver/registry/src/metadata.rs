//! The metadata that the system sets, not the client.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use portcullis_api::Status;
use portcullis_kinds::time::now;
use uuid::Uuid;

/// Letters of generated names: no vowels, so that no words result, and nothing that is easily confused
/// (upstream: `k8s.io/apimachinery/pkg/util/rand`).
const LETTERS: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";
const SUFFIX_LENGTH: usize = 5;
/// The longest prefix a generated name keeps (upstream: `storage/names/generate.go`).
const PREFIX_MAX: usize = 63 - SUFFIX_LENGTH;

/// Sets the fields of every new object: a uid, a creation time, and no fields of deletion.
pub fn stamp(metadata: &mut ObjectMeta) {
    metadata.uid = Some(Uuid::new_v4().to_string());
    metadata.creation_timestamp = Some(now());
    metadata.deletion_timestamp = None;
    metadata.deletion_grace_period_seconds = None;
    metadata.self_link = None;
}

/// Checks that an object which names a namespace is for that one.
///
/// # Errors
/// 400.
pub fn check_namespace(metadata: &ObjectMeta, namespace: &str) -> Result<(), Status> {
    let given = metadata.namespace.as_deref().unwrap_or_default();
    if given.is_empty() || given == namespace {
        return Ok(());
    }
    Err(Status::bad_request(
        "the namespace of the provided object does not match the namespace sent on the request",
    ))
}

/// Whether the server is to generate a name.
pub fn wants_name(metadata: &ObjectMeta) -> bool {
    is_empty(metadata.name.as_deref()) && !is_empty(metadata.generate_name.as_deref())
}

/// Gives an object without a name one that is unique.
pub fn name_by_uuid(metadata: &mut ObjectMeta) {
    if is_empty(metadata.name.as_deref()) {
        metadata.name = Some(Uuid::new_v4().to_string());
    }
}

/// A name with this prefix, and a random suffix.
pub fn generate_name(prefix: &str) -> String {
    let mut end = prefix.len().min(PREFIX_MAX);
    while !prefix.is_char_boundary(end) {
        end -= 1;
    }
    let mut name = prefix[..end].to_owned();
    name.extend(
        Uuid::new_v4()
            .as_bytes()
            .iter()
            .take(SUFFIX_LENGTH)
            .map(|b| char::from(LETTERS[usize::from(*b) % LETTERS.len()])),
    );
    name
}

/// Restores the fields that a change may not drop (upstream: `rest.BeforeUpdate` and the beginning of
/// `ValidateObjectMetaAccessorUpdate`).
pub fn carry_over(metadata: &mut ObjectMeta, old: &ObjectMeta) {
    metadata.generation = old.generation;
    if is_empty(metadata.uid.as_deref()) {
        metadata.uid.clone_from(&old.uid);
    }
    if is_empty(metadata.resource_version.as_deref()) {
        metadata.resource_version.clone_from(&old.resource_version);
    }
    metadata
        .creation_timestamp
        .clone_from(&old.creation_timestamp);
    if is_empty(metadata.generate_name.as_deref()) {
        metadata.generate_name.clone_from(&old.generate_name);
    }
    // A deletion cannot be undone; validation decides whether it may be changed.
    if metadata.deletion_timestamp.is_none() {
        metadata
            .deletion_timestamp
            .clone_from(&old.deletion_timestamp);
    }
    if metadata.deletion_grace_period_seconds.is_none() {
        metadata.deletion_grace_period_seconds = old.deletion_grace_period_seconds;
    }
    metadata.self_link = None;
}

/// Whether a text is unset or empty, which the API does not distinguish.
pub fn is_empty(text: Option<&str>) -> bool {
    text.is_none_or(str::is_empty)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_names_keep_the_prefix_and_fit_a_label() {
        let name = generate_name("web-");
        assert!(name.starts_with("web-") && name.len() == 9, "{name}");
        assert!(name[4..].bytes().all(|b| LETTERS.contains(&b)), "{name}");
        assert_eq!(generate_name(&"a".repeat(100)).len(), 63);
        assert_eq!(generate_name(&"ä".repeat(100)).len(), 63);
        assert_ne!(generate_name("a"), generate_name("a"));
    }

    #[test]
    fn a_change_keeps_identity_and_deletion() {
        let old = ObjectMeta {
            uid: Some("u".into()),
            creation_timestamp: Some(now()),
            deletion_timestamp: Some(now()),
            generation: Some(3),
            ..ObjectMeta::default()
        };
        let mut new = ObjectMeta {
            generation: Some(9),
            uid: Some(String::new()),
            ..ObjectMeta::default()
        };
        carry_over(&mut new, &old);
        assert_eq!(new, old);
    }
}
