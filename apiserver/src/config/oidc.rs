//! Options about an `OpenID` Connect issuer.

use std::path::PathBuf;

use clap::Args;
use portcullis_authn::{ALGORITHMS, Algorithm};

/// Options of `portcullis serve` about tokens of an `OpenID` Connect issuer.
#[derive(Debug, Args)]
pub struct Oidc {
    /// The issuer whose tokens are accepted: an https URL, below which it publishes its configuration.
    #[arg(long, requires = "oidc_client_id")]
    pub oidc_issuer_url: Option<String>,
    /// The audience that its tokens must have.
    #[arg(long, requires = "oidc_issuer_url")]
    pub oidc_client_id: Option<String>,
    /// The claim that is the user's name; by default `sub`.
    #[arg(long)]
    pub oidc_username_claim: Option<String>,
    /// The prefix of user names; `-` for none. By default the issuer's URL and `#`, but none
    /// before an email.
    #[arg(long, allow_hyphen_values = true)]
    pub oidc_username_prefix: Option<String>,
    /// The claim that lists the user's groups.
    #[arg(long)]
    pub oidc_groups_claim: Option<String>,
    /// The prefix of groups.
    #[arg(long)]
    pub oidc_groups_prefix: Option<String>,
    /// The authorities of the issuer's server; by default those of the system.
    #[arg(long)]
    pub oidc_ca_file: Option<PathBuf>,
    /// The accepted signature algorithms of its tokens; by default RS256.
    #[arg(long, value_delimiter = ',', value_parser = algorithm)]
    pub oidc_signing_algs: Vec<Algorithm>,
    /// A claim that its tokens must have, as `claim=value`; may be given several times, as the value may
    /// contain commas.
    #[arg(long, value_parser = claim)]
    pub oidc_required_claim: Vec<(String, String)>,
}

impl Oidc {
    /// Whether one of the options is given.
    pub fn is_given(&self) -> bool {
        let texts = [
            &self.oidc_issuer_url,
            &self.oidc_client_id,
            &self.oidc_username_claim,
            &self.oidc_username_prefix,
            &self.oidc_groups_claim,
            &self.oidc_groups_prefix,
        ];
        texts.iter().any(|text| text.is_some())
            || self.oidc_ca_file.is_some()
            || !self.oidc_signing_algs.is_empty()
            || !self.oidc_required_claim.is_empty()
    }
}

fn algorithm(name: &str) -> Result<Algorithm, String> {
    let known = || ALGORITHMS.map(|known| format!("{known:?}")).join(", ");
    portcullis_authn::algorithm(name).ok_or_else(|| format!("known algorithms are {}", known()))
}

fn claim(text: &str) -> Result<(String, String), String> {
    let pair = text.split_once('=');
    let pair = pair.map(|(name, value)| (name.trim(), value.trim()));
    let (name, value) = pair
        .filter(|(name, _)| !name.is_empty())
        .ok_or("a required claim must be claim=value")?;
    Ok((name.to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_required_claim_may_hold_commas() {
        let pair = |name: &str, value: &str| Ok((name.to_owned(), value.to_owned()));
        assert_eq!(claim("hd=a,b=c"), pair("hd", "a,b=c"));
        assert_eq!(claim(" hd = a "), pair("hd", "a"));
        assert_eq!(claim("hd="), pair("hd", ""));
        assert!(claim("hd").is_err() && claim(" =x").is_err());
    }
}
