//! The formats of strings that are checked; others are ignored.
//!
//! Each accepts what `k8s.io/kube-openapi/pkg/validation/strfmt` accepts.

mod address;
mod code;
mod time;

use portcullis_api::name;

/// A format that is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// Twelve bytes in hexadecimal.
    BsonObjectId,
    /// An absolute URI, or an absolute path.
    Uri,
    /// A mail address, optionally with a display name.
    Email,
    /// A host name.
    Hostname,
    /// An IPv4 address.
    Ipv4,
    /// An IPv6 address.
    Ipv6,
    /// An IP address with a prefix length.
    Cidr,
    /// A hardware address of six, eight or twenty bytes.
    Mac,
    /// A UUID of any version.
    Uuid,
    /// A UUID of version 3.
    Uuid3,
    /// A UUID of version 4.
    Uuid4,
    /// A UUID of version 5.
    Uuid5,
    /// An ISBN of ten or thirteen digits.
    Isbn,
    /// An ISBN of ten digits.
    Isbn10,
    /// An ISBN of thirteen digits.
    Isbn13,
    /// A credit card number.
    CreditCard,
    /// A U.S. social security number.
    Ssn,
    /// A colour such as `#ff8000`.
    HexColor,
    /// A colour such as `rgb(255, 128, 0)`.
    RgbColor,
    /// Bytes in base64.
    Byte,
    /// Any text.
    Password,
    /// A date.
    Date,
    /// A duration, in Go's notation or Scala's.
    Duration,
    /// A date and time.
    DateTime,
    /// A DNS label (since 1.34).
    ShortName,
    /// A DNS subdomain (since 1.34).
    LongName,
}

impl Format {
    /// The format of a name; dashes are ignored.
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name.replace('-', "").as_str() {
            "bsonobjectid" => Self::BsonObjectId,
            "uri" => Self::Uri,
            "email" => Self::Email,
            "hostname" => Self::Hostname,
            "ipv4" => Self::Ipv4,
            "ipv6" => Self::Ipv6,
            "cidr" => Self::Cidr,
            "mac" => Self::Mac,
            "uuid" => Self::Uuid,
            "uuid3" => Self::Uuid3,
            "uuid4" => Self::Uuid4,
            "uuid5" => Self::Uuid5,
            "isbn" => Self::Isbn,
            "isbn10" => Self::Isbn10,
            "isbn13" => Self::Isbn13,
            "creditcard" => Self::CreditCard,
            "ssn" => Self::Ssn,
            "hexcolor" => Self::HexColor,
            "rgbcolor" => Self::RgbColor,
            "byte" => Self::Byte,
            "password" => Self::Password,
            "date" => Self::Date,
            "duration" => Self::Duration,
            "datetime" => Self::DateTime,
            "k8sshortname" => Self::ShortName,
            "k8slongname" => Self::LongName,
            _ => return None,
        })
    }

    /// Whether a text is of this format.
    pub fn accepts(self, text: &str) -> bool {
        match self {
            Self::BsonObjectId => text.len() == 24 && code::is_hex(text),
            Self::Uri => address::is_uri(text),
            Self::Email => address::is_email(text),
            Self::Hostname => address::is_hostname(text),
            Self::Ipv4 => text.contains('.') && address::ip(text).is_some(),
            Self::Ipv6 => text.contains(':') && text.parse::<std::net::Ipv6Addr>().is_ok(),
            Self::Cidr => address::is_cidr(text),
            Self::Mac => address::is_mac(text),
            Self::Uuid => code::is_uuid(text, None),
            Self::Uuid3 => code::is_uuid(text, Some('3')),
            Self::Uuid4 => code::is_uuid(text, Some('4')),
            Self::Uuid5 => code::is_uuid(text, Some('5')),
            Self::Isbn => code::is_isbn10(text) || code::is_isbn13(text),
            Self::Isbn10 => code::is_isbn10(text),
            Self::Isbn13 => code::is_isbn13(text),
            Self::CreditCard => code::is_credit_card(text),
            Self::Ssn => code::is_ssn(text),
            Self::HexColor => code::is_hex_color(text),
            Self::RgbColor => code::is_rgb_color(text),
            Self::Byte => code::is_base64(text),
            Self::Password => true,
            Self::Date => time::is_date(text),
            Self::Duration => time::is_duration(text),
            Self::DateTime => time::is_date_time(text),
            Self::ShortName => name::dns1123_label(text).is_empty(),
            Self::LongName => name::dns1123_subdomain(text).is_empty(),
        }
    }
}

#[cfg(test)]
mod tests;
