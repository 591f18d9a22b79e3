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
    /// The database did not answer in time; what was asked for may still be done, and asking again is safe.
    #[error(
        "The schema store did not answer in time; the request may still be carried out, and can be sent again"
    )]
    TimedOut,
    /// As many writes as there are places for wait for the database. Nothing was written.
    #[error("Too many writes wait for the schema store; send the request again later")]
    Crowded,
    /// Work on a schema broke off. Nothing was written.
    #[error("The request broke off; please report this with the server's log")]
    Broken,
}

impl From<StoreError> for ServiceError {
    fn from(error: StoreError) -> ServiceError {
        ServiceError::Store(Arc::new(error))
    }
}
