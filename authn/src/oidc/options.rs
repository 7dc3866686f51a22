//! What is accepted of an issuer, and what its tokens say about a user.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde_json::Value;

use crate::jwt::Algorithm;

/// The options of the `--oidc-*` flags.
#[derive(Clone, Debug)]
pub struct OidcOptions {
    /// The URL of the accepted issuer, equal to the `iss` claim and the base of discovery.
    pub issuer_url: String,
    /// The required audience of tokens.
    pub client_id: String,
    /// The claim that contains the user name.
    pub username_claim: String,
    /// The prefix of the user name: `-` for none; by default the issuer and `#`, except for
    /// `email`.
    pub username_prefix: Option<String>,
    /// The claim that contains the groups.
    pub groups_claim: Option<String>,
    /// The prefix of each group.
    pub groups_prefix: String,
    /// The accepted signature algorithms.
    pub signing_algs: Vec<Algorithm>,
    /// Claims that a token must have, and their values.
    pub required_claims: BTreeMap<String, String>,
}

/// What is accepted of an issuer (upstream: `JWTAuthenticator` of `apiserver.config.k8s.io`).
#[derive(Clone, Debug)]
pub struct JwtOptions {
    /// The URL of the accepted issuer, equal to the `iss` claim.
    pub issuer_url: String,
    /// The accepted audiences; a token must have one of them.
    pub audiences: Vec<String>,
    /// The accepted signature algorithms.
    pub signing_algs: Vec<Algorithm>,
    /// Claims that a token must have, and their values.
    pub required_claims: BTreeMap<String, String>,
    /// What must be true of the claims.
    pub claim_rules: Vec<Rule>,
    /// The user's name.
    pub username: Mapping,
    /// The user's groups.
    pub groups: Option<Mapping>,
    /// The user's uid.
    pub uid: Option<Mapping>,
    /// Further attributes of the user, by key.
    pub extra: Vec<(String, Arc<dyn Expression>)>,
    /// What must be true of the user.
    pub user_rules: Vec<Rule>,
}

/// Where something about the user comes from.
#[derive(Clone, Debug)]
pub enum Mapping {
    /// A claim, after a prefix.
    Claim {
        /// The name of the claim.
        claim: String,
        /// What is put before its value, or each of its values.
        prefix: String,
    },
    /// An expression over the claims.
    Expression(Arc<dyn Expression>),
}

/// Something that must be true.
#[derive(Clone, Debug)]
pub struct Rule {
    /// The expression.
    pub expression: Arc<dyn Expression>,
    /// What to say if it is false.
    pub message: String,
}

/// An expression over the claims of a token, or over a user; implemented by the server.
pub trait Expression: Send + Sync + 'static {
    /// The text of the expression.
    fn text(&self) -> &str;

    /// The value of the expression for these claims, or this user.
    ///
    /// # Errors
    /// Why it has none, in one line.
    fn evaluate(&self, data: &Value) -> Result<Evaluated, String>;
}

impl fmt::Debug for dyn Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Expression").field(&self.text()).finish()
    }
}

/// The value of an expression, as far as its type can be of use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Evaluated {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A string.
    Text(String),
    /// A list of strings.
    Texts(Vec<String>),
    /// Anything else.
    Other,
}

impl From<OidcOptions> for JwtOptions {
    fn from(options: OidcOptions) -> Self {
        let prefix = match options.username_prefix {
            Some(prefix) if prefix == "-" => String::new(),
            Some(prefix) if !prefix.is_empty() => prefix,
            _ if options.username_claim == "email" => String::new(),
            _ => format!("{}#", options.issuer_url),
        };
        let groups_prefix = options.groups_prefix;
        let groups = options.groups_claim.map(|claim| Mapping::Claim {
            claim,
            prefix: groups_prefix,
        });
        Self {
            issuer_url: options.issuer_url,
            audiences: vec![options.client_id],
            signing_algs: options.signing_algs,
            required_claims: options.required_claims,
            claim_rules: Vec::new(),
            username: Mapping::Claim {
                claim: options.username_claim,
                prefix,
            },
            groups,
            uid: None,
            extra: Vec::new(),
            user_rules: Vec::new(),
        }
    }
}
