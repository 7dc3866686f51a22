//! Names of domains in ASCII, as DNS has them (RFC 3492, with the parameters of IDNA).

const BASE: u32 = 36;
const T_MIN: u32 = 1;
const T_MAX: u32 = 26;
const SKEW: u32 = 38;
const DAMP: u32 = 700;
const FIRST_BIAS: u32 = 72;
const FIRST: u32 = 0x80;

/// A domain in ASCII; `None` if a label is too long to have that form.
pub fn to_ascii(domain: &str) -> Option<String> {
    if domain.is_ascii() {
        return Some(domain.to_owned());
    }
    let labels = domain.split(['.', '。']).map(|label| {
        let label = label.to_lowercase();
        if label.is_ascii() {
            Some(label)
        } else {
            Some(format!("xn--{}", encode(&label)?))
        }
    });
    Some(labels.collect::<Option<Vec<_>>>()?.join("."))
}

/// The longest label of a domain.
const LABEL_MAX: usize = 63;

/// One label, of at most [`LABEL_MAX`] characters, so that nothing here overflows.
fn encode(label: &str) -> Option<String> {
    let points: Vec<u32> = label.chars().map(u32::from).collect();
    if points.len() > LABEL_MAX {
        return None;
    }
    let mut out: String = label.chars().filter(char::is_ascii).collect();
    let basic = u32::try_from(out.len()).ok()?;
    if basic > 0 {
        out.push('-');
    }
    let (mut n, mut delta, mut bias, mut handled) = (FIRST, 0, FIRST_BIAS, basic);
    while let Some(next) = points.iter().copied().filter(|point| *point >= n).min() {
        delta += (next - n) * (handled + 1);
        n = next;
        for point in &points {
            if *point < n {
                delta += 1;
            }
            if *point == n {
                push_number(delta, bias, &mut out);
                bias = adapt(delta, handled + 1, handled == basic);
                delta = 0;
                handled += 1;
            }
        }
        delta += 1;
        n += 1;
    }
    Some(out)
}

/// Appends a number whose digits have weights that depend on the bias.
fn push_number(mut number: u32, bias: u32, out: &mut String) {
    let mut k = BASE;
    loop {
        let threshold = k.saturating_sub(bias).clamp(T_MIN, T_MAX);
        if number < threshold {
            break;
        }
        let rest = number - threshold;
        push_digit(threshold + rest % (BASE - threshold), out);
        number = rest / (BASE - threshold);
        k += BASE;
    }
    push_digit(number, out);
}

/// Appends a digit: letters come before `0` to `9`.
fn push_digit(digit: u32, out: &mut String) {
    const DIGITS: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";
    let digit = usize::try_from(digit).ok().and_then(|at| DIGITS.get(at));
    out.extend(digit.copied().map(char::from));
}

fn adapt(delta: u32, count: u32, first: bool) -> u32 {
    let mut delta = delta / if first { DAMP } else { 2 };
    delta += delta / count;
    let mut k = 0;
    while delta > (BASE - T_MIN) * T_MAX / 2 {
        delta /= BASE - T_MIN;
        k += BASE;
    }
    k + (BASE - T_MIN + 1) * delta / (delta + SKEW)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domains_are_written_in_ascii() {
        for (domain, ascii) in [
            ("h.example", "h.example"),
            ("bücher.example", "xn--bcher-kva.example"),
            ("BÜCHER.Example", "xn--bcher-kva.example"),
            ("münchen。de", "xn--mnchen-3ya.de"),
            // samples of RFC 3492
            ("他们为什么不说中文", "xn--ihqwcrb4cv8a8dqg056pqjye"),
            (
                "почемужеонинеговорятпорусски",
                "xn--b1abfaaepdrnnbgefbadotcwatmq2g4l",
            ),
            ("3年b組金八先生", "xn--3b-ww4c5e180e575a65lsy2b"),
        ] {
            assert_eq!(to_ascii(domain).as_deref(), Some(ascii));
        }
        let wide = "\u{10ffff}".repeat(63);
        assert!(to_ascii(&wide).is_some());
        assert_eq!(to_ascii(&"ü".repeat(64)), None);
    }
}
