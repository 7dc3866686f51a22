//! Everybody this server can tell apart: the authenticators that options ask for.

use std::path::Path;
use std::sync::Arc;

use portcullis_authn::service_account::{Objects, ServiceAccountTokens};
use portcullis_authn::{
    Authenticator, BasicFile, Bearer, ClientCertificates, Named, Reload, TokenAuthenticator,
    TokenFile, TokenReviewer,
};

use crate::app::StartError;
use crate::config::Serve;
use crate::startup::Certificates;
use crate::tokens::{TokenKeys, Tokens};

/// The authenticators that files make, read before anything is opened.
pub struct Identities {
    methods: Vec<Named<dyn Authenticator>>,
    tokens: Vec<Named<dyn TokenAuthenticator>>,
    reloads: Vec<Arc<dyn Reload>>,
    anonymous: bool,
}

impl Identities {
    /// Reads the files that options name.
    ///
    /// # Errors
    /// [`StartError`], which names option and file.
    pub fn load(options: &Serve, certificates: &Certificates) -> Result<Self, StartError> {
        // The data directory's own authority, which signed the admin's certificate.
        let own = ClientCertificates::of(
            Path::new("ca.crt"),
            certificates.authority.certificate().as_bytes(),
        )
        .map_err(|e| StartError::option("--data-dir", e))?;
        let mut identities = Self {
            methods: vec![Named {
                name: "client certificates of the data directory",
                member: Arc::new(own),
            }],
            tokens: Vec::new(),
            reloads: Vec::new(),
            anonymous: options.anonymous_auth,
        };
        if let Some(path) = &options.client_ca_file {
            let more = ClientCertificates::load(path)
                .map_err(|e| StartError::option("--client-ca-file", e))?;
            let more = Arc::new(more);
            identities.reloads.push(more.clone());
            identities.methods.push(Named {
                name: "--client-ca-file",
                member: more,
            });
        }
        if let Some(path) = &options.basic_auth_file {
            let file =
                BasicFile::load(path).map_err(|e| StartError::option("--basic-auth-file", e))?;
            let file = Arc::new(file);
            identities.reloads.push(file.clone());
            identities.methods.push(Named {
                name: "--basic-auth-file",
                member: file,
            });
        }
        if let Some(path) = &options.token_auth_file {
            let file =
                TokenFile::load(path).map_err(|e| StartError::option("--token-auth-file", e))?;
            let file = Arc::new(file);
            identities.reloads.push(file.clone());
            identities.tokens.push(Named {
                name: "--token-auth-file",
                member: file,
            });
        }
        Ok(identities)
    }

    /// The files to read again when they change.
    pub fn reloads(&self) -> Vec<Arc<dyn Reload>> {
        self.reloads.clone()
    }

    /// Adds those whom this server itself gives tokens, bound to `objects`.
    pub fn complete(
        mut self,
        keys: TokenKeys,
        objects: Arc<dyn Objects>,
    ) -> (Arc<dyn Authenticator>, Tokens) {
        let audiences = keys.trust.audiences.clone();
        let accounts = Arc::new(ServiceAccountTokens::new(keys.trust, objects));
        let others = Bearer::new(self.tokens.clone());
        let tokens = Tokens {
            issuer: keys.issuer,
            reviewer: TokenReviewer::new(accounts.clone(), others, audiences.clone()),
            audiences,
        };
        self.tokens.push(Named {
            name: "service account tokens",
            member: accounts,
        });
        self.methods.push(Named {
            name: "bearer tokens",
            member: Arc::new(Bearer::new(self.tokens)),
        });
        (
            portcullis_authn::chain(self.methods, self.anonymous),
            tokens,
        )
    }
}
