//! The authorities whose client certificates are accepted, as they are published.

use std::path::Path;
use std::sync::Arc;

use portcullis_authn::{ClientCertificates, FileError, Reload, Reloading};
use tokio::sync::watch;

use crate::config::Serve;
use crate::files::{self, Watched};
use crate::start::StartError;
use crate::start::certificates::Certificates;

/// The bundle of `--client-ca-file` beside the data directory's own authority. Whoever publishes
/// both is told when the file has changed.
struct Bundle {
    own: String,
    file: Reloading<String>,
    told: watch::Sender<String>,
}

/// All authorities as PEM, now and later, and the file to read again when it changes.
///
/// # Errors
/// Names the option and the file.
pub fn load(
    options: &Serve,
    certificates: &Certificates,
) -> Result<(watch::Receiver<String>, Option<Watched>), StartError> {
    let own = certificates.authority.certificate().to_owned();
    let Some(path) = &options.client_ca_file else {
        return Ok((watch::channel(own).1, None));
    };
    let file = Reloading::load(path, bundle);
    let file = file.map_err(|e| StartError::option("--client-ca-file", e))?;
    let (told, heard) = watch::channel(format!("{own}{}", file.current()));
    Ok((heard, Some(Arc::new(Bundle { own, file, told }))))
}

/// Nothing is published that authentication would not believe.
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
            self.told.send_replace(all);
        }
        Ok(changed)
    }
}
