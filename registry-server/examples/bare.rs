//! The peer of the registry bench: a bare axum handler that answers every id with the same bytes.
//!
//! `bare ADDRESS FILE` serves FILE's bytes at `/schemas/ids/{id}` and nothing else: no lookup, no error, no limits.
//! What the registry is slower than this is what it costs to be a registry.

use anyhow::Context as _;
use axum::Router;
use axum::extract::Path;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use bytes::Bytes;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut args = std::env::args().skip(1);
    let address = args.next().context("usage: bare ADDRESS FILE")?;
    let body = Bytes::from(std::fs::read(args.next().context("usage: bare ADDRESS FILE")?)?);
    let handler = move |Path(_id): Path<u32>| {
        let body = body.clone();
        async move { ([(CONTENT_TYPE, "application/vnd.schemaregistry.v1+json")], body) }
    };
    let listener = tokio::net::TcpListener::bind(&address).await?;
    axum::serve(listener, Router::new().route("/schemas/ids/{id}", get(handler))).await?;
    Ok(())
}
