//! The OpenAPI document and the page that shows it.
//!
//! The document comes from the routes themselves, so neither can drift from the other; the page's files are in the
//! binary.

use annals_examples::company;
use axum::{
    Router,
    body::{Bytes, to_bytes},
    http::{HeaderValue, header},
    middleware,
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::{Value, json};
use utoipa::openapi::{
    InfoBuilder, LicenseBuilder, OpenApi, RefOr,
    path::{Operation, Parameter, ParameterBuilder, ParameterIn},
    tag::TagBuilder,
};
use utoipa_swagger_ui::{Config, SwaggerUi};

use super::media;

/// Where the document is served.
const DOCUMENT: &str = "/openapi.json";
/// The page loads nothing from elsewhere; its own script sets styles and draws its signs from data URLs.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
    img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/// The page is a few hundred bytes; its scripts are not read.
const PAGE_BYTES_MAX: usize = 64 * 1024;

/// The routes of the document and its page.
pub(super) fn routes(document: &OpenApi) -> Router {
    let json = Bytes::from(serde_json::to_vec(document).unwrap_or_default());
    let answer = move || {
        let json = json.clone();
        async move { ([(header::CONTENT_TYPE, "application/json")], json) }
    };
    let page: Router = SwaggerUi::new("/docs").config(Config::from(DOCUMENT)).into();
    Router::new()
        .route(DOCUMENT, get(answer))
        .merge(page.layer(middleware::map_response(dressed)))
}

/// The page under our name, with the headers that keep it to itself.
async fn dressed(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(CONTENT_SECURITY_POLICY),
    );
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    let kind = headers.get(header::CONTENT_TYPE);
    if !kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/html")) {
        return response;
    }
    headers.remove(header::CONTENT_LENGTH);
    let (head, body) = response.into_parts();
    let html = to_bytes(body, PAGE_BYTES_MAX).await.unwrap_or_default();
    let html = String::from_utf8_lossy(&html).replace("<title>Swagger UI</title>", "<title>Annals</title>");
    (head, html).into_response()
}

/// Gives the document its title and its tags.
pub(super) fn describe(document: &mut OpenApi) {
    document.info = InfoBuilder::new()
        .title("Annals")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "A schema registry that speaks the Confluent REST API, and the audit API of the event store.",
        ))
        .license(Some(
            LicenseBuilder::new()
                .name("Apache-2.0")
                .identifier(Some("Apache-2.0"))
                .build(),
        ))
        .build();
    let tags = [
        ("schemas", "Schemas by id and by the hash of their content."),
        (
            "subjects",
            "Subjects and their versions: register, look up, read.",
        ),
        ("compatibility", "May a schema follow?"),
        ("config", "Compatibility levels and other settings."),
        ("mode", "What may be done to a subject."),
        ("contexts", "The registries within the registry."),
        ("server", "What the server says about itself."),
    ];
    let tags = tags.map(|(name, text)| TagBuilder::new().name(name).description(Some(text)).build());
    document.tags.get_or_insert_default().splice(0..0, tags);
}

/// A subject of the demo.
const SUBJECT: &str = "orders-shop.orders.OrderConfirmed";
/// The hash of its schema.
const GUID: &str = "7c4633da-3d7a-1bd1-3bdc-d37720fe80ae";

/// Gives parameters and bodies an example that works when it is sent to a server with the demo as it is; the page fills
/// them in.
pub(super) fn give_examples(document: &mut OpenApi) {
    for (path, item) in &mut document.paths.paths {
        let operations = [&mut item.get, &mut item.post, &mut item.put, &mut item.delete];
        for operation in operations.into_iter().flatten() {
            for parameter in operation.parameters.iter_mut().flatten() {
                if let RefOr::T(known) = parameter
                    && let Some(example) = example_of(path, known)
                {
                    let built = ParameterBuilder::from(known.clone()).example(Some(example));
                    *parameter = built.build().into();
                }
            }
            if let Some(RefOr::T(body)) = &mut operation.request_body {
                for content in body.content.values_mut() {
                    if let RefOr::T(content) = content {
                        content.example = Some(example_body(path));
                    }
                }
            }
        }
    }
}

fn example_of(path: &str, parameter: &Parameter) -> Option<Value> {
    Some(match (parameter.name.as_str(), &parameter.parameter_in) {
        ("subject", ParameterIn::Path) => json!(SUBJECT),
        ("version", ParameterIn::Path) => json!("1"),
        ("guid", _) => json!(GUID),
        ("context", _) => json!(".eu"),
        ("name", _) => json!("order"),
        ("id", _) if path.starts_with("/v1/") => json!("990001"),
        ("id", _) => json!(3),
        ("defaultToGlobal", _) => json!(true),
        ("findTags", _) => json!(["*"]),
        _ => return None,
    })
}

fn example_body(path: &str) -> Value {
    match path.split('/').nth(1) {
        Some("config") => json!({"compatibility": "BACKWARD"}),
        Some("mode") => json!({"mode": "READWRITE"}),
        // What runs already, so that nothing is changed by it.
        _ if path.starts_with("/v1/folds") => json!(annals_examples::ORDER_FOLD),
        _ if path.ends_with("/tags") => json!({"tagsToAdd": [{
            "schemaEntity": {"entityPath": "shop.orders.OrderConfirmed.order_id", "entityType": "sr_field"},
            "tags": ["PUBLIC"],
        }]}),
        _ => {
            let known = company::SCHEMAS.iter().find(|listed| listed.subject == SUBJECT);
            json!({"schema": known.map(|listed| listed.text)})
        }
    }
}

/// Names every operation after its method and path: `get_subjects_subject_versions`.
pub(super) fn name_operations(document: &mut OpenApi) {
    for (path, item) in &mut document.paths.paths {
        let words: Vec<&str> = path
            .split(['/', '{', '}', '.', '-'])
            .filter(|word| !word.is_empty())
            .collect();
        let name = if words.is_empty() {
            "root".to_owned()
        } else {
            words.join("_")
        };
        let operations = [
            ("get", &mut item.get),
            ("post", &mut item.post),
            ("put", &mut item.put),
            ("delete", &mut item.delete),
        ];
        for (method, operation) in operations {
            if let Some(operation) = operation {
                operation.operation_id = Some(format!("{method}_{name}"));
            }
        }
    }
}

/// Names the registry's media types in place of the plain one the derive writes.
pub(super) fn name_media_types(document: &mut OpenApi) {
    for item in document.paths.paths.values_mut() {
        let operations = [&mut item.get, &mut item.post, &mut item.put, &mut item.delete];
        for operation in operations.into_iter().flatten() {
            name_in(operation);
        }
    }
}

fn name_in(operation: &mut Operation) {
    for response in operation.responses.responses.values_mut() {
        if let RefOr::T(response) = response
            && let Some((_, content)) = response.content.pop()
        {
            response.content.insert(media::DEFAULT.to_owned(), content);
        }
    }
    if let Some(RefOr::T(body)) = &mut operation.request_body
        && let Some(content) = body.content.get("application/json").cloned()
    {
        body.content.insert(media::DEFAULT.to_owned(), content);
    }
}
