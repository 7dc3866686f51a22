//! IP addresses and networks.

use std::net::{IpAddr, Ipv6Addr};

use crate::error::EvalError;
use crate::library::conversions::to_string;
use crate::library::{Def, Library, mismatch};
use crate::meter::Meter;
use crate::types::Type::{self, Bool, Int, String};
use crate::value::opaque::{Cidr, Opaque};
use crate::value::{Evaluated, Value};

const IP: Type = Type::Opaque("net.IP");
const CIDR: Type = Type::Opaque("net.CIDR");

pub(super) fn add(lib: &mut Library) {
    lib.global(
        "ip",
        [Def("string_to_ip", vec![String], IP, |_, a| {
            Ok(Value::opaque(Opaque::Ip(parse_ip(text(a, 0)?)?)))
        })],
    );
    lib.member(
        "ip",
        [Def("cidr_ip", vec![CIDR], IP, |_, a| {
            Ok(Value::opaque(Opaque::Ip(cidr(a, 0)?.address)))
        })],
    );
    lib.global(
        "isIP",
        [Def("is_ip", vec![String], Bool, |_, a| {
            Ok(Value::Bool(parse_ip(text(a, 0)?).is_ok()))
        })],
    );
    lib.global(
        "ip.isCanonical",
        [Def("ip_is_canonical", vec![String], Bool, |_, a| {
            Ok(Value::Bool(
                parse_ip(text(a, 0)?)?.to_string() == text(a, 0)?,
            ))
        })],
    );
    lib.member(
        "family",
        [Def("ip_family", vec![IP], Int, |_, a| {
            Ok(Value::Int(if ip(a, 0)?.is_ipv4() { 4 } else { 6 }))
        })],
    );
    let predicates: [(&'static str, &'static str, super::Run); 5] = [
        ("isUnspecified", "ip_is_unspecified", |_, a| {
            is(a, |ip| ip.is_unspecified())
        }),
        ("isLoopback", "ip_is_loopback", |_, a| {
            is(a, |ip| ip.is_loopback())
        }),
        (
            "isLinkLocalMulticast",
            "ip_is_link_local_multicast",
            |_, a| is(a, link_local_multicast),
        ),
        ("isLinkLocalUnicast", "ip_is_link_local_unicast", |_, a| {
            is(a, link_local_unicast)
        }),
        ("isGlobalUnicast", "ip_is_global_unicast", |_, a| {
            is(a, global_unicast)
        }),
    ];
    for (name, id, run) in predicates {
        lib.member(name, [Def(id, vec![IP], Bool, run)]);
    }
    lib.global("string", [Def("ip_to_string", vec![IP], String, to_string)]);
    add_networks(lib);
}

fn add_networks(lib: &mut Library) {
    lib.global(
        "cidr",
        [Def("string_to_cidr", vec![String], CIDR, |_, a| {
            Ok(Value::opaque(Opaque::Cidr(
                parse_cidr(text(a, 0)?).map_err(|e| twice(&e))?,
            )))
        })],
    );
    lib.global(
        "isCIDR",
        [Def("is_cidr", vec![String], Bool, |_, a| {
            Ok(Value::Bool(parse_cidr(text(a, 0)?).is_ok()))
        })],
    );
    lib.member(
        "containsIP",
        [
            Def(
                "cidr_contains_ip_string",
                vec![CIDR, String],
                Bool,
                contains_ip,
            ),
            Def("cidr_contains_ip_ip", vec![CIDR, IP], Bool, contains_ip),
        ],
    );
    lib.member(
        "containsCIDR",
        [
            Def(
                "cidr_contains_cidr_string",
                vec![CIDR, String],
                Bool,
                contains_cidr,
            ),
            Def("cidr_contains_cidr", vec![CIDR, CIDR], Bool, contains_cidr),
        ],
    );
    lib.member(
        "prefixLength",
        [Def("cidr_prefix_length", vec![CIDR], Int, |_, a| {
            Ok(Value::Int(cidr(a, 0)?.bits.into()))
        })],
    );
    lib.member(
        "masked",
        [Def("cidr_masked", vec![CIDR], CIDR, |_, a| {
            let Cidr { address, bits } = cidr(a, 0)?;
            let address = masked(address, bits);
            Ok(Value::opaque(Opaque::Cidr(Cidr { address, bits })))
        })],
    );
    lib.global(
        "string",
        [Def("cidr_to_string", vec![CIDR], String, to_string)],
    );
}

fn text<'v>(args: &'v [Value<'_>], index: usize) -> Result<&'v str, EvalError> {
    args.get(index)
        .and_then(Value::as_str)
        .ok_or_else(EvalError::no_such_overload)
}

fn ip(args: &[Value<'_>], index: usize) -> Result<IpAddr, EvalError> {
    match args.get(index) {
        Some(Value::Opaque(opaque)) => match &**opaque {
            Opaque::Ip(address) => Ok(*address),
            _ => Err(EvalError::no_such_overload()),
        },
        Some(Value::String(text)) => parse_ip(text.as_str()),
        _ => Err(EvalError::no_such_overload()),
    }
}

fn cidr(args: &[Value<'_>], index: usize) -> Result<Cidr, EvalError> {
    match args.get(index) {
        Some(Value::Opaque(opaque)) => match &**opaque {
            Opaque::Cidr(cidr) => Ok(*cidr),
            _ => Err(EvalError::no_such_overload()),
        },
        Some(Value::String(text)) => parse_cidr(text.as_str()).map_err(|e| twice(&e)),
        _ => Err(EvalError::no_such_overload()),
    }
}

const PARSE_CIDR: &str = "network address parse error during conversion from string";

/// Upstream's message has this prefix twice.
fn twice(error: &EvalError) -> EvalError {
    EvalError::new(format!("{PARSE_CIDR}: {error}"))
}

fn parse_ip(text: &str) -> Result<IpAddr, EvalError> {
    if let Some((address, zone)) = text.split_once('%')
        && !zone.is_empty()
        && address.parse::<Ipv6Addr>().is_ok()
    {
        return Err(EvalError::new(format!(
            "IP address {text:?} with zone value is not allowed"
        )));
    }
    let address: IpAddr = text.parse().map_err(|_| {
        EvalError::new(format!(
            "IP Address {text:?} parse error during conversion from string: ParseAddr({text:?}): unable to parse IP"
        ))
    })?;
    reject_mapped(address, text)?;
    Ok(address)
}

fn reject_mapped(address: IpAddr, text: &str) -> Result<(), EvalError> {
    match address {
        IpAddr::V6(six) if six.to_ipv4_mapped().is_some() => Err(EvalError::new(format!(
            "IPv4-mapped IPv6 address {text:?} is not allowed"
        ))),
        _ => Ok(()),
    }
}

fn parse_cidr(text: &str) -> Result<Cidr, EvalError> {
    let wrong =
        |why: &str| EvalError::new(format!("{PARSE_CIDR}: netip.ParsePrefix({text:?}): {why}"));
    let (address, bits) = text.rsplit_once('/').ok_or_else(|| wrong("no '/'"))?;
    let address: IpAddr = address
        .parse()
        .map_err(|_| wrong(&format!("ParseAddr({address:?}): unable to parse IP")))?;
    let plain =
        bits.bytes().all(|b| b.is_ascii_digit()) && (bits.len() == 1 || !bits.starts_with('0'));
    let number = bits.parse::<u8>().ok().filter(|_| plain);
    let number = number.ok_or_else(|| wrong(&format!("bad bits after slash: {bits:?}")))?;
    let most = if address.is_ipv4() { 32 } else { 128 };
    if number > most {
        return Err(wrong("prefix length out of range"));
    }
    reject_mapped(address, text)?;
    Ok(Cidr {
        address,
        bits: number,
    })
}

fn is<'a>(args: &[Value<'a>], predicate: fn(IpAddr) -> bool) -> Evaluated<'a> {
    Ok(Value::Bool(predicate(ip(args, 0)?)))
}

fn link_local_multicast(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(four) => four.octets()[..3] == [224, 0, 0],
        IpAddr::V6(six) => six.segments()[0] & 0xff0f == 0xff02,
    }
}

fn link_local_unicast(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(four) => four.is_link_local(),
        IpAddr::V6(six) => six.segments()[0] & 0xffc0 == 0xfe80,
    }
}

fn global_unicast(address: IpAddr) -> bool {
    let broadcast = matches!(address, IpAddr::V4(four) if four.is_broadcast());
    !(broadcast
        || address.is_unspecified()
        || address.is_loopback()
        || address.is_multicast()
        || link_local_unicast(address))
}

fn masked(address: IpAddr, bits: u8) -> IpAddr {
    match address {
        IpAddr::V4(four) => {
            let mask = u32::MAX
                .checked_shl(32 - u32::from(bits.min(32)))
                .unwrap_or(0);
            IpAddr::V4((u32::from(four) & mask).into())
        }
        IpAddr::V6(six) => {
            let mask = u128::MAX
                .checked_shl(128 - u32::from(bits.min(128)))
                .unwrap_or(0);
            IpAddr::V6((u128::from(six) & mask).into())
        }
    }
}

fn covers(network: Cidr, address: IpAddr) -> bool {
    network.address.is_ipv4() == address.is_ipv4()
        && masked(network.address, network.bits) == masked(address, network.bits)
}

fn contains_ip<'a>(_: &mut Meter, args: &[Value<'a>]) -> Evaluated<'a> {
    if args.len() != 2 {
        return mismatch();
    }
    Ok(Value::Bool(covers(cidr(args, 0)?, ip(args, 1)?)))
}

fn contains_cidr<'a>(_: &mut Meter, args: &[Value<'a>]) -> Evaluated<'a> {
    if args.len() != 2 {
        return mismatch();
    }
    let (outer, inner) = (cidr(args, 0)?, cidr(args, 1)?);
    Ok(Value::Bool(
        outer.bits <= inner.bits && covers(outer, inner.address),
    ))
}
