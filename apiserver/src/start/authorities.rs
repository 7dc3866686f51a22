//! The authorities whose client certificates are accepted, and those of front proxies, as they are published.

use std::path::Path;
use std::sync::Arc;

use portcullis_authn::{ClientCertificates, FileError, Reload, Reloading};
use tokio::sync::watch;

use crate::config::Serve;
use crate::files::{self, Watched};
use crate::start::StartError;
use crate::start::certificates::Certificates;
use crate::start::front_proxies;

/// A bundle of a file beside the data directory's own authority, if that is accepted, too. `published` gets
/// both when the file has changed.
struct Bundle {
    own: String,
    file: Reloading<String>,
    published: watch::Sender<String>,
}

/// Authorities as PEM, now and later.
pub struct Authorities {
    /// Those who sign the certificates of users.
    pub clients: watch::Receiver<String>,
    /// Those who sign the certificates of front proxies; empty if there are none.
    pub front_proxies: watch::Receiver<String>,
    /// The files to read again when they change.
    pub reloads: Vec<Watched>,
}

impl Authorities {
    /// Reads the files that options name.
    ///
    /// # Errors
    /// Names the option and the file.
    pub fn load(options: &Serve, certificates: &Certificates) -> Result<Self, StartError> {
        let own = certificates.authority.certificate().to_owned();
        let file = options.client_ca_file.as_deref();
        let (clients, first) = load(own, "--client-ca-file", file)?;
        let file = options.front_proxy.requestheader_client_ca_file.as_deref();
        let (front_proxies, second) = load(String::new(), front_proxies::AUTHORITY, file)?;
        Ok(Self {
            clients,
            front_proxies,
            reloads: first.into_iter().chain(second).collect(),
        })
    }
}

fn load(
    own: String,
    option: &'static str,
    file: Option<&Path>,
) -> Result<(watch::Receiver<String>, Option<Watched>), StartError> {
    let Some(path) = file else {
        return Ok((watch::channel(own).1, None));
    };
    let file = Reloading::load(path, bundle);
    let file = file.map_err(|e| StartError::option(option, e))?;
    let (published, heard) = watch::channel(format!("{own}{}", file.current()));
    Ok((
        heard,
        Some(Arc::new(Bundle {
            own,
            file,
            published,
        })),
    ))
}

/// Only authorities that authentication accepts are published.
fn bundle(path: &Path, contents: &[u8]) -> Result<String, FileError> {
    ClientCertificates::of(path, contents)?;
    let text = std::str::from_utf8(contents).map_err(|e| files::unusable(path, &e))?;
    Ok(text.to_owned())
}

impl Reload for Bundle {
    fn path(&self) -> &Path {
        self.file.path()
    }

    fn reload(&self) -> Result<bool, FileError> {
        let changed = self.file.reload()?;
        if changed {
            let all = format!("{}{}", self.own, self.file.current());
            self.published.send_replace(all);
        }
        Ok(changed)
    }
}
