//! Clients of webhooks that a kubeconfig names.

use std::path::Path;

use super::error::StartError;
use crate::kubeconfig::read::Kubeconfig;
use crate::outbound::webhook_client::{Credentials, WebhookClient};

/// A client of the server of a kubeconfig's current context.
///
/// # Errors
/// [`StartError`], which names the option.
pub fn client(option: &'static str, path: &Path) -> Result<WebhookClient, StartError> {
    let wrong = |why: &dyn std::fmt::Display| {
        StartError::option(option, format!("{}: {why}", path.display()))
    };
    let kubeconfig = Kubeconfig::load(Some(path)).map_err(|why| StartError::option(option, why))?;
    let context = kubeconfig.context(None).map_err(|why| wrong(&why))?;
    let server = kubeconfig.server(context).map_err(|why| wrong(&why))?;
    let credentials = match context.user.as_str() {
        "" => Credentials::default(),
        user => {
            let found = kubeconfig.credentials(user).map_err(|why| wrong(&why))?;
            Credentials {
                authorization: found.authorization,
                certificate: found.certificate,
            }
        }
    };
    let client = WebhookClient::of_server(&server.url, &credentials, &server.authority);
    client.map_err(|why| wrong(&why))
}
