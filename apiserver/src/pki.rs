//! Certificates: an authority in the data directory, and the certificates it signs.

mod requests;
mod users;

use std::fs;
use std::io::{self, Write};
use std::net::IpAddr;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, chown};
use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, SanType,
};
use thiserror::Error;
use time::{Duration, OffsetDateTime};

/// How long certificates last. A server's certificate is replaced at every start.
const VALIDITY: Duration = Duration::days(3650);
/// A tolerance for differing clocks.
const SKEW: Duration = Duration::hours(1);
const AUTHORITY_NAME: &str = "portcullis-ca";

/// Why certificates could not be read or made.
#[derive(Debug, Error)]
pub enum PkiError {
    /// A file cannot be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A file contains no usable certificate or key.
    #[error("{path}: {why}")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// A certificate could not be signed.
    #[error("cannot make a certificate: {0}")]
    Sign(#[from] rcgen::Error),
}

/// A certificate and its key, as PEM.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The chain.
    pub certificate: String,
    /// The private key.
    pub key: String,
}

/// A file that has been made but not written, because the start may still fail.
#[must_use]
pub struct NewFile {
    path: PathBuf,
    contents: String,
    mode: u32,
}

impl NewFile {
    /// A file with this mode.
    pub fn new(path: PathBuf, contents: String, mode: u32) -> Self {
        Self {
            path,
            contents,
            mode,
        }
    }

    /// Writes it, whole or not at all.
    ///
    /// # Errors
    /// [`PkiError::Io`].
    pub fn write(&self) -> Result<(), PkiError> {
        write(&self.path, self.contents.as_bytes(), self.mode)
    }
}

/// Signs certificates.
pub struct Authority {
    certificate: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    /// The authority in a directory; made there if it does not exist.
    ///
    /// # Errors
    /// [`PkiError`], which names the file.
    pub fn in_dir(dir: &Path) -> Result<Self, PkiError> {
        let (authority, files) = Self::find_or_make(dir)?;
        for file in &files {
            file.write()?;
        }
        Ok(authority)
    }

    /// The authority in a directory; or a new one, and the files to be written there.
    ///
    /// # Errors
    /// [`PkiError`], which names the file.
    pub fn find_or_make(dir: &Path) -> Result<(Self, Vec<NewFile>), PkiError> {
        let (certificate_file, key_file) = (dir.join("ca.crt"), dir.join("ca.key"));
        let (identity, files) = if key_file.exists() || certificate_file.exists() {
            let identity = Identity {
                certificate: read(&certificate_file)?,
                key: read(&key_file)?,
            };
            (identity, Vec::new())
        } else {
            let identity = Self::make()?;
            let files = vec![
                NewFile::new(key_file.clone(), identity.key.clone(), 0o600),
                NewFile::new(
                    certificate_file.clone(),
                    identity.certificate.clone(),
                    0o644,
                ),
            ];
            (identity, files)
        };
        let malformed = |path: &Path| {
            let path = path.to_owned();
            move |error: rcgen::Error| PkiError::Malformed {
                path,
                why: error.to_string(),
            }
        };
        let certificate = identity.certificate;
        let key = KeyPair::from_pem(&identity.key).map_err(malformed(&key_file))?;
        let issuer =
            Issuer::from_ca_cert_pem(&certificate, key).map_err(malformed(&certificate_file))?;
        let authority = Self {
            certificate,
            issuer,
        };
        Ok((authority, files))
    }

    fn make() -> Result<Identity, PkiError> {
        let key = KeyPair::generate()?;
        let mut params = params(AUTHORITY_NAME, None);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![
            KeyUsagePurpose::KeyCertSign,
            KeyUsagePurpose::CrlSign,
            KeyUsagePurpose::DigitalSignature,
        ];
        Ok(Identity {
            certificate: params.self_signed(&key)?.pem(),
            key: key.serialize_pem(),
        })
    }

    /// The authority's own certificate, as PEM.
    pub fn certificate(&self) -> &str {
        &self.certificate
    }

    /// A certificate for a server of these names and addresses.
    ///
    /// # Errors
    /// [`PkiError::Sign`] for a name that a certificate cannot contain.
    pub fn server(&self, names: &[String], addresses: &[IpAddr]) -> Result<Identity, PkiError> {
        let mut params = params("portcullis", None);
        for name in names {
            params
                .subject_alt_names
                .push(SanType::DnsName(name.as_str().try_into()?));
        }
        params
            .subject_alt_names
            .extend(addresses.iter().copied().map(SanType::IpAddress));
        self.issue(params, ExtendedKeyUsagePurpose::ServerAuth)
    }

    /// A certificate that identifies a user, in a group. (A certificate could name several; `rcgen`
    /// writes one.)
    ///
    /// # Errors
    /// [`PkiError::Sign`].
    pub fn client(&self, user: &str, group: Option<&str>) -> Result<Identity, PkiError> {
        self.issue(params(user, group), ExtendedKeyUsagePurpose::ClientAuth)
    }

    fn issue(
        &self,
        mut params: CertificateParams,
        usage: ExtendedKeyUsagePurpose,
    ) -> Result<Identity, PkiError> {
        params.key_usages = vec![
            KeyUsagePurpose::DigitalSignature,
            KeyUsagePurpose::KeyEncipherment,
        ];
        params.extended_key_usages = vec![usage];
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate()?;
        Ok(Identity {
            certificate: params.signed_by(&key, &self.issuer)?.pem(),
            key: key.serialize_pem(),
        })
    }
}

fn params(name: &str, group: Option<&str>) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    if let Some(group) = group {
        params
            .distinguished_name
            .push(DnType::OrganizationName, group);
    }
    params.distinguished_name.push(DnType::CommonName, name);
    let now = OffsetDateTime::now_utc();
    params.not_before = now - SKEW;
    params.not_after = now + VALIDITY;
    params
}

/// Reads a text file.
///
/// # Errors
/// [`PkiError::Io`].
pub fn read(path: &Path) -> Result<String, PkiError> {
    fs::read_to_string(path).map_err(|source| PkiError::Io {
        path: path.to_owned(),
        source,
    })
}

/// Writes a file whole or not at all, with this mode from its first byte on. The temporary file is opened
/// exclusively, so that a prepared file in the directory is not used.
///
/// # Errors
/// [`PkiError::Io`].
pub fn write(path: &Path, contents: &[u8], mode: u32) -> Result<(), PkiError> {
    let failed = |source| PkiError::Io {
        path: path.to_owned(),
        source,
    };
    if let Some(dir) = path.parent().filter(|d| !d.as_os_str().is_empty()) {
        private_dir(dir)?;
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let draft = path.with_file_name(format!(".{name}.{}", uuid::Uuid::new_v4()));
    let mut file = new_file(&draft, mode).map_err(failed)?;
    let written = file
        .write_all(contents)
        .and_then(|()| fs::rename(&draft, path));
    if written.is_err() {
        let _ = fs::remove_file(&draft);
    }
    written.map_err(failed)
}

/// A file that did not exist. One that others have laid there, or a link, is an error: they could read what is
/// written into it, or choose where it goes.
fn new_file(path: &Path, mode: u32) -> io::Result<fs::File> {
    fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)
}

/// Makes a directory, and those above it, where there is none: for its owner alone. One that is there
/// stays as it is.
///
/// # Errors
/// [`PkiError::Io`].
pub fn private_dir(dir: &Path) -> Result<(), PkiError> {
    let made = fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir);
    made.map_err(|source| PkiError::Io {
        path: dir.to_owned(),
        source,
    })
}

/// Gives a file to the owner of its directory, if this process may do that: files that root writes into a
/// user's directory are meant for that user.
///
/// # Errors
/// [`PkiError::Io`].
pub fn give_to_owner_of_directory(path: &Path) -> Result<(), PkiError> {
    let failed = |source| PkiError::Io {
        path: path.to_owned(),
        source,
    };
    let dir = path.parent().filter(|d| !d.as_os_str().is_empty());
    let owner = fs::metadata(dir.unwrap_or(Path::new("."))).map_err(failed)?;
    let own = fs::metadata(path).map_err(failed)?;
    // Only root's own files are given away.
    if own.uid() != 0 || owner.uid() == 0 {
        return Ok(());
    }
    chown(path, Some(owner.uid()), Some(owner.gid())).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;
    use x509_parser::prelude::*;

    #[test]
    fn an_authority_is_made_once_and_found_again() {
        let dir = tempfile::tempdir().unwrap();
        let first = Authority::in_dir(dir.path())
            .unwrap()
            .certificate()
            .to_owned();
        assert_eq!(Authority::in_dir(dir.path()).unwrap().certificate(), first);
        let mode = fs::metadata(dir.path().join("ca.key"))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    /// Neither the umask nor a prepared file decides who can read a secret.
    #[test]
    fn secrets_are_for_their_owner_alone() {
        let dir = tempfile::tempdir().unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let secret = dir.path().join("data/pki/secret");
        let beside = dir.path().join("data/pki");
        write(&secret, b"first", 0o600).unwrap();
        for (path, expected) in [
            (dir.path().join("data"), 0o700),
            (beside.clone(), 0o700),
            (secret.clone(), 0o600),
        ] {
            assert_eq!(mode(&path), expected, "{}", path.display());
        }
        // a predictable name of the temporary file, prepared by an attacker
        let trap = beside.join(format!(".secret.{}", std::process::id()));
        fs::write(&trap, "").unwrap();
        fs::set_permissions(&trap, fs::Permissions::from_mode(0o666)).unwrap();
        write(&secret, b"second", 0o600).unwrap();
        assert_eq!(mode(&secret), 0o600);
        assert_eq!(fs::read(&trap).unwrap(), b"", "nothing was written into it");
        let names = fs::read_dir(&beside).unwrap().count();
        assert_eq!(names, 2, "no draft is left");
    }

    #[test]
    fn what_is_written_is_a_new_file() {
        let dir = tempfile::tempdir().unwrap();
        let (laid, link) = (dir.path().join("laid"), dir.path().join("link"));
        fs::write(&laid, "theirs").unwrap();
        std::os::unix::fs::symlink(dir.path().join("elsewhere"), &link).unwrap();
        for path in [&laid, &link] {
            let error = new_file(path, 0o600).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        }
        assert_eq!(fs::read(&laid).unwrap(), b"theirs");
        assert!(!dir.path().join("elsewhere").exists());
    }

    #[test]
    fn a_broken_authority_is_named_and_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("ca.key"), "nonsense").unwrap();
        let error = Authority::in_dir(dir.path()).err().unwrap().to_string();
        assert!(error.contains("ca.crt"), "{error}");
        fs::write(dir.path().join("ca.crt"), "nonsense").unwrap();
        let error = Authority::in_dir(dir.path()).err().unwrap().to_string();
        assert!(error.contains("ca.key"), "{error}");
    }

    #[test]
    fn a_clients_certificate_has_its_name_and_group() {
        let dir = tempfile::tempdir().unwrap();
        let authority = Authority::in_dir(dir.path()).unwrap();
        let identity = authority.client("alice", Some("a")).unwrap();
        let (_, pem) = parse_x509_pem(identity.certificate.as_bytes()).unwrap();
        let certificate = pem.parse_x509().unwrap();
        let names: Vec<_> = certificate
            .subject()
            .iter_common_name()
            .map(|n| n.as_str().unwrap())
            .collect();
        let groups: Vec<_> = certificate
            .subject()
            .iter_organization()
            .map(|n| n.as_str().unwrap())
            .collect();
        assert_eq!((names, groups), (vec!["alice"], vec!["a"]));
    }
}
