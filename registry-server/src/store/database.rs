//! Which database the registry is kept in.

use std::{fmt, path::PathBuf, str::FromStr};

use sqlx::postgres::PgConnectOptions;

use super::StoreError;

/// A database by its address. Shown without user and password.
#[derive(Clone, PartialEq, Eq)]
pub enum Database {
    /// A file.
    Sqlite(PathBuf),
    /// A URL as libpq takes it: `postgres://user:password@host:port/database?sslmode=…`.
    Postgres(String),
}

impl Database {
    /// Reads an address: a PostgreSQL URL, `sqlite:` and a path, or a path.
    ///
    /// ```
    /// use annals_registry_server::store::Database;
    /// let path = Database::parse("data/registry.db").unwrap();
    /// assert_eq!(path, Database::parse("sqlite:data/registry.db").unwrap());
    /// assert_eq!(Database::parse("postgres://me:secret@db/annals").unwrap().to_string(), "postgres://db:5432/annals");
    /// ```
    ///
    /// # Errors
    /// [`StoreError::Address`].
    pub fn parse(address: &str) -> Result<Database, StoreError> {
        if address.starts_with("postgres:") || address.starts_with("postgresql:") {
            postgres_options(address)?;
            return Ok(Database::Postgres(address.to_owned()));
        }
        let path = address
            .strip_prefix("sqlite://")
            .or_else(|| address.strip_prefix("sqlite:"))
            .unwrap_or(address);
        match path.split_once("://") {
            Some((scheme, _)) => Err(StoreError::Address(format!(
                "{scheme}:// is no database for the registry; use postgres://…, sqlite:PATH or a path"
            ))),
            None if path.is_empty() => Err(StoreError::Address(
                "the path of the database file is empty".to_owned(),
            )),
            None => Ok(Database::Sqlite(path.into())),
        }
    }
}

/// The options in a URL. Its password is in no error.
pub(super) fn postgres_options(url: &str) -> Result<PgConnectOptions, StoreError> {
    PgConnectOptions::from_str(url)
        .map(|options| options.application_name("annals"))
        .map_err(|error| StoreError::Address(format!("the URL of the database cannot be read: {error}")))
}

impl fmt::Display for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = match self {
            Database::Sqlite(path) => return write!(f, "sqlite:{}", path.display()),
            Database::Postgres(url) => url,
        };
        let Ok(options) = postgres_options(url) else {
            return f.write_str("postgres://…");
        };
        let database = options.get_database().unwrap_or_default();
        match options.get_socket() {
            Some(socket) => write!(f, "postgres://{}/{database}", socket.display()),
            None => write!(
                f,
                "postgres://{}:{}/{database}",
                options.get_host(),
                options.get_port()
            ),
        }
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
