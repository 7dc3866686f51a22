//! Names of sets and chains: a readable part, and a checksum of the whole description.

/// The length of the readable part.
const READABLE: usize = 60;

/// A name for the object that a text describes.
pub(super) fn name(prefix: &str, readable: &str, whole: &str) -> String {
    let kept = |c: char| {
        if c.is_ascii_alphanumeric() || "-./".contains(c) {
            c
        } else {
            '_'
        }
    };
    let readable: String = readable.chars().take(READABLE).map(kept).collect();
    format!("{prefix}/{readable}/{:016x}", checksum(whole))
}

/// FNV-1a: the same in every version of this program, so that a restart finds its own objects.
fn checksum(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |sum, byte| {
        (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
