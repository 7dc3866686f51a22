//! Certificates of users who are in several groups, of which `rcgen` would write one.

use std::time::Duration;

use jiff::Timestamp;
use portcullis_controllers::certificates::signing::{Authority as Signs, Terms};
use rcgen::{KeyPair, PublicKeyData, SigningKey};
use yasna::models::ObjectIdentifier;
use yasna::{DERWriter, DERWriterSeq, Tag};

use super::requests::{algorithm, pem};
use super::{Authority, Identity};

const COMMON_NAME: [u64; 4] = [2, 5, 4, 3];
const ORGANIZATION: [u64; 4] = [2, 5, 4, 10];
const SKEW: Duration = Duration::from_secs(60 * 60);
const VALIDITY: Duration = Duration::from_secs(3650 * 24 * 60 * 60);

impl Authority {
    /// A certificate that identifies a user, and the groups the user is in.
    ///
    /// # Errors
    /// Why none can be signed.
    pub fn user(&self, name: &str, groups: &[&str]) -> Result<Identity, String> {
        let key = KeyPair::generate().map_err(|error| error.to_string())?;
        let request = request(&key, name, groups)?;
        let now = Timestamp::now();
        let terms = Terms {
            usages: ["digital signature", "key encipherment", "client auth"]
                .map(str::to_owned)
                .to_vec(),
            not_before: now - SKEW,
            not_after: now + VALIDITY,
        };
        Ok(Identity {
            certificate: self.sign(request.as_bytes(), &terms)?,
            key: key.serialize_pem(),
        })
    }
}

/// A signing request (RFC 2986), as PEM.
fn request(key: &KeyPair, name: &str, groups: &[&str]) -> Result<String, String> {
    let algorithm = algorithm(key).ok_or("the key has an unknown algorithm")?;
    let content = yasna::construct_der(|writer| {
        writer.write_sequence(|writer| {
            writer.next().write_u8(0);
            writer.next().write_sequence(|writer| {
                for group in groups {
                    write_part(writer, &ORGANIZATION, group);
                }
                write_part(writer, &COMMON_NAME, name);
            });
            writer.next().write_der(&key.subject_public_key_info());
            let none = |writer: DERWriter<'_>| writer.write_set(|_| ());
            writer.next().write_tagged_implicit(Tag::context(0), none);
        });
    });
    let signature = key.sign(&content).map_err(|error| error.to_string())?;
    let request = yasna::construct_der(|writer| {
        writer.write_sequence(|writer| {
            writer.next().write_der(&content);
            writer.next().write_der(&algorithm);
            let bits = signature.len().saturating_mul(8);
            writer.next().write_bitvec_bytes(&signature, bits);
        });
    });
    Ok(pem("CERTIFICATE REQUEST", &request))
}

fn write_part(writer: &mut DERWriterSeq<'_>, kind: &[u64], text: &str) {
    writer.next().write_set(|writer| {
        writer.next().write_sequence(|writer| {
            writer.next().write_oid(&ObjectIdentifier::from_slice(kind));
            writer.next().write_utf8_string(text);
        });
    });
}

#[cfg(test)]
mod tests {
    use x509_parser::pem::parse_x509_pem;

    use super::*;

    #[test]
    fn a_user_is_in_several_groups() {
        let dir = tempfile::tempdir().unwrap();
        let authority = Authority::in_dir(dir.path()).unwrap();
        let identity = authority.user("Zoë", &["b", "a", "c:d"]).unwrap();
        let (_, pem) = parse_x509_pem(identity.certificate.as_bytes()).unwrap();
        let certificate = pem.parse_x509().unwrap();
        let subject = certificate.subject();
        let names: Vec<_> = subject
            .iter_common_name()
            .map(|n| n.as_str().unwrap())
            .collect();
        let groups: Vec<_> = subject
            .iter_organization()
            .map(|n| n.as_str().unwrap())
            .collect();
        assert_eq!((names, groups), (vec!["Zoë"], vec!["b", "a", "c:d"]));
        assert!(certificate.validity().is_valid());
    }
}
