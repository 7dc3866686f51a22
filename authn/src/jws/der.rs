//! ECDSA signatures: two numbers, in tokens side by side, in the crypto stack as DER.

/// How long each number of a P-256 signature is.
const SIZE: usize = 32;
const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;

/// DER of two numbers side by side.
pub(super) fn from_raw(raw: &[u8]) -> Option<Vec<u8>> {
    let (r, s) = raw
        .split_at_checked(SIZE)
        .filter(|(_, s)| s.len() == SIZE)?;
    let body = [integer(r)?, integer(s)?].concat();
    Some([&[SEQUENCE, u8::try_from(body.len()).ok()?], body.as_slice()].concat())
}

/// Without leading zeros, but with one where the first bit would mean a negative number.
fn integer(number: &[u8]) -> Option<Vec<u8>> {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    let digits = number.get(zeros.min(number.len() - 1)..)?;
    let sign: &[u8] = if digits.first()? & 0x80 == 0 {
        &[]
    } else {
        &[0]
    };
    let length = u8::try_from(sign.len() + digits.len()).ok()?;
    Some([&[INTEGER, length], sign, digits].concat())
}

/// Two numbers side by side, of DER.
pub(super) fn to_raw(der: &[u8]) -> Option<Vec<u8>> {
    let (body, rest) = element(der, SEQUENCE)?;
    let (r, after) = element(body, INTEGER)?;
    let (s, end) = element(after, INTEGER)?;
    if !rest.is_empty() || !end.is_empty() {
        return None;
    }
    Some([padded(r)?, padded(s)?].concat())
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

fn padded(number: &[u8]) -> Option<[u8; SIZE]> {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    let digits = number.get(zeros..)?;
    let mut padded = [0; SIZE];
    padded
        .get_mut(SIZE.checked_sub(digits.len())?..)?
        .copy_from_slice(digits);
    Some(padded)
}

#[cfg(test)]
mod tests {
    use super::*;

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
                let der = from_raw(&raw).unwrap();
                assert_eq!(to_raw(&der).unwrap(), raw);
            }
        }
    }

    #[test]
    fn what_is_neither() {
        for raw in [&[][..], &[1; 63], &[1; 65], &[1; 128]] {
            assert_eq!(from_raw(raw), None);
        }
        let good = from_raw(&[0x81; 64]).unwrap();
        let long = [good.as_slice(), &[0]].concat();
        for der in [
            &[][..],
            &[0x30],
            &[0x30, 0],
            &good[..good.len() - 1],
            &good[1..],
            &long,
        ] {
            assert_eq!(to_raw(der), None);
        }
    }
}
