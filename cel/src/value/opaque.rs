//! Values of the library types of Kubernetes.

pub(crate) mod authz;
mod format;
mod semver;
mod url;

use std::fmt;
use std::net::IpAddr;

use portcullis_api::quantity::Quantity;

use self::authz::Authz;
use self::format::Format;

pub(crate) use self::format::FORMATS;
pub(crate) use self::semver::Semver;
pub(crate) use self::url::Url;

/// A value of a library type.
#[derive(Clone, Debug)]
pub enum Opaque<'a> {
    #[doc(hidden)]
    Url(Url),
    #[doc(hidden)]
    Quantity(Quantity),
    #[doc(hidden)]
    Ip(IpAddr),
    #[doc(hidden)]
    Cidr(Cidr),
    #[doc(hidden)]
    Format(&'static Format),
    #[doc(hidden)]
    Semver(Semver),
    #[doc(hidden)]
    Authz(Authz<'a>),
}

/// A network: an address in it, and the prefix length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cidr {
    pub(crate) address: IpAddr,
    pub(crate) bits: u8,
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.bits)
    }
}

impl Opaque<'_> {
    pub(crate) const fn type_name(&self) -> &'static str {
        match self {
            Self::Url(_) => "kubernetes.URL",
            Self::Quantity(_) => "kubernetes.Quantity",
            Self::Ip(_) => "net.IP",
            Self::Cidr(_) => "net.CIDR",
            Self::Format(_) => "kubernetes.NamedFormat",
            Self::Semver(_) => "kubernetes.Semver",
            Self::Authz(authz) => authz.type_name(),
        }
    }

    /// The size for costs.
    pub(crate) const fn size(&self) -> usize {
        match self {
            Self::Ip(IpAddr::V4(_)) => 4,
            Self::Ip(IpAddr::V6(_)) => 16,
            Self::Cidr(cidr) => cidr.bits.div_ceil(8) as usize,
            _ => 1,
        }
    }
}

impl PartialEq for Opaque<'_> {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Url(a), Self::Url(b)) => a == b,
            (Self::Quantity(a), Self::Quantity(b)) => a == b,
            (Self::Ip(a), Self::Ip(b)) => a == b,
            (Self::Cidr(a), Self::Cidr(b)) => a == b,
            (Self::Format(a), Self::Format(b)) => a.name == b.name,
            (Self::Semver(a), Self::Semver(b)) => a.compare(b).is_eq(),
            _ => false,
        }
    }
}
