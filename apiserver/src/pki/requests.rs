//! Certificates for signing requests. The subject and the names are copied as bytes from the request, since
//! `rcgen` would have to parse them first.

use jiff::Timestamp;
use portcullis_api::certificate_request;
use portcullis_controllers::certificates::signing::{Authority as Signs, Terms};
use rcgen::{
    KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ED25519, PKCS_RSA_SHA256,
    PKCS_RSA_SHA384, PKCS_RSA_SHA512, SigningKey,
};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use x509_parser::certificate::X509Certificate;
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::cri_attributes::ParsedCriAttribute;
use x509_parser::extensions::{ParsedExtension, X509Extension};
use x509_parser::oid_registry::OID_X509_EXT_SUBJECT_ALT_NAME;
use x509_parser::prelude::FromDer;
use yasna::models::ObjectIdentifier;
use yasna::{DERWriter, DERWriterSeq, Tag};

use super::Authority;

const UTC_TIME: u64 = 23;
const GENERALIZED_TIME: u64 = 24;

impl Signs for Authority {
    fn sign(&self, request: &[u8], terms: &Terms) -> Result<String, String> {
        let usages = Usages::of(&terms.usages)?;
        certificate_request::read(request, |request| {
            let untrue = |_| "the signature of the request is not that of its key".to_owned();
            request.verify_signature().map_err(untrue)?;
            self.fulfil(request, terms, &usages)
        })
    }
}

impl Authority {
    fn fulfil(
        &self,
        request: &X509CertificationRequest<'_>,
        terms: &Terms,
        usages: &Usages,
    ) -> Result<String, String> {
        let malformed = || "the authority's own certificate cannot be read".to_owned();
        let own = CertificateDer::from_pem_slice(self.certificate.as_bytes());
        let own = own.map_err(|_| malformed())?;
        let (_, own) = X509Certificate::from_der(&own).map_err(|_| malformed())?;
        let key = self.issuer.key();
        let algorithm = algorithm(key).ok_or("the authority's key has an unknown algorithm")?;
        let content = yasna::construct_der(|writer| {
            writer.write_sequence(|writer| {
                write_content(writer, &own, &algorithm, request, terms, usages);
            });
        });
        let signature = key.sign(&content).map_err(|error| error.to_string())?;
        let certificate = yasna::construct_der(|writer| {
            writer.write_sequence(|writer| {
                writer.next().write_der(&content);
                writer.next().write_der(&algorithm);
                let bits = signature.len().saturating_mul(8);
                writer.next().write_bitvec_bytes(&signature, bits);
            });
        });
        Ok(pem("CERTIFICATE", &certificate))
    }
}

/// The signed part of a certificate (RFC 5280, section 4.1).
fn write_content(
    writer: &mut DERWriterSeq<'_>,
    own: &X509Certificate<'_>,
    algorithm: &[u8],
    request: &X509CertificationRequest<'_>,
    terms: &Terms,
    usages: &Usages,
) {
    let asked = &request.certification_request_info;
    let version_3 = 2;
    let end = own.validity().not_after.timestamp();
    let end = Timestamp::from_second(end).map_or(terms.not_after, |end| end.min(terms.not_after));
    writer
        .next()
        .write_tagged(Tag::context(0), |writer| writer.write_u8(version_3));
    let serial = uuid::Uuid::new_v4();
    writer.next().write_bigint_bytes(serial.as_bytes(), true);
    writer.next().write_der(algorithm);
    writer.next().write_der(own.subject().as_raw());
    writer.next().write_sequence(|writer| {
        write_time(writer.next(), terms.not_before);
        write_time(writer.next(), end);
    });
    writer.next().write_der(asked.subject.as_raw());
    writer.next().write_der(asked.subject_pki.raw);
    writer.next().write_tagged(Tag::context(3), |writer| {
        writer.write_sequence(|writer| write_extensions(writer, own, request, usages));
    });
}

fn write_time(writer: DERWriter<'_>, at: Timestamp) {
    let utc = at.to_zoned(jiff::tz::TimeZone::UTC);
    let (tag, text) = match utc.year() < 2050 {
        true => (UTC_TIME, utc.strftime("%y%m%d%H%M%SZ")),
        false => (GENERALIZED_TIME, utc.strftime("%Y%m%d%H%M%SZ")),
    };
    let text = text.to_string();
    writer.write_tagged_implicit(
        Tag {
            tag_class: yasna::TagClass::Universal,
            tag_number: tag,
        },
        |writer| {
            writer.write_bytes(text.as_bytes());
        },
    );
}

fn write_extensions(
    writer: &mut DERWriterSeq<'_>,
    own: &X509Certificate<'_>,
    request: &X509CertificationRequest<'_>,
    usages: &Usages,
) {
    let mut extension = |oid: &[u64], critical: bool, value: &[u8]| {
        writer.next().write_sequence(|writer| {
            writer.next().write_oid(&ObjectIdentifier::from_slice(oid));
            if critical {
                writer.next().write_bool(true);
            }
            writer.next().write_bytes(value);
        });
    };
    if !usages.bits.is_empty() {
        extension(&[2, 5, 29, 15], true, &usages.key_usage());
    }
    if !usages.purposes.is_empty() {
        extension(&[2, 5, 29, 37], false, &usages.extended_key_usage());
    }
    let no_authority = yasna::construct_der(|writer| writer.write_sequence(|_| ()));
    extension(&[2, 5, 29, 19], true, &no_authority);
    let keys = own
        .extensions()
        .iter()
        .find_map(|of| match of.parsed_extension() {
            ParsedExtension::SubjectKeyIdentifier(id) => Some(id.0),
            _ => None,
        });
    if let Some(id) = keys {
        let value = yasna::construct_der(|writer| {
            writer.write_sequence(|writer| {
                writer
                    .next()
                    .write_tagged_implicit(Tag::context(0), |writer| writer.write_bytes(id));
            });
        });
        extension(&[2, 5, 29, 35], false, &value);
    }
    if let Some(names) = names(request) {
        extension(&[2, 5, 29, 17], names.critical, names.value);
    }
}

/// The names in a request besides its subject.
fn names<'r>(request: &'r X509CertificationRequest<'_>) -> Option<&'r X509Extension<'r>> {
    let attributes = request.certification_request_info.iter_attributes();
    let extensions = attributes.filter_map(|attribute| match attribute.parsed_attribute() {
        ParsedCriAttribute::ExtensionRequest(request) => Some(&request.extensions),
        _ => None,
    });
    let mut extensions = extensions.flatten();
    extensions.find(|extension| extension.oid == OID_X509_EXT_SUBJECT_ALT_NAME)
}

/// The usages of a certificate, as its extensions encode them.
struct Usages {
    /// Of the key: the numbers of the bits.
    bits: Vec<u8>,
    /// The last number of their object identifiers.
    purposes: Vec<u64>,
}

impl Usages {
    fn of(usages: &[String]) -> Result<Self, String> {
        let mut known = Self {
            bits: Vec::new(),
            purposes: Vec::new(),
        };
        for usage in usages {
            match usage.as_str() {
                "signing" | "digital signature" => known.bits.push(0),
                "key encipherment" => known.bits.push(2),
                "server auth" => known.purposes.push(1),
                "client auth" => known.purposes.push(2),
                _ => return Err(format!("unrecognized usage values: [{usage}]")),
            }
        }
        known.bits.sort_unstable();
        known.bits.dedup();
        known.purposes.dedup();
        Ok(known)
    }

    /// A bit string without trailing zeros.
    fn key_usage(&self) -> Vec<u8> {
        let byte = self
            .bits
            .iter()
            .fold(0_u8, |byte, bit| byte | 0x80_u8 >> bit);
        let length = self.bits.last().map_or(0, |last| usize::from(*last) + 1);
        yasna::construct_der(|writer| writer.write_bitvec_bytes(&[byte], length))
    }

    fn extended_key_usage(&self) -> Vec<u8> {
        yasna::construct_der(|writer| {
            writer.write_sequence(|writer| {
                for purpose in &self.purposes {
                    let oid = [1, 3, 6, 1, 5, 5, 7, 3, *purpose];
                    writer.next().write_oid(&ObjectIdentifier::from_slice(&oid));
                }
            });
        })
    }
}

/// The identifier of the algorithm that a key signs with.
pub(super) fn algorithm(key: &KeyPair) -> Option<Vec<u8>> {
    const RSA: [u64; 6] = [1, 2, 840, 113_549, 1, 1];
    let of_rsa = |last| (RSA.iter().copied().chain([last]).collect(), true);
    let signs = |with| key.algorithm() == with;
    let (oid, has_parameters): (Vec<u64>, bool) = if signs(&PKCS_ECDSA_P256_SHA256) {
        (vec![1, 2, 840, 10_045, 4, 3, 2], false)
    } else if signs(&PKCS_ECDSA_P384_SHA384) {
        (vec![1, 2, 840, 10_045, 4, 3, 3], false)
    } else if signs(&PKCS_ED25519) {
        (vec![1, 3, 101, 112], false)
    } else if signs(&PKCS_RSA_SHA256) {
        of_rsa(11)
    } else if signs(&PKCS_RSA_SHA384) {
        of_rsa(12)
    } else if signs(&PKCS_RSA_SHA512) {
        of_rsa(13)
    } else {
        return None;
    };
    Some(yasna::construct_der(|writer| {
        writer.write_sequence(|writer| {
            writer.next().write_oid(&ObjectIdentifier::from_slice(&oid));
            if has_parameters {
                writer.next().write_null();
            }
        });
    }))
}

pub(super) fn pem(label: &str, der: &[u8]) -> String {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    const LINE: usize = 64;
    let encoded = STANDARD.encode(der);
    let mut text = format!("-----BEGIN {label}-----\n");
    let mut rest = encoded.as_str();
    while let Some((line, more)) = rest.split_at_checked(LINE) {
        text.push_str(line);
        text.push('\n');
        rest = more;
    }
    if !rest.is_empty() {
        text.push_str(rest);
        text.push('\n');
    }
    text.push_str(&format!("-----END {label}-----\n"));
    text
}

#[cfg(test)]
mod tests;
