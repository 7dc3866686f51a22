//! What every request passes before it is carried out.
//!
//! [`serve`] is the one place where the order is written. A filter that objects answers; nothing
//! behind it sees the request.

pub mod authentication;
pub mod authorization;
pub mod impersonation;
pub mod limits;
pub mod panic;
pub mod present;
pub mod room;
pub mod trace;

use std::sync::Arc;

use http::Request;
use http::header::{HeaderValue, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS};
use portcullis_api::Status;
use rustls_pki_types::CertificateDer;
use tokio::time::Instant;
use tracing::Instrument;

use self::limits::Turn;
use self::limits::pool::Permit;
use crate::app::App;
use crate::endpoints;
use crate::endpoints::body::{Incoming, Received};
use crate::endpoints::query::Query;
use crate::request_info::RequestInfo;
use crate::response::{self, Ends, Response};
use crate::serving::progress::Progress;

/// What is known of a connection's other end.
#[derive(Debug)]
pub struct Peer {
    /// What it presented in the handshake, not verified.
    pub certificates: Vec<CertificateDer<'static>>,
    /// What the connection has done so far.
    pub progress: Arc<Progress>,
}

/// An answer, and what it holds until it is sent.
#[derive(Debug)]
pub struct Answer {
    /// What goes back.
    pub response: Response,
    /// Places and memory.
    pub held: Vec<Permit>,
    /// When all of it must have been sent.
    pub end: Option<Instant>,
    /// Whether the client is still sending a discarded body.
    pub unread: bool,
}

/// Answers a request.
pub async fn serve(app: Arc<App>, peer: Arc<Peer>, request: Request<Received>) -> Answer {
    let (parts, received) = request.into_parts();
    let mut body = Incoming::new(received);
    // Parsed once: what is authorized is by construction what is carried out.
    let info = RequestInfo::parse(
        &parts.method,
        parts.uri.path(),
        parts.uri.query().unwrap_or_default(),
    );
    let span = trace::Span::begin(&parts, &info);
    let end = app.limits().end(&info);
    let wishes = present::Wishes::of(&parts);
    let answer = panic::catch(limits::within_time(end, async {
        let head = limits::check_head(&parts)?;
        let user = authentication::authenticate(&app, &parts.headers, &peer).await?;
        span.identified(&user);
        // Whoever acts as somebody else is judged as somebody else from here on.
        let user = impersonation::impersonate(&app, user, &parts.headers)?;
        span.acting_as(&user);
        // Only this makes an `Authorized`, and handlers ask for one.
        let authorized = authorization::authorize(&app, info.clone(), user)?;
        // Those who may nothing take no place from others, nor do those whose body is still to come.
        let turn = Turn::new(app.limits(), &info, authorized.user(), head);
        peer.progress.identify(turn.user());
        body.admit(turn)?;
        // The body is not looked at before this point.
        Ok(endpoints::dispatch(&app, &authorized, &parts, &mut body).await)
    }))
    .instrument(span.span())
    .await;
    let answer = answer.unwrap_or_else(|status| refused(&app, &status));
    let query = parts.uri.query().unwrap_or_default();
    let dry_run = !Query::new(query).get("dryRun").is_empty();
    app.requests().note(&info, dry_run, answer.status());
    let unread = body.is_unread();
    let admitted = body.into_admitted();
    let (response, held) = room::hold(app.limits(), wishes, answer, admitted).await;
    Answer {
        end: Ends::of(&response).or(end),
        response: span.end(response),
        held,
        unread,
    }
}

/// The answer to a request that no handler has seen.
fn refused(app: &App, status: &Status) -> Response {
    let mut answer = response::status(status);
    let headers = answer.headers_mut();
    match status.code {
        // Browsers ask for a password (upstream: `filters.Unauthorized` of 1.18, the last with one).
        401 if app.takes_passwords() => {
            let challenge = HeaderValue::from_static("Basic realm=\"kubernetes-master\"");
            headers.insert(WWW_AUTHENTICATE, challenge);
        }
        // Names of users and paths stand in it (upstream: `responsewriters.Forbidden`).
        403 => {
            let no_guess = HeaderValue::from_static("nosniff");
            headers.insert(X_CONTENT_TYPE_OPTIONS, no_guess);
        }
        _ => {}
    }
    answer
}
