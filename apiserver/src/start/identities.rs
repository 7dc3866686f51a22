//! The authenticators, from their options.

use std::path::Path;
use std::sync::Arc;

use portcullis_authn::service_account::{LegacyTokens, ServiceAccountTokens};
use portcullis_authn::{
    Anonymous, Authenticator, BasicFile, Bearer, BootstrapTokens, ClientCertificates, Named,
    Reload, TokenAuthenticator, TokenFile, TokenReviewer, Websocket,
};

use super::authentication_config;
use super::certificates::Certificates;
use super::error::StartError;
use super::front_proxies::{self, FrontProxies};
use super::oidc;
use super::token_webhook::{self, PlannedTokenWebhook};
use super::tokens::TokenKeys;
use crate::access::metrics::TokenCacheMetrics;
use crate::config::Serve;
use crate::metrics::ConfigMetrics;
use crate::tokens::{Bound, Tokens};

/// The authenticators of files, read before anything is opened.
pub struct Identities {
    methods: Vec<Named<dyn Authenticator>>,
    tokens: Vec<Named<dyn TokenAuthenticator>>,
    issuer: Option<Named<dyn TokenAuthenticator>>,
    webhook: Option<PlannedTokenWebhook>,
    /// What the token webhook is counted with.
    pub(super) metrics: TokenCacheMetrics,
    /// What is counted of the file of `--authentication-config`.
    pub(super) config_metrics: Option<ConfigMetrics>,
    bootstrap_tokens: bool,
    reloads: Vec<Arc<dyn Reload>>,
    anonymous: Anonymous,
    passwords: bool,
}

impl Identities {
    /// Reads the files that options name.
    ///
    /// # Errors
    /// [`StartError`], which names option and file.
    pub fn load(
        options: &Serve,
        certificates: &Certificates,
        front_proxies: &FrontProxies,
    ) -> Result<Self, StartError> {
        let mut identities = Self {
            methods: Vec::new(),
            tokens: Vec::new(),
            reloads: Vec::new(),
            issuer: None,
            webhook: token_webhook::load(&options.token_webhook)?,
            metrics: TokenCacheMetrics::new(),
            config_metrics: None,
            bootstrap_tokens: options.enable_bootstrap_token_auth,
            anonymous: match options.anonymous_auth {
                Some(false) => Anonymous::Never,
                Some(true) | None => Anonymous::Always,
            },
            passwords: options.basic_auth_file.is_some(),
        };
        if let Some(proxies) = &front_proxies.authenticator {
            identities.reloads.push(proxies.clone());
            identities.methods.push(Named {
                name: front_proxies::AUTHORITY,
                member: proxies.clone(),
            });
        }
        // Passwords before certificates, as upstream had it: `kubectl --username` says so on purpose,
        // whatever certificate the kubeconfig holds.
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
        identities.add_certificates(options, certificates)?;
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
        if let Some(issued) = &options.issued_tokens {
            identities.tokens.push(Named {
                name: "issued tokens",
                member: issued.clone(),
            });
        }
        identities.add_issuers(options)?;
        Ok(identities)
    }

    /// Adds the authorities whose client certificates are accepted.
    fn add_certificates(
        &mut self,
        options: &Serve,
        certificates: &Certificates,
    ) -> Result<(), StartError> {
        // The data directory's own authority, which signed the admin's certificate.
        let own = certificates.authority.certificate().as_bytes();
        let own = ClientCertificates::of(Path::new("ca.crt"), own);
        self.methods.push(Named {
            name: "client certificates of the data directory",
            member: Arc::new(own.map_err(|e| StartError::option("--data-dir", e))?),
        });
        if let Some(path) = &options.client_ca_file {
            let more = ClientCertificates::load(path)
                .map_err(|e| StartError::option("--client-ca-file", e))?;
            let more = Arc::new(more);
            self.reloads.push(more.clone());
            self.methods.push(Named {
                name: "--client-ca-file",
                member: more,
            });
        }
        Ok(())
    }

    /// Adds the issuers that options name.
    fn add_issuers(&mut self, options: &Serve) -> Result<(), StartError> {
        if let Some(configured) = authentication_config::load(options)? {
            self.reloads.push(configured.reload);
            self.config_metrics = Some(configured.metrics);
            self.issuer = Some(Named {
                name: authentication_config::OPTION,
                member: configured.issuers,
            });
            if let Some(anonymous) = configured.anonymous {
                self.anonymous = anonymous;
            }
        }
        if let Some((tokens, trusting)) = oidc::load(&options.oidc)? {
            self.reloads.push(trusting);
            // The last one of those that read signed tokens: it may have to call the issuer.
            self.issuer = Some(Named {
                name: "--oidc-issuer-url",
                member: Arc::new(tokens),
            });
        }
        Ok(())
    }

    /// Whether passwords are accepted.
    pub const fn accept_passwords(&self) -> bool {
        self.passwords
    }

    /// The files to read again when they change.
    pub fn reloads(&self) -> Vec<Arc<dyn Reload>> {
        self.reloads.clone()
    }

    /// Adds the authenticators whose tokens are, or are bound to, objects of the cluster.
    ///
    /// The order is upstream's (`pkg/kubeapiserver/authenticator/config.go`).
    pub fn complete(
        mut self,
        keys: TokenKeys,
        objects: &Arc<Bound>,
    ) -> (Arc<dyn Authenticator>, Tokens) {
        let audiences = keys.trust.audiences.clone();
        let ring = keys.trust.keys.clone();
        let legacy = LegacyTokens::new(ring.clone(), objects.clone(), objects.clone());
        self.tokens.push(Named {
            name: "service account tokens of secrets",
            member: Arc::new(legacy),
        });
        let accounts = Arc::new(ServiceAccountTokens::new(keys.trust, objects.clone()));
        let mut others = self.tokens.clone();
        self.tokens.push(Named {
            name: "service account tokens",
            member: accounts.clone(),
        });
        let bootstrap = self.bootstrap_tokens.then(|| Named {
            name: "--enable-bootstrap-token-auth",
            member: Arc::new(BootstrapTokens::new(objects.clone())) as Arc<dyn TokenAuthenticator>,
        });
        let webhook = self.webhook.map(|planned| Named {
            name: token_webhook::OPTION,
            member: Arc::new(planned.webhook(audiences.clone(), &self.metrics))
                as Arc<dyn TokenAuthenticator>,
        });
        let last = bootstrap.into_iter().chain(self.issuer).chain(webhook);
        let last: Vec<_> = last.collect();
        others.extend(last.iter().cloned());
        self.tokens.extend(last);
        let bearer = Arc::new(Bearer::new(self.tokens));
        self.methods.push(Named {
            name: "bearer tokens",
            member: bearer.clone(),
        });
        self.methods.push(Named {
            name: "tokens of websockets",
            member: Arc::new(Websocket::new(bearer)),
        });
        let tokens = Tokens {
            issuer: keys.issuer,
            keys: ring,
            reviewer: TokenReviewer::new(accounts, Bearer::new(others), audiences.clone()),
            audiences,
            lifetimes: keys.lifetimes,
        };
        let chain = portcullis_authn::chain(self.methods, self.anonymous);
        (chain, tokens)
    }
}
