//! The set of taken numbers of a range, in the encoding of kube-apiserver.

/// A set of small numbers. Stored as upstream's `big.Int.Bytes()`: the last byte holds the first eight, and
/// leading zeros are left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Bitmap {
    /// The first byte holds the first eight numbers.
    bytes: Vec<u8>,
}

impl Bitmap {
    pub(crate) fn from_stored(stored: &[u8]) -> Self {
        Self {
            bytes: stored.iter().rev().copied().collect(),
        }
    }

    pub(crate) fn to_stored(&self) -> Vec<u8> {
        let used = self
            .bytes
            .iter()
            .rposition(|b| *b != 0)
            .map_or(0, |at| at + 1);
        self.bytes[..used].iter().rev().copied().collect()
    }

    pub(crate) fn contains(&self, number: usize) -> bool {
        self.bytes
            .get(number / 8)
            .is_some_and(|byte| byte & (1 << (number % 8)) != 0)
    }

    /// Adds a number; returns whether it is new.
    pub(crate) fn insert(&mut self, number: usize) -> bool {
        if self.bytes.len() <= number / 8 {
            self.bytes.resize(number / 8 + 1, 0);
        }
        let was = self.contains(number);
        if let Some(byte) = self.bytes.get_mut(number / 8) {
            *byte |= 1 << (number % 8);
        }
        !was
    }

    pub(crate) fn remove(&mut self, number: usize) {
        if let Some(byte) = self.bytes.get_mut(number / 8) {
            *byte &= !(1 << (number % 8));
        }
    }

    /// A free number below `size`, the first one from `start` on, wrapping around.
    pub(crate) fn free(&self, size: usize, start: usize) -> Option<usize> {
        (start..size)
            .chain(0..start.min(size))
            .find(|n| !self.contains(*n))
    }

    /// All members below `size`.
    pub(crate) fn iter(&self, size: usize) -> impl Iterator<Item = usize> {
        (0..size.min(self.bytes.len() * 8)).filter(|n| self.contains(*n))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_those_of_a_big_integer() {
        let mut bitmap = Bitmap::default();
        assert_eq!(bitmap.to_stored(), Vec::<u8>::new());
        assert!(bitmap.insert(0) && bitmap.insert(9) && !bitmap.insert(9));
        assert_eq!(bitmap.to_stored(), [2, 1]);
        assert_eq!(
            Bitmap::from_stored(&[0, 2, 1])
                .iter(100)
                .collect::<Vec<_>>(),
            [0, 9]
        );
        bitmap.remove(9);
        bitmap.remove(1000);
        assert_eq!(bitmap.to_stored(), [1]);
        assert!(!bitmap.contains(1000));
    }

    #[test]
    fn the_search_goes_round() {
        let mut bitmap = Bitmap::default();
        for taken in [0, 2, 3] {
            bitmap.insert(taken);
        }
        assert_eq!(bitmap.free(4, 2), Some(1));
        assert_eq!(bitmap.free(5, 2), Some(4));
        assert_eq!(bitmap.free(4, 99), Some(1));
        assert!(bitmap.insert(1));
        assert_eq!((bitmap.free(4, 1), bitmap.free(0, 0)), (None, None));
    }
}
