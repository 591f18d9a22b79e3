#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::json;

use super::*;

/// A registry that answers from a table and notes what it is asked.
struct Fake {
    address: String,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    /// `GET /path?query` → status and body; what is not there is 404.
    answers: Mutex<BTreeMap<String, (u16, String)>>,
    asked: Mutex<Vec<String>>,
    heads: Mutex<Vec<String>>,
}

impl Fake {
    fn new(answers: &[(&str, u16, &str)]) -> Fake {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let shared = Arc::new(Shared::default());
        let fake = Fake {
            address,
            shared: Arc::clone(&shared),
        };
        for (question, status, body) in answers {
            fake.answers(question, *status, body);
        }
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                serve(&stream.unwrap(), &shared);
            }
        });
        fake
    }

    fn answers(&self, question: &str, status: u16, body: &str) {
        let mut answers = self.shared.answers.lock().unwrap();
        answers.insert(question.to_owned(), (status, body.to_owned()));
    }

    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut *self.shared.asked.lock().unwrap())
    }
}

fn serve(mut stream: &TcpStream, shared: &Shared) {
    let mut request = Vec::new();
    let mut chunk = [0; 4096];
    let (head, length) = loop {
        let read = stream.read(&mut chunk).unwrap_or(0);
        if read == 0 {
            return;
        }
        request.extend_from_slice(&chunk[..read]);
        let text = String::from_utf8_lossy(&request).into_owned();
        if let Some(end) = text.find("\r\n\r\n") {
            let head = text[..end].to_owned();
            let length = head.to_lowercase();
            let length = length
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "));
            break (head, end + 4 + length.map_or(0, |length| length.parse().unwrap()));
        }
    };
    while request.len() < length {
        let read = stream.read(&mut chunk).unwrap();
        request.extend_from_slice(&chunk[..read]);
    }
    let question: Vec<&str> = head.split(' ').take(2).collect();
    let question = question.join(" ");
    let not_found = || {
        (
            404,
            r#"{"error_code": 40403, "message": "Schema not found"}"#.to_owned(),
        )
    };
    let found = shared.answers.lock().unwrap().get(&question).cloned();
    let (status, body) = found.unwrap_or_else(not_found);
    shared.asked.lock().unwrap().push(question);
    shared.heads.lock().unwrap().push(head);
    // Where else to ask is in the body, too, and what begins like JSON says that it is.
    let said = match status {
        300..400 => format!("location: {body}\r\n"),
        _ if body.starts_with(['{', '[']) => "content-type: application/problem+json; a=b\r\n".to_owned(),
        _ => String::new(),
    };
    let head = format!(
        "HTTP/1.1 {status} S\r\n{said}content-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    // A client may have left.
    let _ = stream.write_all(head.as_bytes());
    let _ = stream.write_all(body.as_bytes());
}

const OPENED: &str = r#"{"type": "record", "name": "Opened", "namespace": "t", "fields": []}"#;
const ROW: SchemaVersion = SchemaVersion::new("till-t.Opened", 1, SchemaType::Avro, OPENED);

fn schema(text: &str, references: &str) -> String {
    json!({"schema": text, "references": serde_json::from_str::<Value>(references).unwrap()}).to_string()
}

fn seven() -> SchemaId {
    SchemaId::new(7).unwrap()
}

#[test]
fn an_id_is_asked_for_once_with_all_it_refers_to() {
    let outer = r#"{"type": "record", "name": "Outer", "fields": [{"name": "middle", "type": "Middle"}, {"name": "inner", "type": "Inner"}]}"#;
    let middle = r#"{"type": "record", "name": "Middle", "fields": [{"name": "inner", "type": "Inner"}]}"#;
    let inner = r#"{"type": "fixed", "name": "Inner", "size": 4}"#;
    let to_inner = r#"{"name": "Inner", "subject": "a/b", "version": 2}"#;
    let fake = Fake::new(&[
        (
            "GET /schemas/ids/7",
            200,
            &schema(
                outer,
                &format!(r#"[{{"name": "Middle", "subject": "m", "version": 1}}, {to_inner}]"#),
            ),
        ),
        (
            "GET /subjects/m/versions/1?deleted=true",
            200,
            &schema(middle, &format!("[{to_inner}]")),
        ),
        (
            "GET /subjects/a%2Fb/versions/2?deleted=true",
            200,
            &schema(inner, "[]"),
        ),
    ]);
    let client = Client::new(&fake.address);
    let writer = client.writer(seven()).unwrap();
    let Schema::Avro(read) = &writer.schema else {
        panic!("it is Avro");
    };
    assert!(read.find("Inner").is_some());
    assert_eq!((writer.id, writer.fingerprint), (seven(), read.fingerprint()));
    assert_eq!(fake.asked().len(), 3);
    assert!(Arc::ptr_eq(&writer, &client.clone().writer(seven()).unwrap()));
    assert!(fake.asked().is_empty());
}

#[test]
fn that_nobody_knows_an_id_is_believed_for_a_while() {
    let fake = Fake::new(&[]);
    let client = Client::builder(&fake.address)
        .failures_kept(Duration::MAX)
        .build();
    for _ in 0..3 {
        assert_eq!(client.writer(seven()).unwrap_err(), Unresolved::Unregistered);
    }
    assert_eq!(fake.asked().len(), 1);
    let client = Client::builder(&fake.address)
        .failures_kept(Duration::ZERO)
        .build();
    assert_eq!(client.writer(seven()).unwrap_err(), Unresolved::Unregistered);
    fake.answers("GET /schemas/ids/7", 200, &schema(OPENED, "[]"));
    assert!(client.writer(seven()).is_ok());
}

#[test]
fn failures_are_told_apart() {
    let unanswered = |body: &str, status: u16, wanted: &str| {
        let fake = Fake::new(&[("GET /schemas/ids/7", status, body)]);
        match Client::new(&fake.address).writer(seven()).unwrap_err() {
            Unresolved::Unanswered(why) => assert!(why.contains(wanted), "{why}"),
            other => panic!("{other:?}"),
        }
    };
    unanswered("<html>", 404, "seems to be no schema registry");
    unanswered("{}", 200, "is not understood: {}");
    unanswered(
        r#"{"error_code": 401, "message": "who are you?"}"#,
        401,
        "who are you? (status 401)",
    );
    unanswered(
        r#"{"error_code": 50001, "message": "no database"}"#,
        500,
        "no database",
    );
    let unusable = |body: String, wanted: &str| {
        let fake = Fake::new(&[("GET /schemas/ids/7", 200, &body)]);
        match Client::new(&fake.address).writer(seven()).unwrap_err() {
            Unresolved::Unusable(why) => assert!(why.contains(wanted), "{why}"),
            other => panic!("{other:?}"),
        }
    };
    unusable(schema("{", "[]"), "line 1");
    unusable(json!({"schema": "", "schemaType": "XML"}).to_string(), "XML");
    // Whoever refers to himself without end is not followed.
    let fake = Fake::new(&[]);
    for version in 0..=REFERENCES_MAX {
        let next = format!(
            r#"[{{"name": "n{version}", "subject": "s", "version": {}}}]"#,
            version + 1
        );
        let question = format!("GET /subjects/s/versions/{version}?deleted=true");
        fake.answers(&question, 200, &schema(OPENED, &next));
    }
    fake.answers(
        "GET /schemas/ids/7",
        200,
        &schema(OPENED, r#"[{"name": "n", "subject": "s", "version": 0}]"#),
    );
    let many = Client::new(&fake.address).writer(seven()).unwrap_err();
    assert_eq!(
        many,
        Unresolved::Unusable("it refers to more than 1000 schemas".to_owned())
    );
}

#[test]
fn references_are_bounded_by_their_bytes() {
    let long = format!("{}{OPENED}", " ".repeat(references::REFERENCES_BYTES_MAX / 2));
    let fake = Fake::new(&[
        (
            "GET /schemas/ids/7",
            200,
            &schema(
                OPENED,
                r#"[{"name": "a", "subject": "s", "version": 1}, {"name": "b", "subject": "s", "version": 2}, {"name": "c", "subject": "s", "version": 3}]"#,
            ),
        ),
        (
            "GET /subjects/s/versions/1?deleted=true",
            200,
            &schema(&long, "[]"),
        ),
        (
            "GET /subjects/s/versions/2?deleted=true",
            200,
            &schema(&long, "[]"),
        ),
    ]);
    let why = Client::new(&fake.address)
        .writer(seven())
        .unwrap_err()
        .to_string();
    assert!(why.contains("bytes of schemas"), "{why}");
    assert_eq!(fake.asked().len(), 3);
}

#[test]
fn references_are_bounded_by_their_number() {
    let why = |count: usize| {
        let references: Vec<Value> = (0..count)
            .map(|number| json!({"name": format!("n{number}"), "subject": "till-t.Opened", "version": 1}))
            .collect();
        let body = schema(OPENED, &Value::from(references).to_string());
        let fake = Fake::new(&[("GET /schemas/ids/7", 200, &body)]);
        let row = SchemaVersion {
            id: SchemaId::new(1),
            ..ROW
        };
        let client = Client::builder(&fake.address).known(&[row]).build();
        let read = client.writer(seven());
        assert_eq!(fake.asked().len(), 1);
        read.err().map(|why| why.to_string()).unwrap_or_default()
    };
    assert!(!why(REFERENCES_MAX).contains("it refers to"));
    assert!(why(REFERENCES_MAX + 1).contains("it refers to more than 1000 schemas"));
}

#[test]
fn that_nobody_answers_is_not_waited_for_by_each_id() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = format!("http://{}", listener.local_addr().unwrap());
    let client = Client::builder(&silent)
        .timeout(Duration::from_millis(500))
        .failures_kept(Duration::MAX)
        .build();
    let begun = Instant::now();
    for id in 1..100 {
        let asked = client.writer(SchemaId::new(id).unwrap());
        assert!(matches!(asked, Err(Unresolved::Unanswered(why)) if why.contains("no answer from")));
    }
    assert!(begun.elapsed() < Duration::from_secs(25), "each was waited for");
}

#[test]
fn addresses_are_tried_in_turn_and_the_one_that_answered_first() {
    let nobody = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}", listener.local_addr().unwrap())
    };
    let failing = Fake::new(&[
        ("GET /schemas/ids/7", 503, "{}"),
        ("GET /schemas/ids/8", 503, "{}"),
    ]);
    let good = Fake::new(&[
        ("GET /schemas/ids/7", 200, &schema(OPENED, "[]")),
        ("GET /schemas/ids/8", 200, &schema(OPENED, "[]")),
    ]);
    let client = Client::new(&format!("{nobody}, {}/,{}", failing.address, good.address));
    assert!(client.writer(seven()).is_ok());
    assert_eq!((failing.asked().len(), good.asked().len()), (1, 1));
    assert!(client.writer(SchemaId::new(8).unwrap()).is_ok());
    assert_eq!((failing.asked().len(), good.asked().len()), (0, 1));
    let nobody = Client::new(&nobody).writer(seven()).unwrap_err();
    assert!(
        matches!(nobody, Unresolved::Unanswered(why) if why.starts_with("no answer from http://127.0.0.1:"))
    );
}

#[test]
fn who_takes_too_long_or_says_too_much_does_not_answer() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = format!("http://{}", listener.local_addr().unwrap());
    let client = Client::builder(&silent)
        .timeout(Duration::from_millis(50))
        .build();
    let late = client.writer(seven()).unwrap_err();
    assert!(
        matches!(&late, Unresolved::Unanswered(why) if *why == format!("no answer from {silent} within 0.05 s"))
    );
    let long = Fake::new(&[("GET /", 200, &"x".repeat(1_001))]);
    let ask = |answer_bytes_max| {
        let bounds = Bounds {
            timeout: TIMEOUT,
            answer_bytes_max,
            connections_idle_max: 1,
        };
        Server::new(&long.address, bounds).ask(Method::Get, &[""], &[])
    };
    assert!(ask(1_001).is_ok());
    assert!(matches!(ask(1_000), Err(server::NoAnswer::Broken(_))));
}

#[test]
fn json_that_cannot_be_read_is_no_text() {
    let nested = |levels| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    let ask = |status, body: &str| {
        let fake = Fake::new(&[("GET /", status, body)]);
        let bounds = Bounds {
            timeout: TIMEOUT,
            answer_bytes_max: ANSWER_BYTES_MAX,
            connections_idle_max: 1,
        };
        Server::new(&fake.address, bounds).ask(Method::Get, &[""], &[])
    };
    assert!(ask(200, &nested(127)).unwrap().unwrap().body.is_array());
    assert!(
        matches!(ask(200, &nested(128)), Err(server::NoAnswer::Broken(why)) if why.contains("recursion limit"))
    );
    // A text is one, and a refusal is heeded whatever it says.
    assert_eq!(ask(200, "a text").unwrap().unwrap().body, json!("a text"));
    assert_eq!(ask(404, &nested(128)).unwrap().unwrap_err().status, 404);
}

#[test]
fn who_asks_is_said() {
    let check = |builder: fn(Builder) -> Builder, wanted: &str| {
        let fake = Fake::new(&[]);
        let client = builder(Client::builder(&fake.address)).build();
        let _ = client.writer(seven());
        let head = fake.shared.heads.lock().unwrap().concat().to_lowercase();
        assert!(
            head.contains(&format!("authorization: {wanted}").to_lowercase()),
            "{head}"
        );
        assert!(!format!("{client:?}").contains("s3cret"));
    };
    check(|builder| builder.basic("me", "s3cret"), "Basic bWU6czNjcmV0");
    check(|builder| builder.bearer("s3cret"), "Bearer s3cret");
}

#[test]
fn who_asks_may_be_said_in_the_address_which_is_shown_without() {
    let fake = Fake::new(&[("GET /schemas/ids/7", 404, "<html>")]);
    let address = fake.address.replace("http://", "http://me:s3cret@");
    let head = || std::mem::take(&mut *fake.shared.heads.lock().unwrap()).concat();
    let builder = Client::builder(&address);
    assert!(!format!("{builder:?}").contains("s3cret"));
    let client = builder.build();
    let why = client.writer(seven()).unwrap_err().to_string();
    assert!(
        why.contains(&fake.address) && !why.contains("s3cret"),
        "{why} {client:?}"
    );
    assert!(!format!("{client:?}").contains("s3cret"));
    assert!(head().contains("Basic bWU6czNjcmV0"));
    let _ = Client::builder(&address).bearer("other").build().writer(seven());
    let head = head();
    assert!(head.contains("Bearer other") && !head.contains("Basic"), "{head}");
    let nobody = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://me:s3cret@{}", listener.local_addr().unwrap())
    };
    let why = Client::new(&nobody).writer(seven()).unwrap_err().to_string();
    assert!(
        why.contains("no answer from http://127.0.0.1:") && !why.contains("s3cret"),
        "{why}"
    );
}

#[test]
fn ids_are_looked_up_and_nothing_is_registered_unasked() {
    let fake = Fake::new(&[("POST /subjects/till-t.Opened/versions", 200, r#"{"id": 7}"#)]);
    let client = Client::new(&fake.address);
    assert_eq!(client.id(&ROW), Err(Unresolved::Unregistered));
    assert_eq!(fake.asked(), ["POST /subjects/till-t.Opened"]);
    let client = Client::builder(&fake.address).auto_register().build();
    assert_eq!((client.id(&ROW), client.id(&ROW)), (Ok(seven()), Ok(seven())));
    assert_eq!(
        fake.asked(),
        [
            "POST /subjects/till-t.Opened",
            "POST /subjects/till-t.Opened/versions"
        ]
    );
    fake.answers("POST /subjects/till-t.Opened", 200, r#"{"id": 7, "version": 3}"#);
    let client = Client::builder(&fake.address).auto_register().build();
    assert_eq!(client.id(&ROW), Ok(seven()));
    assert_eq!(fake.asked(), ["POST /subjects/till-t.Opened"]);
    let refused = r#"{"error_code": 409, "message": "incompatible"}"#;
    fake.answers("POST /subjects/s/versions", 409, refused);
    assert_eq!(
        client.register("s", SchemaType::Avro, OPENED, &[]),
        Err(Unresolved::Unusable("incompatible".to_owned()))
    );
}

#[test]
fn what_is_known_is_not_asked_for() {
    let pinned = SchemaVersion {
        id: Some(seven()),
        ..ROW
    };
    let rows = [
        pinned,
        SchemaVersion {
            id: SchemaId::new(9),
            references: &[("t.Opened", "till-t.Opened", 1)],
            ..SchemaVersion::new("all", 1, SchemaType::Avro, r#"["null", "t.Opened"]"#)
        },
    ];
    let nobody = Client::offline(&rows);
    assert_eq!(
        nobody.writer(seven()).unwrap().schema.record_name().as_deref(),
        Some("t.Opened")
    );
    let both = nobody.writer(SchemaId::new(9).unwrap()).unwrap();
    // The text alone names the record; only what it refers to says what it is made of.
    let Schema::Avro(read) = &both.schema else {
        panic!("it is Avro");
    };
    assert!(read.find("t.Opened").is_some());
    assert_eq!(nobody.id(&ROW), Ok(seven()));
    assert_eq!(
        nobody.writer(SchemaId::new(8).unwrap()).unwrap_err(),
        Unresolved::Unregistered
    );
    // An id that the generated code brings is this registry's only where somebody said so.
    let fake = Fake::new(&[]);
    assert_eq!(
        Client::new(&fake.address).id(&pinned),
        Err(Unresolved::Unregistered)
    );
    let client = Client::builder(&fake.address).known(&rows).build();
    assert!(client.writer(seven()).is_ok() && client.id(&pinned) == Ok(seven()));
    assert_eq!(fake.asked(), ["POST /subjects/till-t.Opened"]);
}

#[test]
fn one_text_with_other_references_has_another_id() {
    const ORDER: SchemaVersion = SchemaVersion::new("orders", 1, SchemaType::Avro, r#"["null", "t.Money"]"#);
    let rows = [
        SchemaVersion {
            id: SchemaId::new(1),
            references: &[("t.Money", "money", 1)],
            ..ORDER
        },
        SchemaVersion {
            id: SchemaId::new(2),
            version: 2,
            references: &[("t.Money", "money", 2)],
            ..ORDER
        },
        SchemaVersion {
            id: SchemaId::new(3),
            version: 3,
            schema_type: SchemaType::Json,
            references: &[("t.Money", "money", 2)],
            ..ORDER
        },
    ];
    let client = Client::offline(&rows);
    for row in rows {
        assert_eq!(client.id(&row).ok(), row.id);
    }
    assert_eq!(client.id(&ORDER), Err(Unresolved::Unregistered));
    // What was answered is kept by the same.
    let fake = Fake::new(&[("POST /subjects/orders", 200, r#"{"id": 7}"#)]);
    let client = Client::new(&fake.address);
    assert_eq!(rows.map(|row| client.id(&row).ok()), [Some(seven()); 3]);
    assert_eq!(fake.asked().len(), 3);
}

#[test]
fn the_numbers_of_files_are_not_those_of_the_registry() {
    const OF_FILES: SchemaVersion = SchemaVersion::new(
        "money",
        2,
        SchemaType::Avro,
        r#"{"type": "fixed", "name": "Money", "size": 4}"#,
    );
    let fake = Fake::new(&[
        (
            "GET /schemas/ids/7",
            200,
            &schema(
                r#"["null", "Money"]"#,
                r#"[{"name": "Money", "subject": "money", "version": 2}]"#,
            ),
        ),
        (
            "GET /subjects/money/versions/2?deleted=true",
            200,
            &schema(r#"{"type": "fixed", "name": "Money", "size": 8}"#, "[]"),
        ),
    ]);
    let client = Client::builder(&fake.address).known(&[OF_FILES]).build();
    let writer = client.writer(seven()).unwrap();
    let Schema::Avro(read) = &writer.schema else {
        panic!("it is Avro");
    };
    let text = read.resolved_text();
    assert!(text.contains("\"size\":8"), "{text}");
}

#[test]
fn nobody_is_followed_elsewhere() {
    let elsewhere = Fake::new(&[("GET /subjects/s", 200, "[]")]);
    let there = format!("{}/subjects/s", elsewhere.address);
    for status in [301, 302, 303, 307, 308] {
        let fake = Fake::new(&[
            ("DELETE /subjects/s", status, &there),
            ("GET /schemas/ids/7", status, &there),
        ]);
        let bounds = Bounds {
            timeout: TIMEOUT,
            answer_bytes_max: ANSWER_BYTES_MAX,
            connections_idle_max: 1,
        };
        let server = Server::new(&fake.address, bounds);
        let answered = server.ask(Method::Delete, &["subjects", "s"], &[]).unwrap();
        let refusal = answered.unwrap_err();
        assert_eq!(refusal.status, status);
        assert!(refusal.message.contains(&there), "{refusal}");
        let unresolved = Client::new(&fake.address).writer(seven()).unwrap_err();
        assert!(
            matches!(&unresolved, Unresolved::Unanswered(why) if why.contains(&there)),
            "{unresolved:?}"
        );
    }
    assert!(elsewhere.asked().is_empty());
}

#[test]
fn guids_name_ids_of_the_default_context() {
    let guid = [0x7c; 16];
    let path = format!("GET /schemas/guids/{}/ids", "7c".repeat(16));
    let fake = Fake::new(&[(
        &path,
        200,
        r#"[{"context": ".eu", "id": 3}, {"context": ".", "id": 7}]"#,
    )]);
    let client = Client::new(&fake.address);
    assert_eq!(
        (client.id_of(guid), client.id_of(guid)),
        (Ok(seven()), Ok(seven()))
    );
    assert_eq!(fake.asked().len(), 1);
    assert_eq!(client.id_of([0; 16]), Err(Unresolved::Unregistered));
}
