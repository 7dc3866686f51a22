//! ECDSA signatures: two numbers, in tokens side by side, in the crypto stack as DER.

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;

/// DER of two numbers side by side, each of `size` bytes.
pub(super) fn from_raw(raw: &[u8], size: usize) -> Option<Vec<u8>> {
    let (r, s) = raw
        .split_at_checked(size)
        .filter(|(_, s)| s.len() == size)?;
    tagged(SEQUENCE, &[integer(r)?, integer(s)?].concat())
}

/// DER of an RSA key: modulus and exponent (RFC 8017, appendix A.1.1).
pub(super) fn rsa_key(modulus: &[u8], exponent: &[u8]) -> Option<Vec<u8>> {
    tagged(SEQUENCE, &[integer(modulus)?, integer(exponent)?].concat())
}

/// Without leading zeros, but with one where the first bit would mean a negative number.
fn integer(number: &[u8]) -> Option<Vec<u8>> {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    let digits = number.get(zeros.min(number.len().checked_sub(1)?)..)?;
    let sign: &[u8] = if digits.first()? & 0x80 == 0 {
        &[]
    } else {
        &[0]
    };
    tagged(INTEGER, &[sign, digits].concat())
}

/// An element; its length takes one byte below 128, and then one that says how many follow.
fn tagged(tag: u8, contents: &[u8]) -> Option<Vec<u8>> {
    let length = u16::try_from(contents.len()).ok()?;
    let [high, low] = length.to_be_bytes();
    let head: &[u8] = match (high, low) {
        (0, 0..0x80) => &[tag, low],
        (0, _) => &[tag, 0x81, low],
        _ => &[tag, 0x82, high, low],
    };
    Some([head, contents].concat())
}

/// Two numbers side by side, each of `size` bytes, of DER.
pub(super) fn to_raw(der: &[u8], size: usize) -> Option<Vec<u8>> {
    let (body, rest) = element(der, SEQUENCE)?;
    let (r, after) = element(body, INTEGER)?;
    let (s, end) = element(after, INTEGER)?;
    if !rest.is_empty() || !end.is_empty() {
        return None;
    }
    Some([padded(r, size)?, padded(s, size)?].concat())
}

/// The contents of an element of a few bytes, and what follows it.
fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let [found, length, after @ ..] = der else {
        return None;
    };
    let short = *length < 0x80 && *found == tag;
    after
        .split_at_checked(usize::from(*length))
        .filter(|_| short)
}

fn padded(number: &[u8], size: usize) -> Option<Vec<u8>> {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    let digits = number.get(zeros..)?;
    let zeros = vec![0; size.checked_sub(digits.len())?];
    Some([&zeros, digits].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: usize = 32;

    #[test]
    fn there_and_back() {
        let number = |first: u8, zeros: usize| {
            let mut number = [7; SIZE];
            number[..zeros].fill(0);
            if zeros < SIZE {
                number[zeros] = first;
            }
            number
        };
        for r in [
            number(0x7f, 0),
            number(0x80, 0),
            number(0xff, 5),
            number(1, 31),
            number(1, 32),
        ] {
            for s in [number(0x80, 0), number(0x01, 1)] {
                let raw = [r, s].concat();
                let der = from_raw(&raw, SIZE).unwrap();
                assert_eq!(to_raw(&der, SIZE).unwrap(), raw);
            }
        }
    }

    #[test]
    fn what_is_neither() {
        for raw in [&[][..], &[1; 63], &[1; 65], &[1; 128]] {
            assert_eq!(from_raw(raw, SIZE), None);
        }
        let good = from_raw(&[0x81; 64], SIZE).unwrap();
        let long = [good.as_slice(), &[0]].concat();
        for der in [
            &[][..],
            &[0x30],
            &[0x30, 0],
            &good[..good.len() - 1],
            &good[1..],
            &long,
        ] {
            assert_eq!(to_raw(der, SIZE), None);
        }
    }

    #[test]
    fn lengths_take_as_many_bytes_as_they_need() {
        for (length, head) in [
            (1, &[INTEGER, 1][..]),
            (127, &[INTEGER, 127]),
            (128, &[INTEGER, 0x81, 128]),
            (256, &[INTEGER, 0x82, 1, 0]),
        ] {
            let number = integer(&vec![1; length]).unwrap();
            assert_eq!(number.get(..head.len()), Some(head), "{length}");
        }
        assert_eq!(
            rsa_key(&[0x80], &[3]).unwrap(),
            [0x30, 7, 2, 2, 0, 0x80, 2, 1, 3]
        );
        assert_eq!(rsa_key(&[], &[3]), None);
    }
}
