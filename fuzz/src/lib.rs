//! Functions that the targets share.

use portcullis_kinds::resource::Resource;
use portcullis_kinds::table::RESOURCES;

/// The resource named by the first line of the input, or else chosen by its sum, and the rest.
pub fn resource(data: &[u8]) -> Option<(&'static Resource, &[u8])> {
    let [first, rest] = lines(data)?;
    let named = RESOURCES.iter().find(|r| r.plural.as_bytes() == first);
    let sum = first.iter().map(|byte| usize::from(*byte)).sum::<usize>();
    let resource = named.or_else(|| RESOURCES.get(sum % RESOURCES.len()))?;
    Some((resource, rest))
}

/// The lines of the input, the last with all that follows; `None` if there are fewer.
pub fn lines<const N: usize>(data: &[u8]) -> Option<[&[u8]; N]> {
    let lines: Vec<_> = data.splitn(N, |byte| *byte == b'\n').collect();
    lines.try_into().ok()
}
