//! The names under which this program runs.
//!
//! Beside its own these are the names under which suites and tools start a control plane: called as
//! `kube-apiserver` it reads kube-apiserver's command line, called as `etcd` it reads etcd's
//! (docs/adr/0013-drop-in-names.md).

pub mod etcd;
pub mod kube_apiserver;
pub mod pflag;
pub mod upstream_flags;

use std::ffi::{OsStr, OsString};
use std::path::Path;

/// The name in the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Name {
    /// Its own name, or any other.
    Portcullis,
    /// `kube-apiserver`.
    KubeApiserver,
    /// `etcd`.
    Etcd,
}

impl Name {
    /// The name in the first word of a command line.
    pub fn of(program: Option<&OsString>) -> Self {
        match program.and_then(|path| Path::new(path).file_name()) {
            Some(name) if name == OsStr::new("kube-apiserver") => Self::KubeApiserver,
            Some(name) if name == OsStr::new("etcd") => Self::Etcd,
            _ => Self::Portcullis,
        }
    }

    /// The beginning of error messages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Portcullis => "portcullis",
            Self::KubeApiserver => "kube-apiserver",
            Self::Etcd => "etcd",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_link_decides() {
        for (program, name) in [
            ("/assets/kube-apiserver", Name::KubeApiserver),
            ("etcd", Name::Etcd),
            ("./portcullis", Name::Portcullis),
            ("etcdctl", Name::Portcullis),
        ] {
            assert_eq!(Name::of(Some(&program.into())), name, "{program}");
        }
        assert_eq!(Name::of(None), Name::Portcullis);
    }
}
