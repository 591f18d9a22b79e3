//! What can go wrong with the registry in service: it said no, or it could not be asked or kept.

use std::sync::Arc;

use thiserror::Error;

use crate::{registry::RegistryError, store::StoreError};

/// Why a request to the registry was not carried out.
#[derive(Debug, Error)]
pub enum ServiceError {
    /// The registry said no.
    #[error(transparent)]
    Refused(#[from] RegistryError),
    /// The database failed; the outcome of a write may be unknown, and asking again is safe.
    #[error("The schema store failed; the request can be sent again")]
    Store(Arc<StoreError>),
    /// Work on a schema broke off. Nothing was written.
    #[error("The request broke off; please report this with the server's log")]
    Broken,
}

impl From<StoreError> for ServiceError {
    fn from(error: StoreError) -> ServiceError {
        ServiceError::Store(Arc::new(error))
    }
}
