//! What Go's struct tags say of fields and JSON schemas do not.

/// Whether a field is written even when it is empty (`""`, `0`, `false`, `[]`, `{}`): in Go it is a
/// pointer, or has no `omitempty`.
pub fn keeps_empty(owner: &str, field: &str) -> bool {
    matches!((owner, field), ("PodSpec", "automountServiceAccountToken"))
}
