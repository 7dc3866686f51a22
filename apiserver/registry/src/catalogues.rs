//! The current catalogue, shared by all parts that need to know which kinds are served.

use std::sync::Arc;

use portcullis_kinds::catalogue::Catalogue;
use portcullis_kinds::offer::Offer;
use tokio::sync::watch;

/// The current catalogue, and notifications of the next ones.
#[derive(Debug)]
pub struct CurrentCatalogue(watch::Sender<Arc<Catalogue>>);

impl Default for CurrentCatalogue {
    /// The built-in kinds.
    fn default() -> Self {
        Self::new(Offer::default())
    }
}

impl CurrentCatalogue {
    /// The kinds that are part of the program, as far as they are offered.
    pub fn new(offer: Offer) -> Self {
        let catalogue = Catalogue::of(offer, []);
        Self(watch::Sender::new(Arc::new(catalogue)))
    }

    /// The catalogue that is in force now.
    pub fn current(&self) -> Arc<Catalogue> {
        self.0.borrow().clone()
    }

    /// Replaces the catalogue, for requests that begin from now on.
    pub fn replace(&self, catalogue: Catalogue) {
        self.0.send_replace(Arc::new(catalogue));
    }

    /// Receives each new catalogue; of several in quick succession only the last may be received.
    pub fn subscribe(&self) -> watch::Receiver<Arc<Catalogue>> {
        self.0.subscribe()
    }
}
